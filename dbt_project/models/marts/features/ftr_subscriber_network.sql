with active as (
    select
        subscriber_id,
        operator,
        as_of
    from {{ ref('int_subscriber_eligibility') }}
    where is_active and has_features
),

holdings as (select * from {{ ref('int_number_holding') }}),

deliveries as (select * from {{ ref('stg_estate__deliveries') }}),

quality as (select * from {{ ref('int_subscriber_qoe') }}),

number_events as (select * from {{ ref('int_subscriber_number_event') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

window_days as (
    select * from {{ ref('int_window_day') }}
    where window_name = 'usage'
),

subscriber_usage as (
    select
        window_days.as_of,
        holdings.subscriber_id,
        usage.usage_on,
        usage.data_kb,
        usage.voice_seconds,
        usage.sms_count,
        usage.calls_attempted,
        usage.calls_dropped,
        usage.roaming_kb,
        usage.is_use
    from usage
    inner join window_days
        on usage.usage_on = window_days.day
        and {{ is_known('usage', 'window_days.as_of') }}
    inner join holdings
        on window_days.as_of = holdings.known_by
        and usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
),

windows as (
    select
        as_of,
        subscriber_id,
        sum(data_kb) filter (where usage_on >= as_of - 7) as data_kb_7d,
        sum(data_kb) filter (where usage_on >= as_of - 30) as data_kb_30d,
        sum(data_kb) as data_kb_90d,
        sum(cast(data_kb as hugeint) * data_kb) filter (where usage_on >= as_of - 30) as data_kb_squared_30d,
        sum(voice_seconds) as voice_seconds_90d,
        sum(voice_seconds) filter (where usage_on >= as_of - 30) as voice_seconds_30d,
        sum(sms_count) filter (where usage_on >= as_of - 30) as sms_count_30d,
        sum(calls_attempted) filter (where usage_on >= as_of - 30) as calls_attempted_30d,
        sum(calls_dropped) filter (where usage_on >= as_of - 30) as calls_dropped_30d,
        -- A bit for each day used: distinct days without a set of days for everyone, which would not fit in memory.
        -- DuckDB shifts before it filters, so an older day must have a bit too.
        bit_or(cast(1 as bigint) << least(as_of - 1 - usage_on, 30)) filter (
            where is_use and usage_on >= as_of - 30
        ) as used_days_30d,
        max(usage_on) filter (where is_use) as last_used_on,
        sum(roaming_kb) as roaming_kb_90d
    from subscriber_usage
    group by as_of, subscriber_id
),

-- Rows in 90 days but none in the shorter window: the network reported the line and it was idle, so 0 is the truth.
counted as (
    select
        as_of,
        subscriber_id,
        coalesce(data_kb_7d, 0) as data_kb_7d,
        coalesce(data_kb_30d, 0) as data_kb_30d,
        data_kb_90d,
        coalesce(data_kb_squared_30d, 0) as data_kb_squared_30d,
        voice_seconds_90d,
        coalesce(voice_seconds_30d, 0) as voice_seconds_30d,
        coalesce(sms_count_30d, 0) as sms_count_30d,
        calls_attempted_30d,
        calls_dropped_30d,
        cast(bit_count(coalesce(used_days_30d, 0) & 127) as bigint) as active_days_7d,
        cast(bit_count(coalesce(used_days_30d, 0)) as bigint) as active_days_30d,
        last_used_on,
        roaming_kb_90d
    from windows
),

features as (
    select
        active.subscriber_id,
        cast(active.as_of as timestamp) as event_timestamp,
        cast(active.as_of as timestamp) as created_at,
        counted.subscriber_id is not null as has_network,
        cast(counted.data_kb_7d as double) / 1024 as data_mb_7d,
        cast(counted.data_kb_30d as double) / 1024 as data_mb_30d,
        cast(counted.data_kb_90d as double) / 1024 as data_mb_90d,
        cast(counted.voice_seconds_30d as double) / 60 as voice_min_30d,
        cast(counted.sms_count_30d as bigint) as sms_count_30d,
        {{ ratio('3 * counted.data_kb_30d', 'counted.data_kb_90d') }} as data_trend_ratio_30d,
        counted.active_days_30d,
        active.as_of - counted.last_used_on as days_since_last_use,
        {{ ratio('counted.calls_dropped_30d', 'counted.calls_attempted_30d') }} as dropped_call_ratio_30d,
        cast(counted.roaming_kb_90d as double) / 1024 as roaming_mb_90d,
        {{ ratio('30 * counted.data_kb_7d', '7 * counted.data_kb_30d') }} as data_trend_ratio_7d,
        {{ ratio('3 * counted.voice_seconds_30d', 'counted.voice_seconds_90d') }} as voice_trend_ratio_30d,
        -- A day without a row is a day of 0. Whole numbers below the root: two reports of one day may not go below 0.
        case
            when counted.subscriber_id is not null
                then sqrt(cast(greatest(
                    30 * counted.data_kb_squared_30d - cast(counted.data_kb_30d as hugeint) * counted.data_kb_30d, 0
                ) as double)) / (30 * 1024)
        end as data_sd_mb_30d,
        counted.active_days_7d,
        quality.retainability_ratio_30d,
        quality.dl_throughput_mbps_30d,
        quality.dl_latency_ms_30d,
        quality.availability_ratio_30d,
        quality.bad_cell_share_30d,
        active.as_of - number_events.last_sim_swap_on as days_since_sim_swap,
        case when deliveries.has_number_events then coalesce(number_events.is_ported_in, false) end as is_ported_in
    from active
    inner join deliveries on active.operator = deliveries.operator
    left join counted on active.as_of = counted.as_of and active.subscriber_id = counted.subscriber_id
    left join quality on active.as_of = quality.as_of and active.subscriber_id = quality.subscriber_id
    left join number_events
        on active.as_of = number_events.as_of and active.subscriber_id = number_events.subscriber_id
)

select * from features
