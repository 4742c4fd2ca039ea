with bills as (select * from {{ source('billing_bravo', 'bills') }}),

drop_versions as (
    {{ drop_versions('billing_bravo.bills') }}
),

versioned as (
    select
        bills.operator,
        bills.source,
        bills.bill_no as invoice_id,
        bills.account_token,
        bills.subscription_token,
        cast(bills.issued_at as date) as issued_on,
        bills.from_on as period_start_on,
        bills.to_on as period_end_on,
        bills.due_on,
        bills.total_house as amount_house,
        bills.currency,
        bills.dt,
        bills.drop_version,
        bills.known_on,
        drop_versions.superseded_on,
        bills.is_known_assumed
    from bills
    inner join drop_versions
        on bills.source = drop_versions.source
        and bills.dt = drop_versions.dt
        and bills.drop_version = drop_versions.drop_version
)

select * from versioned
