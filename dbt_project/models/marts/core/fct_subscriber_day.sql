with newest as (select max(as_of) as as_of from {{ ref('int_as_of') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

holdings as (select * from {{ ref('int_number_holding') }}),

days as (
    select
        holdings.subscriber_id,
        usage.usage_on,
        usage.source,
        usage.data_kb,
        usage.voice_seconds,
        usage.sms_count,
        usage.calls_attempted,
        usage.calls_dropped,
        usage.roaming_kb,
        usage.known_on,
        newest.as_of
    from usage
    inner join newest
        on usage.usage_on < newest.as_of
        and {{ is_known('usage', 'newest.as_of') }}
    inner join holdings
        on newest.as_of = holdings.known_by
        and usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
)

select * from days
