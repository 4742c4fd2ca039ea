-- A golden id is a promise: whatever becomes known later, a subscription stays the subscriber it was.
select subscription_token
from {{ ref('int_subscriber_identity') }}
group by subscription_token
having count(distinct subscriber_id) > 1
