with usage as (select * from {{ source('network', 'usage_daily') }}),

drop_versions as (
    {{ drop_versions('network.usage_daily') }}
),

versioned as (
    select
        usage.operator,
        usage.source,
        usage.msisdn_token,
        usage.usage_on,
        usage.data_kb,
        usage.voice_seconds,
        usage.sms_count,
        usage.calls as calls_attempted,
        usage.calls_dropped,
        usage.roaming_kb,
        usage.cell_1_id,
        usage.cell_1_share,
        usage.cell_2_id,
        usage.cell_2_share,
        usage.cell_3_id,
        usage.cell_3_share,
        -- Some networks write a row of zeros for an idle line: a row alone is not use.
        greatest(usage.data_kb, usage.voice_seconds, usage.sms_count, usage.calls, usage.roaming_kb) > 0 as is_use,
        usage.dt,
        usage.drop_version,
        usage.known_on,
        drop_versions.superseded_on,
        usage.is_known_assumed
    from usage
    inner join drop_versions
        on usage.source = drop_versions.source
        and usage.dt = drop_versions.dt
        and usage.drop_version = drop_versions.drop_version
)

select * from versioned
