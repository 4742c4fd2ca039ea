with accounts as (select * from {{ source('billing_alpha', 'accounts') }}),

drop_versions as (
    {{ drop_versions('billing_alpha.accounts') }}
),

versioned as (
    select
        accounts.operator,
        accounts.source,
        accounts.account_token,
        accounts.segment,
        accounts.region,
        accounts.age_band,
        accounts.has_partner,
        accounts.has_dependents,
        accounts.is_paperless,
        accounts.payment_method,
        accounts.changed_at,
        accounts.dt,
        accounts.drop_version,
        accounts.known_on,
        drop_versions.superseded_on,
        accounts.is_known_assumed
    from accounts
    inner join drop_versions
        on accounts.source = drop_versions.source
        and accounts.dt = drop_versions.dt
        and accounts.drop_version = drop_versions.drop_version
)

select * from versioned
