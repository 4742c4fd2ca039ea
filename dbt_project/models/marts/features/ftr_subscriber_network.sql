with active as (
    select
        subscriber_id,
        operator,
        as_of
    from {{ ref('int_subscriber_eligibility') }}
    where is_active and has_features
),

deliveries as (select * from {{ ref('stg_estate__deliveries') }}),

usage as (select * from {{ ref('int_subscriber_usage') }}),

number_events as (select * from {{ ref('int_subscriber_number_event') }}),

features as (
    select
        active.subscriber_id,
        cast(active.as_of as timestamp) as event_timestamp,
        cast(active.as_of as timestamp) as created_at,
        usage.subscriber_id is not null as has_network,
        cast(usage.data_kb_7d as double) / 1024 as data_mb_7d,
        cast(usage.data_kb_30d as double) / 1024 as data_mb_30d,
        cast(usage.data_kb_90d as double) / 1024 as data_mb_90d,
        cast(usage.voice_seconds_30d as double) / 60 as voice_min_30d,
        cast(usage.sms_count_30d as bigint) as sms_count_30d,
        {{ ratio('3 * usage.data_kb_30d', 'usage.data_kb_90d') }} as data_trend_ratio_30d,
        cast(bit_count(usage.used_days_30d) as bigint) as active_days_30d,
        active.as_of - usage.last_used_on as days_since_last_use,
        {{ ratio('usage.calls_dropped_30d', 'usage.calls_attempted_30d') }} as dropped_call_ratio_30d,
        cast(usage.roaming_kb_90d as double) / 1024 as roaming_mb_90d,
        {{ ratio('30 * usage.data_kb_7d', '7 * usage.data_kb_30d') }} as data_trend_ratio_7d,
        {{ ratio('3 * usage.voice_seconds_30d', 'usage.voice_seconds_90d') }} as voice_trend_ratio_30d,
        -- A day without a row is a day of 0. Whole numbers below the root: two reports of one day may not go below 0.
        case
            when usage.subscriber_id is not null
                then sqrt(cast(greatest(
                    30 * usage.data_kb_squared_30d - cast(usage.data_kb_30d as hugeint) * usage.data_kb_30d, 0
                ) as double)) / (30 * 1024)
        end as data_sd_mb_30d,
        cast(bit_count(usage.used_days_30d & 127) as bigint) as active_days_7d,
        usage.retainability_ratio_30d,
        usage.dl_throughput_mbps_30d,
        usage.dl_latency_ms_30d,
        usage.availability_ratio_30d,
        usage.bad_cell_share_30d,
        active.as_of - number_events.last_sim_swap_on as days_since_sim_swap,
        case when deliveries.has_number_events then coalesce(number_events.is_ported_in, false) end as is_ported_in
    from active
    inner join deliveries on active.operator = deliveries.operator
    left join usage on active.as_of = usage.as_of and active.subscriber_id = usage.subscriber_id
    left join number_events
        on active.as_of = number_events.as_of and active.subscriber_id = number_events.subscriber_id
)

select * from features
