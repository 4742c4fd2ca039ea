-- Read twice, each time for other days: kept whole in between it would be all of history.
with usage as not materialized (select * from {{ ref('stg_network__usage_daily') }}),

kpis as (select * from {{ ref('int_cell_kpis') }}),

as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),

-- Days by which DuckDB leaves out what it need not read.
span as (
    select
        min(as_of) - 90 as first_on,
        max(as_of) - 30 as earlier_stop_on,
        min(as_of) - 30 as recent_first_on,
        max(as_of) as stop_on
    from as_ofs
),

-- Numbered, because groups of whole numbers cost a tenth of groups of names; materialised, so that a number stays.
holdings as materialized (
    select
        row_number() over () as holding_number,
        held.known_by as as_of,
        held.msisdn_token,
        held.subscriber_id,
        held.held_from_on,
        held.held_to_on
    from {{ ref('int_number_holding') }} as held
    inner join as_ofs on held.known_by = as_ofs.as_of
),

-- Narrow and in whole numbers: three joins read this, one for each cell of a day of use.
cells as (
    select
        as_of,
        cell_id,
        measured_on,
        {{ whole_units('retainability_ratio', 1000000) }} as retainability_ppm,
        {{ whole_units('dl_throughput_mbps', 1000) }} as dl_throughput_kbps,
        {{ whole_units('dl_latency_ms', 1000) }} as dl_latency_us,
        {{ whole_units('availability_ratio', 1000000) }} as availability_ppm,
        cast({{ is_bad_cell_day() }} as double) as is_bad
    from kpis
),

recent_use as (
    select
        holdings.holding_number,
        holdings.as_of,
        usage.*,
        round(1000000 * coalesce(usage.cell_1_share, 0)) as share_1,
        round(1000000 * coalesce(usage.cell_2_share, 0)) as share_2,
        round(1000000 * coalesce(usage.cell_3_share, 0)) as share_3
    from usage
    inner join span on usage.usage_on >= span.recent_first_on and usage.usage_on < span.stop_on
    inner join holdings
        on usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.as_of - 30
        and usage.usage_on < holdings.as_of
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
        and {{ is_known('usage', 'holdings.as_of') }}
),

-- A local day of use meets the UTC day of the cell: they differ by an hour or two, a day's KPI hardly.
met as (
    select
        recent_use.*,
    {%- for kpi in ['retainability_ppm', 'dl_throughput_kbps', 'dl_latency_us', 'availability_ppm', 'is_bad'] %}
    {{ met_sum(kpi) }} as {{ kpi }}_met,
    {{ met_weight(kpi) }} as {{ kpi }}_weight
    {{- "," if not loop.last }}
    {%- endfor %}
    from recent_use
    left join cells as met_1
        on recent_use.as_of = met_1.as_of
        and recent_use.cell_1_id = met_1.cell_id
        and recent_use.usage_on = met_1.measured_on
    left join cells as met_2
        on recent_use.as_of = met_2.as_of
        and recent_use.cell_2_id = met_2.cell_id
        and recent_use.usage_on = met_2.measured_on
    left join cells as met_3
        on recent_use.as_of = met_3.as_of
        and recent_use.cell_3_id = met_3.cell_id
        and recent_use.usage_on = met_3.measured_on
),

recent as (
    select
        holding_number,
        sum(data_kb) filter (where usage_on >= as_of - 7) as data_kb_7d,
        sum(data_kb) as data_kb_30d,
        sum(cast(data_kb as hugeint) * data_kb) as data_kb_squared_30d,
        sum(voice_seconds) as voice_seconds_30d,
        sum(sms_count) as sms_count_30d,
        sum(calls_attempted) as calls_attempted_30d,
        sum(calls_dropped) as calls_dropped_30d,
        sum(roaming_kb) as roaming_kb_30d,
        -- A bit for each day used: distinct days without a set of days for everyone, which would not fit in memory.
        bit_or(cast(1 as bigint) << (as_of - 1 - usage_on)) filter (where is_use) as used_days_30d,
        max(usage_on) filter (where is_use) as last_used_on,
        min(usage_on) as first_seen_on,
    {%- for kpi in ['retainability_ppm', 'dl_throughput_kbps', 'dl_latency_us', 'availability_ppm', 'is_bad'] %}
    sum({{ kpi }}_met) as {{ kpi }}_met,
    sum({{ kpi }}_weight) as {{ kpi }}_weight
    {{- "," if not loop.last }}
    {%- endfor %}
    from met
    group by holding_number
),

earlier as (
    select
        holdings.holding_number,
        sum(usage.data_kb) as data_kb_90d,
        sum(usage.voice_seconds) as voice_seconds_90d,
        sum(usage.roaming_kb) as roaming_kb_90d,
        max(usage.usage_on) filter (where usage.is_use) as last_used_on,
        min(usage.usage_on) as first_seen_on
    from usage
    inner join span on usage.usage_on >= span.first_on and usage.usage_on < span.earlier_stop_on
    inner join holdings
        on usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.as_of - 90
        and usage.usage_on < holdings.as_of - 30
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
        and {{ is_known('usage', 'holdings.as_of') }}
    group by holdings.holding_number
),

windows as (
    select
        *,
        data_kb_30d as data_kb_90d,
        voice_seconds_30d as voice_seconds_90d,
        roaming_kb_30d as roaming_kb_90d
    from recent
    union all by name
    select * from earlier
),

-- Who changed numbers held several. Rows in 90 days but none in a shorter window: the network reported the line and it
-- was idle, so 0 is the truth. Quality is the mean of what was met, every day alike whatever its volume: a bad day is
-- remembered for being bad.
subscriber_usage as (
    select
        holdings.as_of,
        holdings.subscriber_id,
        coalesce(sum(windows.data_kb_7d), 0) as data_kb_7d,
        coalesce(sum(windows.data_kb_30d), 0) as data_kb_30d,
        sum(windows.data_kb_90d) as data_kb_90d,
        coalesce(sum(windows.data_kb_squared_30d), 0) as data_kb_squared_30d,
        coalesce(sum(windows.voice_seconds_30d), 0) as voice_seconds_30d,
        sum(windows.voice_seconds_90d) as voice_seconds_90d,
        coalesce(sum(windows.sms_count_30d), 0) as sms_count_30d,
        sum(windows.calls_attempted_30d) as calls_attempted_30d,
        sum(windows.calls_dropped_30d) as calls_dropped_30d,
        coalesce(bit_or(windows.used_days_30d), 0) as used_days_30d,
        max(windows.last_used_on) as last_used_on,
        min(windows.first_seen_on) as first_seen_on,
        sum(windows.roaming_kb_90d) as roaming_kb_90d,
        {{ met_mean('retainability_ppm', 1000000) }} as retainability_ratio_30d,
        {{ met_mean('dl_throughput_kbps', 1000) }} as dl_throughput_mbps_30d,
        {{ met_mean('dl_latency_us', 1000) }} as dl_latency_ms_30d,
        {{ met_mean('availability_ppm', 1000000) }} as availability_ratio_30d,
        {{ met_mean('is_bad', 1) }} as bad_cell_share_30d
    from windows
    inner join holdings on windows.holding_number = holdings.holding_number
    group by holdings.as_of, holdings.subscriber_id
)

select * from subscriber_usage
