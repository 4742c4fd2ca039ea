with periods as (select * from {{ ref('int_cell_period') }}),

window_days as (
    select
        as_of,
        cast(unnest(range(as_of - 30, as_of, interval 1 day)) as date) as day
    from {{ ref('int_as_of') }}
    where has_features
),

-- Two moments, by which DuckDB leaves out what it need not read, in drops of a day and in dumps of years.
span as (
    select
        cast(min(day) as timestamp) as first_at,
        cast(max(day) + 1 as timestamp) as stop_at
    from window_days
),

recent_periods as (
    select
        periods.*,
        cast(periods.period_start_at as date) as measured_on
    from periods
    inner join span on periods.period_start_at >= span.first_at and periods.period_start_at < span.stop_at
),

known_periods as (
    select
        window_days.as_of,
        recent_periods.*
    from recent_periods
    inner join window_days
        on recent_periods.measured_on = window_days.day
        and {{ is_known('recent_periods', 'window_days.as_of') }}
),

-- A part and its whole are summed over the same periods: those in which the vendor measured both.
summed as (
    select
        as_of,
        cell_id,
        measured_on,
        arg_max(vendor, (period_start_at, vendor)) as vendor,
        cast(sum(period_minutes) as bigint) as measured_minutes,
        sum(rrc_successes) filter (where rrc_attempts is not null) as rrc_successes,
        sum(rrc_attempts) filter (where rrc_successes is not null) as rrc_attempts,
        sum(bearer_successes) filter (where bearer_attempts is not null) as bearer_successes,
        sum(bearer_attempts) filter (where bearer_successes is not null) as bearer_attempts,
        sum(bearer_abnormal_releases) filter (where bearer_releases is not null) as bearer_abnormal_releases,
        sum(bearer_releases) filter (where bearer_abnormal_releases is not null) as bearer_releases,
        sum(dl_volume_kbit) filter (where dl_active_ms is not null) as dl_volume_kbit,
        sum(dl_active_ms) filter (where dl_volume_kbit is not null) as dl_active_ms,
        sum(dl_delay_ms_sum) filter (where dl_delay_packets is not null) as dl_delay_ms_sum,
        sum(dl_delay_packets) filter (where dl_delay_ms_sum is not null) as dl_delay_packets,
        sum(unavailable_s) as unavailable_s,
        sum(60 * period_minutes) filter (where unavailable_s is not null) as observed_s,
        sum(prb_used) filter (where prb_available is not null) as prb_used,
        sum(prb_available) filter (where prb_used is not null) as prb_available
    from known_periods
    group by as_of, cell_id, measured_on
),

-- NULL where nothing was attempted or measured: no attempt is not a failed one.
kpis as (
    select
        as_of,
        cell_id,
        measured_on,
        vendor,
        measured_minutes,
        {{ ratio('rrc_successes', 'rrc_attempts') }}
        * {{ ratio('bearer_successes', 'bearer_attempts') }} as accessibility_ratio,
        1 - {{ ratio('bearer_abnormal_releases', 'bearer_releases') }} as retainability_ratio,
        -- kbit per ms are Mbit per s.
        {{ ratio('dl_volume_kbit', 'dl_active_ms') }} as dl_throughput_mbps,
        {{ ratio('dl_delay_ms_sum', 'dl_delay_packets') }} as dl_latency_ms,
        1 - {{ ratio('unavailable_s', 'observed_s') }} as availability_ratio,
        {{ ratio('prb_used', 'prb_available') }} as prb_load_ratio
    from summed
)

select * from kpis
