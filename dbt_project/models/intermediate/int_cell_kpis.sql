with as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),

periods as (select * from {{ ref('int_cell_period') }}),

-- Periods of the window came in these drops: equality lets DuckDB skip the files of every other day.
drops as (
    select
        as_of,
        cast(cast(unnest(range(as_of - {{ quality_days() }}, as_of, interval 1 day)) as date) as varchar) as dt
    from as_ofs
),

told_periods as (
    select
        drops.as_of,
        periods.*,
        cast(periods.period_start_at as date) as measured_on
    from periods
    inner join drops
        on periods.dt = drops.dt
        and periods.period_start_at >= drops.as_of - {{ quality_days() }}
        and periods.period_start_at < drops.as_of
        and {{ is_known('periods', 'drops.as_of') }}
    where periods.is_known_assumed is not true
),

-- A dump of years is one drop, its day far from its periods' days; it matters until its last period leaves the window.
dumps as (select distinct dt from periods where is_known_assumed),

dump_days as (
    select
        drops.as_of,
        cast(drops.dt as date) as measured_on,
        dumps.dt
    from drops
    inner join dumps on dumps.dt >= drops.dt
),

dumped_periods as (
    select
        dump_days.as_of,
        periods.*,
        dump_days.measured_on
    from periods
    inner join dump_days
        on periods.dt = dump_days.dt
        and cast(periods.period_start_at as date) = dump_days.measured_on
        and {{ is_known('periods', 'dump_days.as_of') }}
    where periods.is_known_assumed
),

known_periods as (
    select * from told_periods
    union all
    select * from dumped_periods
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
