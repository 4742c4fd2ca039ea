with payments as (select * from {{ source('billing_bravo', 'payments') }}),

drop_versions as (
    {{ drop_versions('billing_bravo.payments') }}
),

versioned as (
    select
        payments.operator,
        payments.source,
        payments.payment_no as payment_id,
        payments.bill_no as invoice_id,
        payments.account_token,
        payments.booked_at as paid_at,
        payments.total_house as amount_house,
        payments.result = 'OK' as is_paid,
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
