with subscribers as (select * from {{ source('billing_bravo', 'subscribers') }}),

drop_versions as (
    {{ drop_versions('billing_bravo.subscribers') }}
),

versioned as (
    select
        subscribers.operator,
        subscribers.source,
        subscribers.subscription_token,
        subscribers.account_token,
        subscribers.msisdn_token,
        subscribers.imsi_token,
        {{ bravo_word('customer_class', 'subscribers.customer_class') }} as segment,
        subscribers.sales_area as region,
        {{ bravo_word('age_class', 'subscribers.age_class') }} as age_band,
        -- An assumption: two persons are taken for a couple, the third and later ones for dependents.
        subscribers.household >= 2 as has_partner,
        subscribers.household >= 3 as has_dependents,
        subscribers.e_bill as is_paperless,
        {{ bravo_word('pay_channel', 'subscribers.pay_channel') }} as payment_method,
        subscribers.tariff_id as plan_code,
        {{ bravo_contract_type('subscribers.pay_mode', 'subscribers.term_months') }} as contract_type,
        {{ bravo_codes("coalesce(subscribers.addons, '')") }} as addon_codes,
        subscribers.fee_house as price_house,
        subscribers.activated_on as started_on,
        subscribers.commit_until as contract_end_on,
        {{ bravo_word('state', 'subscribers.state') }} as status,
        -- An end without its day took effect when the change did; a day without an end is a notice, not an end.
        case
            when subscribers.state = 'T'
                then coalesce(subscribers.terminated_on, cast(subscribers.modified_at as date))
        end as ended_on,
        {{ bravo_word('term_code', 'subscribers.term_code') }} as end_reason,
        subscribers.modified_at as changed_at,
        subscribers.dt,
        subscribers.drop_version,
        subscribers.known_on,
        drop_versions.superseded_on,
        subscribers.is_known_assumed
    from subscribers
    inner join drop_versions
        on subscribers.source = drop_versions.source
        and subscribers.dt = drop_versions.dt
        and subscribers.drop_version = drop_versions.drop_version
)

select * from versioned
