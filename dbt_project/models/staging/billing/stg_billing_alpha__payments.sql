with payments as (select * from {{ source('billing_alpha', 'payments') }}),

drop_versions as (
    {{ drop_versions('billing_alpha.payments') }}
),

versioned as (
    select
        payments.operator,
        payments.source,
        payments.payment_id,
        payments.invoice_id,
        payments.account_token,
        payments.paid_at,
        payments.amount_house,
        payments.status = 'ok' as is_paid,
        payments.dt,
        payments.drop_version,
        payments.known_on,
        drop_versions.superseded_on,
        payments.is_known_assumed
    from payments
    inner join drop_versions
        on payments.source = drop_versions.source
        and payments.dt = drop_versions.dt
        and payments.drop_version = drop_versions.drop_version
)

select * from versioned
