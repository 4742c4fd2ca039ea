with known_by as (select * from {{ ref('int_known_by') }}),

accounts as (select * from {{ ref('int_account') }}),

newest as (
    select
        known_by.known_by,
        accounts.operator,
        accounts.account_token,
        accounts.segment,
        accounts.region,
        accounts.age_band,
        accounts.has_partner,
        accounts.has_dependents,
        accounts.is_paperless,
        accounts.payment_method,
        accounts.changed_at
    from accounts
    inner join known_by
        on accounts.changed_at < known_by.known_by
        and {{ is_known('accounts', 'known_by.known_by') }}
    qualify row_number() over (
        partition by known_by.known_by, accounts.account_token
        order by accounts.changed_at desc, accounts.dt desc, accounts.drop_version desc, accounts.told_by asc
    ) = 1
)

select * from newest
