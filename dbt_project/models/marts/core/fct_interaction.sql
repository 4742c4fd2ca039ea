with newest as (select max(as_of) as as_of from {{ ref('int_as_of') }}),

interactions as (select * from {{ ref('stg_care__interactions') }}),

holdings as (select * from {{ ref('int_number_holding') }}),

known_interactions as (
    select
        interactions.source,
        interactions.interaction_id,
        holdings.subscriber_id,
        interactions.opened_at,
        interactions.channel,
        interactions.topic,
        interactions.is_resolved,
        interactions.is_complaint,
        interactions.wait_s,
        interactions.known_on,
        newest.as_of
    from interactions
    inner join newest
        on interactions.opened_at < newest.as_of
        and {{ is_known('interactions', 'newest.as_of') }}
    inner join holdings
        on newest.as_of = holdings.known_by
        and interactions.msisdn_token = holdings.msisdn_token
        and interactions.opened_on >= holdings.held_from_on
        and (holdings.held_to_on is null or interactions.opened_on < holdings.held_to_on)
)

select * from known_interactions
