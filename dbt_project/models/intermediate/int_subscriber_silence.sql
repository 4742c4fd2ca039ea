with cutoffs as (
    select * from {{ ref('int_label_cutoff') }}
    where label = 'lbl_churn_30d'
),

prepaid as (
    select
        as_of,
        subscriber_id
    from {{ ref('int_subscriber_eligibility') }}
    where is_active and contract_type = 'prepaid'
),

holdings as (select * from {{ ref('int_number_holding') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

-- Two days, by which DuckDB leaves out what it need not read.
span as (
    select
        min(as_of) - {{ silence_days() }} as first_on,
        max(stop_on) as stop_on
    from cutoffs
),

prepaid_holdings as (
    select
        prepaid.as_of,
        cutoffs.stop_on,
        holdings.*
    from holdings
    inner join cutoffs on holdings.known_by = cutoffs.known_by
    inner join prepaid
        on cutoffs.as_of = prepaid.as_of
        and holdings.subscriber_id = prepaid.subscriber_id
),

subscriber_usage as (
    select
        prepaid_holdings.as_of,
        prepaid_holdings.subscriber_id,
        usage.usage_on,
        usage.is_use
    from usage
    inner join span on usage.usage_on >= span.first_on and usage.usage_on < span.stop_on
    inner join prepaid_holdings
        on usage.msisdn_token = prepaid_holdings.msisdn_token
        and usage.usage_on >= prepaid_holdings.as_of - {{ silence_days() }}
        and usage.usage_on < prepaid_holdings.stop_on
        and usage.usage_on >= prepaid_holdings.held_from_on
        and (prepaid_holdings.held_to_on is null or usage.usage_on < prepaid_holdings.held_to_on)
        and {{ is_known('usage', 'prepaid_holdings.known_by') }}
),

-- A line that only ever had idle rows counts its silence from the day before the first of them.
use_days as (
    select
        as_of,
        subscriber_id,
        usage_on as used_on
    from subscriber_usage where is_use
    union
    select
        as_of,
        subscriber_id,
        min(usage_on) - 1 as used_on
    from subscriber_usage group by as_of, subscriber_id
),

gaps as (
    select
        as_of,
        subscriber_id,
        used_on + {{ silence_days() }} as silent_on,
        lead(used_on) over (partition by as_of, subscriber_id order by used_on) as next_used_on
    from use_days
),

silences as (
    select
        gaps.as_of,
        gaps.subscriber_id,
        min(gaps.silent_on) as silent_on
    from gaps
    inner join cutoffs on gaps.as_of = cutoffs.as_of
    where
        gaps.silent_on >= gaps.as_of
        and gaps.silent_on < cutoffs.stop_on
        and (gaps.next_used_on is null or gaps.next_used_on > gaps.silent_on)
    group by gaps.as_of, gaps.subscriber_id
)

select * from silences
