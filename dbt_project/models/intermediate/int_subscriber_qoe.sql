with as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),

holdings as (select * from {{ ref('int_number_holding') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

kpis as (select * from {{ ref('int_cell_kpis') }}),

known_usage as (
    select
        as_ofs.as_of,
        holdings.subscriber_id,
        usage.usage_on,
        unnest([usage.cell_1_id, usage.cell_2_id, usage.cell_3_id]) as cell_id,
        unnest([usage.cell_1_share, usage.cell_2_share, usage.cell_3_share]) as share
    from usage
    inner join as_ofs
        on usage.usage_on >= as_ofs.as_of - {{ quality_days() }}
        and usage.usage_on < as_ofs.as_of
        and {{ is_known('usage', 'as_ofs.as_of') }}
    inner join holdings
        on as_ofs.as_of = holdings.known_by
        and usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
),

-- A local day of use meets the UTC day of the cell: they differ by an hour or two, a day's KPI hardly.
met as (
    select
        known_usage.as_of,
        known_usage.subscriber_id,
        known_usage.usage_on,
        cast(round(1000000 * known_usage.share) as bigint) as share_e6,
        kpis.accessibility_ratio,
        kpis.retainability_ratio,
        kpis.dl_throughput_mbps,
        kpis.dl_latency_ms,
        kpis.availability_ratio,
        kpis.prb_load_ratio
    from known_usage
    inner join kpis
        on known_usage.as_of = kpis.as_of
        and known_usage.cell_id = kpis.cell_id
        and known_usage.usage_on = kpis.measured_on
    where known_usage.share > 0
),

-- Every day counts alike, whatever its volume: a bad day is remembered for being bad.
quality as (
    select
        as_of,
        subscriber_id,
        count(distinct usage_on) as measured_days_30d,
        {{ met_mean('accessibility_ratio') }} as accessibility_ratio_30d,
        {{ met_mean('retainability_ratio') }} as retainability_ratio_30d,
        {{ met_mean('dl_throughput_mbps') }} as dl_throughput_mbps_30d,
        {{ met_mean('dl_latency_ms') }} as dl_latency_ms_30d,
        {{ met_mean('availability_ratio') }} as availability_ratio_30d,
        {{ met_mean('prb_load_ratio') }} as prb_load_ratio_30d
    from met
    group by as_of, subscriber_id
)

select * from quality
