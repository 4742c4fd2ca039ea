with as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),

deliveries as (select * from {{ ref('stg_estate__deliveries') }}),

changes as not materialized (select * from {{ ref('int_subscription_change') }}),

accounts as (select * from {{ ref('int_account_state') }}),

products as (select * from {{ ref('int_product_summary') }}),

invoices as (select * from {{ ref('int_invoice') }}),

payments as (select * from {{ ref('int_payment') }}),

active as (
    select
        eligibility.subscriber_id,
        eligibility.as_of,
        eligibility.operator,
        eligibility.subscription_token,
        eligibility.account_token,
        eligibility.tenure_days,
        deliveries.has_invoices,
        deliveries.has_payments and deliveries.has_invoices as has_payments
    from {{ ref('int_subscriber_eligibility') }} as eligibility
    inner join deliveries on eligibility.operator = deliveries.operator
    where eligibility.is_active and eligibility.has_features
),

current_terms as (select * from changes where next_changed_at is null),

-- What was charged 90 days before, by what is known now; a subscriber without terms then has no change.
earlier_terms as (
    select
        changes.known_by,
        changes.subscriber_id,
        changes.price_house
    from changes
    where
        changes.changed_at < changes.known_by - 90
        and (changes.next_changed_at is null or changes.next_changed_at >= changes.known_by - 90)
),

-- A row that only repeats the price is no change of it.
priced as (
    select
        known_by,
        subscriber_id,
        changed_at,
        price_house,
        lag(price_house) over (partition by known_by, subscriber_id order by change_number) as previous_house
    from changes
),

price_changes as (
    select
        known_by,
        subscriber_id,
        max(cast(changed_at as date)) as price_changed_on
    from priced
    where price_house != previous_house
    group by known_by, subscriber_id
),

account_lines as (
    select
        as_of,
        account_token,
        count(*) as account_line_count
    from {{ ref('int_subscriber_eligibility') }}
    where has_features
    group by as_of, account_token
),

account_ends as (
    select
        known_by,
        account_token,
        count(*) as account_ended_lines_90d
    from current_terms
    where ended_on >= known_by - 90 and ended_on < known_by
    group by known_by, account_token
),

known_invoices as (
    select
        as_ofs.as_of,
        invoices.*
    from invoices
    inner join as_ofs
        on invoices.issued_on < as_ofs.as_of
        and {{ is_known('invoices', 'as_ofs.as_of') }}
),

known_payments as (
    select
        as_ofs.as_of,
        payments.*
    from payments
    inner join as_ofs
        on payments.paid_at < as_ofs.as_of
        and {{ is_known('payments', 'as_ofs.as_of') }}
),

-- Two operators number their invoices alike.
paid as (
    select
        as_of,
        operator,
        invoice_id,
        sum(amount_house) filter (where is_paid) as paid_house,
        count(*) filter (where not is_paid and paid_at >= as_of - 90) as failed_payments_90d,
        count(*) filter (where paid_at >= as_of - 90) as payment_attempts_90d,
        max(cast(paid_at as date)) filter (where is_paid) as last_paid_on
    from known_payments
    group by as_of, operator, invoice_id
),

-- Due are bills whose day to be paid lies in the 90 days before; a credit note is never late.
settled_invoices as (
    select
        known_invoices.*,
        known_invoices.amount_house > 0
        and known_invoices.due_on >= known_invoices.as_of - 90
        and known_invoices.due_on < known_invoices.as_of as is_due_90d,
        paid.paid_house,
        paid.failed_payments_90d,
        paid.payment_attempts_90d,
        paid.last_paid_on
    from known_invoices
    left join paid
        on known_invoices.as_of = paid.as_of
        and known_invoices.operator = paid.operator
        and known_invoices.invoice_id = paid.invoice_id
),

billed as (
    select
        as_of,
        subscription_token,
        sum(amount_house) filter (where issued_on >= as_of - 30) as billed_house_30d,
        sum(amount_house) filter (where issued_on >= as_of - 90) as billed_house_90d,
        sum(amount_house) filter (where issued_on >= as_of - 365) as billed_house_365d,
        count(*) filter (where issued_on >= as_of - 90) as invoice_count_90d,
        arg_max(amount_house, (issued_on, invoice_id)) filter (where issued_on >= as_of - 90) as newest_house_90d,
        min(period_start_on) filter (where issued_on >= as_of - 90) as billed_from_on,
        max(period_end_on) filter (where issued_on >= as_of - 90) as billed_to_on,
        max(issued_on) as last_issued_on,
        -- Ten-thousandths of the currency are whole numbers: their squares add up exactly.
        sum(cast(10000 * amount_house as hugeint)) filter (where issued_on >= as_of - 90) as billed_e4_90d,
        sum(cast(10000 * amount_house as hugeint) * cast(10000 * amount_house as hugeint)) filter (
            where issued_on >= as_of - 90
        ) as billed_e4_squared_90d,
        sum(failed_payments_90d) as failed_payments_90d,
        sum(payment_attempts_90d) as payment_attempts_90d,
        max(last_paid_on) as last_paid_on,
        -- An invoice no payment names was paid 0.
        sum(amount_house - coalesce(paid_house, 0)) filter (
            where issued_on >= as_of - 90 and due_on < as_of
        ) as unpaid_house_90d,
        -- Late until it is paid, or until now.
        sum(greatest(case when paid_house >= amount_house then last_paid_on else as_of end - due_on, 0)) filter (
            where is_due_90d
        ) as late_days_90d,
        count(*) filter (where is_due_90d) as due_invoices_90d
    from settled_invoices
    group by as_of, subscription_token
),

