with invoices as (select * from {{ source('billing_alpha', 'invoices') }}),

drop_versions as (
    {{ drop_versions('billing_alpha.invoices') }}
),

versioned as (
    select
        invoices.operator,
        invoices.source,
        invoices.invoice_id,
        invoices.account_token,
        invoices.subscription_token,
        invoices.issued_on,
        invoices.period_start_on,
        invoices.period_end_on,
        invoices.due_on,
        invoices.amount_house,
        invoices.currency,
        invoices.dt,
        invoices.drop_version,
        invoices.known_on,
        drop_versions.superseded_on,
        invoices.is_known_assumed
    from invoices
    inner join drop_versions
        on invoices.source = drop_versions.source
        and invoices.dt = drop_versions.dt
        and invoices.drop_version = drop_versions.drop_version
)

select * from versioned
