with changes as (select * from {{ ref('int_subscription_change') }}),

-- The first row known of a subscription speaks for all of its life before; later rows from their own day.
spoken as (
    select
        known_by,
        msisdn_token,
        subscriber_id,
        case when change_number = 1 then started_on else cast(changed_at as date) end as spoken_on,
        ended_on,
        change_number,
        lag(msisdn_token) over subscriber_changes as previous_token,
        lead(msisdn_token) over subscriber_changes as next_token,
        lead(cast(changed_at as date)) over subscriber_changes as next_spoken_on
    from changes
    window subscriber_changes as (partition by known_by, subscriber_id order by change_number)
),

takeovers as (
    select
        known_by,
        msisdn_token,
        subscriber_id,
        change_number,
        spoken_on as held_from_on
    from spoken
    where previous_token is null or previous_token != msisdn_token
),

-- A number leaves its holder the day after the last day of service, or the day the subscription changes number.
departures as (
    select
        known_by,
        msisdn_token,
        subscriber_id,
        change_number,
        case when next_token != msisdn_token then next_spoken_on else ended_on + 1 end as left_on
    from spoken
    where next_token is null or next_token != msisdn_token
),

spans as (
    select
        takeovers.known_by,
        takeovers.msisdn_token,
        takeovers.subscriber_id,
        takeovers.held_from_on,
        departures.left_on
    from takeovers
    inner join departures
        on takeovers.known_by = departures.known_by
        and takeovers.subscriber_id = departures.subscriber_id
        and takeovers.msisdn_token = departures.msisdn_token
        and takeovers.change_number <= departures.change_number
    qualify row_number() over (
        partition by takeovers.known_by, takeovers.subscriber_id, takeovers.change_number
        order by departures.change_number
    ) = 1
),

-- Whoever takes a number over ends the hold of the one before: no day of use has two owners.
holdings as (
    select
        known_by,
        msisdn_token,
        subscriber_id,
        held_from_on,
        least(
            left_on,
            lead(held_from_on) over (partition by known_by, msisdn_token order by held_from_on, subscriber_id)
        ) as held_to_on
    from spans
)

select * from holdings