-- Where a feed is delivered, nothing billed, failed or owed is a true 0; where it is not, NULL.
amounts as (
    select
        active.*,
        billed.last_issued_on,
        billed.last_paid_on,
        billed.newest_house_90d,
        billed.billed_e4_90d,
        billed.billed_e4_squared_90d,
        case when active.has_payments then billed.payment_attempts_90d end as payment_attempts_90d,
        case when active.has_payments then billed.late_days_90d end as late_days_90d,
        billed.due_invoices_90d,
        case when active.has_invoices then coalesce(billed.billed_house_30d, 0) end as billed_house_30d,
        case when active.has_invoices then coalesce(billed.billed_house_90d, 0) end as billed_house_90d,
        case when active.has_invoices then coalesce(billed.billed_house_365d, 0) end as billed_house_365d,
        case when active.has_invoices then coalesce(billed.invoice_count_90d, 0) end as invoice_count_90d,
        case when active.has_payments then coalesce(billed.failed_payments_90d, 0) end as failed_payments_90d,
        case when active.has_payments then coalesce(billed.unpaid_house_90d, 0) end as unpaid_house_90d,
        -- Days the invoices of the window cover: with a 31-day month, 30 days of invoices hold none, one or two.
        case
            when coalesce(billed.invoice_count_90d, 0) = 0 then 1
            else greatest(billed.billed_to_on - billed.billed_from_on, 1)
        end as billed_days_90d
    from active
    left join billed on active.as_of = billed.as_of and active.subscription_token = billed.subscription_token
),

features as (
    select
        amounts.subscriber_id,
        cast(amounts.as_of as timestamp) as event_timestamp,
        cast(amounts.as_of as timestamp) as created_at,
        amounts.tenure_days,
        current_terms.contract_type,
        current_terms.plan_code,
        accounts.segment,
        accounts.payment_method,
        accounts.is_paperless,
        accounts.has_partner,
        accounts.has_dependents,
        {{ amount('current_terms.price_house') }} as price_eur,
        current_terms.status = 'suspended' as is_suspended,
        current_terms.contract_end_on - amounts.as_of as days_to_contract_end,
        products.product_count,
        products.internet_technology,
        products.has_voice,
        products.has_multiple_lines,
        products.has_mobile_data,
        products.has_online_security,
        products.has_online_backup,
        products.has_device_protection,
        products.has_tech_support,
        products.has_streaming_tv,
        products.has_streaming_movies,
        {{ amount('amounts.billed_house_30d') }} as billed_eur_30d,
        {{ amount('amounts.billed_house_90d') }} as billed_eur_90d,
        {{ amount('amounts.billed_house_365d') }} as billed_eur_365d,
        amounts.invoice_count_90d,
        case
            when amounts.billed_house_90d > 0
                then {{ amount_over(
                    'amounts.newest_house_90d * amounts.invoice_count_90d', 'amounts.billed_house_90d'
                ) }}
        end as billed_trend_ratio_90d,
        amounts.as_of - amounts.last_issued_on as days_since_last_invoice,
        {{ amount('current_terms.price_house - earlier_terms.price_house') }} as price_change_eur_90d,
        cast(amounts.failed_payments_90d as bigint) as failed_payments_90d,
        {{ amount('amounts.unpaid_house_90d') }} as unpaid_eur_90d,
        amounts.as_of - amounts.last_paid_on as days_since_last_payment,
        {{ amount_over(
            '30 * amounts.billed_house_90d - products.cost_house_30d * amounts.billed_days_90d', 'amounts.billed_days_90d'
        ) }} as margin_eur_30d,
        {{ ratio('amounts.failed_payments_90d', 'amounts.payment_attempts_90d') }} as failed_payment_ratio_90d,
        {{ ratio('amounts.late_days_90d', 'amounts.due_invoices_90d') }} as mean_days_late_90d,
        sqrt(cast(greatest(
            amounts.invoice_count_90d * amounts.billed_e4_squared_90d - amounts.billed_e4_90d * amounts.billed_e4_90d, 0
        ) as double)) / (10000 * nullif(amounts.invoice_count_90d, 0)) as billed_sd_eur_90d,
        amounts.as_of - price_changes.price_changed_on as days_since_price_change,
        account_lines.account_line_count,
        coalesce(account_ends.account_ended_lines_90d, 0) as account_ended_lines_90d
    from amounts
    inner join current_terms
        on amounts.as_of = current_terms.known_by and amounts.subscriber_id = current_terms.subscriber_id
    inner join products on amounts.as_of = products.known_by and amounts.subscriber_id = products.subscriber_id
    left join accounts on amounts.as_of = accounts.known_by and amounts.account_token = accounts.account_token
    inner join account_lines
        on amounts.as_of = account_lines.as_of and amounts.account_token = account_lines.account_token
    left join account_ends
        on amounts.as_of = account_ends.known_by and amounts.account_token = account_ends.account_token
    left join price_changes
        on amounts.as_of = price_changes.known_by and amounts.subscriber_id = price_changes.subscriber_id
    left join earlier_terms
        on amounts.as_of = earlier_terms.known_by and amounts.subscriber_id = earlier_terms.subscriber_id
)

select * from features
