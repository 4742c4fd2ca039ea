with newest as (select max(as_of) as as_of from {{ ref('int_as_of') }}),

invoices as (select * from {{ ref('int_invoice') }}),

identities as (select * from {{ ref('int_subscriber_identity') }}),

known_invoices as (
    select
        invoices.invoice_id,
        invoices.operator,
        identities.subscriber_id,
        invoices.issued_on,
        invoices.period_start_on,
        invoices.period_end_on,
        invoices.due_on,
        invoices.amount_house,
        invoices.currency,
        invoices.known_on,
        newest.as_of
    from invoices
    inner join newest
        on invoices.issued_on < newest.as_of
        and {{ is_known('invoices', 'newest.as_of') }}
    inner join identities
        on newest.as_of = identities.known_by
        and invoices.subscription_token = identities.subscription_token
)

select * from known_invoices
