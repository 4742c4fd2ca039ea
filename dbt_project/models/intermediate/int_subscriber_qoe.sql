with holdings as (select * from {{ ref('int_number_holding') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

kpis as (select * from {{ ref('int_cell_kpis') }}),

-- Narrow and in whole numbers: three joins read this, one for each cell of a day of use.
cells as (
    select
        as_of,
        cell_id,
        measured_on,
        cast(round(1000000 * retainability_ratio) as bigint) as retainability_ppm,
        cast(round(1000 * dl_throughput_mbps) as bigint) as dl_throughput_kbps,
        cast(round(1000 * dl_latency_ms) as bigint) as dl_latency_us,
        cast(round(1000000 * availability_ratio) as bigint) as availability_ppm,
        cast({{ is_bad_cell_day() }} as bigint) as is_bad
    from kpis
),

window_days as (
    select * from {{ ref('int_window_day') }}
    where window_name = 'quality'
),

known_usage as (
    select
        window_days.as_of,
        usage.msisdn_token,
        usage.usage_on,
        usage.cell_1_id,
        usage.cell_2_id,
        usage.cell_3_id,
        cast(round(1000000 * coalesce(usage.cell_1_share, 0)) as bigint) as share_1,
        cast(round(1000000 * coalesce(usage.cell_2_share, 0)) as bigint) as share_2,
        cast(round(1000000 * coalesce(usage.cell_3_share, 0)) as bigint) as share_3
    from usage
    inner join window_days
        on usage.usage_on = window_days.day
        and {{ is_known('usage', 'window_days.as_of') }}
),

-- A local day of use meets the UTC day of the cell: they differ by an hour or two, a day's KPI hardly.
met as (
    select
        known_usage.as_of,
        holdings.subscriber_id,
    {%- for kpi in ['retainability_ppm', 'dl_throughput_kbps', 'dl_latency_us', 'availability_ppm', 'is_bad'] %}
    {{ met_sum(kpi) }} as {{ kpi }}_met,
    {{ met_weight(kpi) }} as {{ kpi }}_weight
    {{- "," if not loop.last }}
    {%- endfor %}
    from known_usage
    inner join holdings
        on known_usage.as_of = holdings.known_by
        and known_usage.msisdn_token = holdings.msisdn_token
        and known_usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or known_usage.usage_on < holdings.held_to_on)
    {%- for rank in [1, 2, 3] %}
    left join cells as met_{{ rank }}
        on known_usage.as_of = met_{{ rank }}.as_of
        and known_usage.cell_{{ rank }}_id = met_{{ rank }}.cell_id
        and known_usage.usage_on = met_{{ rank }}.measured_on
    {%- endfor %}
),

-- Every day counts alike, whatever its volume: a bad day is remembered for being bad.
quality as (
    select
        as_of,
        subscriber_id,
        {{ met_mean('retainability_ppm', 1000000) }} as retainability_ratio_30d,
        {{ met_mean('dl_throughput_kbps', 1000) }} as dl_throughput_mbps_30d,
        {{ met_mean('dl_latency_us', 1000) }} as dl_latency_ms_30d,
        {{ met_mean('availability_ppm', 1000000) }} as availability_ratio_30d,
        {{ met_mean('is_bad', 1) }} as bad_cell_share_30d
    from met
    where is_bad_weight > 0
    group by as_of, subscriber_id
)

select * from quality
