with cells as (select * from {{ source('network', 'cells') }}),

drop_versions as (
    {{ drop_versions('network.cells') }}
),

versioned as (
    select
        cells.operator,
        cells.source,
        cells.cell_id,
        cells.site_id,
        cells.vendor,
        cells.technology,
        cells.band,
        cells.region,
        cells.valid_on,
        cells.dt,
        cells.drop_version,
        cells.known_on,
        drop_versions.superseded_on,
        cells.is_known_assumed
    from cells
    inner join drop_versions
        on cells.source = drop_versions.source
        and cells.dt = drop_versions.dt
        and cells.drop_version = drop_versions.drop_version
)

select * from versioned
