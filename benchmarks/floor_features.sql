-- The features of one as_of in plain DuckDB, for benchmarks/floor.py: one table `features`, sorted by subscriber_id.
-- A view per feed (network__usage_daily, ...) has the rows known by then; :as_of is the day. `place` orders the rows of
-- one subject as they were told: by their moment, then by the day of their drop.
-- As in the simulated house, a number that was ported out does not come back and a line keeps its number.

create macro place(moment, drop_day) as epoch_us(moment) * 1000 + 999 - least(:as_of - cast(drop_day as date), 999);

-- Lines: the newest terms, the first ones, and those in force 90 days ago -----------------------------------------

create temp table terms as
select
    operator, subscription_token, account_token, msisdn_token, plan_code, null as addons, contract_type, price_house,
    started_on, contract_end_on, status,
    case when status = 'ended' then coalesce(ended_on, cast(changed_at as date)) end as ended_on,
    changed_at, place(changed_at, dt) as place
from billing_alpha__subscriptions
where changed_at < :as_of
union all
select
    operator, subscription_token, account_token, msisdn_token, tariff_id, coalesce(addons, ''),
    case when pay_mode = 'PRE' then 'prepaid' when term_months <= 1 then 'monthly' when term_months <= 12 then '12m'
         else '24m' end,
    fee_house, activated_on, commit_until, case state when 'A' then 'active' when 'B' then 'suspended' else 'ended' end,
    case when state = 'T' then coalesce(terminated_on, cast(modified_at as date)) end,
    modified_at, place(modified_at, dt)
from billing_bravo__subscribers
where modified_at < :as_of;

create temp table lines as
with told as (
    select
        subscription_token, arg_max(rowid, place) as newest, arg_min(rowid, place) as oldest,
        arg_max(rowid, place) filter (where changed_at < :as_of - 90) as earlier,
        min(price_house) != max(price_house) as is_repriced
    from terms
    group by subscription_token
)
select
    cast(row_number() over () as integer) as line, now.*, earlier.price_house as earlier_house, told.is_repriced,
    first.started_on as first_started_on, cast(first.changed_at as date) as told_on,
    now.ended_on is null or now.ended_on >= :as_of as is_open
from told
inner join terms as now on now.rowid = told.newest
inner join terms as first on first.rowid = told.oldest
left join terms as earlier on earlier.rowid = told.earlier;

create temp table repriced as
with priced as (
    select
        lines.line, terms.changed_at, terms.price_house,
        lag(terms.price_house) over (partition by lines.line order by terms.place) as previous_house
    from terms
    inner join lines on terms.subscription_token = lines.subscription_token
    where lines.is_repriced and lines.is_open
)
select line, max(cast(changed_at as date)) as price_changed_on
from priced
where price_house != previous_house
group by line;

create temp table payers as
select account_token, count(*) filter (where is_open) as account_line_count,
       count(*) filter (where ended_on >= :as_of - 90 and ended_on < :as_of) as account_ended_lines_90d
from lines
group by account_token;

create temp table customers as
select
    account_token, segment, region, payment_method, is_paperless, has_partner, has_dependents
from billing_alpha__accounts
where changed_at < :as_of
qualify row_number() over (partition by account_token order by place(changed_at, dt) desc) = 1
union all
select
    account_token, case customer_class when 'R' then 'consumer' when 'B' then 'business' end, sales_area,
    case pay_channel when 'SEPA' then 'bank_transfer' when 'CARD' then 'credit_card'
                     when 'TRANSFER' then 'electronic_check' when 'CASH' then 'mailed_check'
                     when 'VOUCHER' then 'top_up' end,
    e_bill, household >= 2, household >= 3
from billing_bravo__subscribers
where modified_at < :as_of
qualify row_number() over (partition by account_token order by place(modified_at, dt) desc, subscription_token) = 1;

-- Who holds which number ------------------------------------------------------------------------------------------

create temp table number_events as
select msisdn_token, event, cast(occurred_at as date) as on_day
from network__number_events
where occurred_at < :as_of;

create temp table holds as
with given as (
    select lines.line, max(number_events.on_day) as given_on
    from lines
    inner join number_events
        on lines.msisdn_token = number_events.msisdn_token and lines.told_on >= number_events.on_day
    where number_events.event in ('activation', 'port_in', 'reassignment')
    group by lines.line
),
shared as (select msisdn_token from lines group by msisdn_token having count(*) > 1),
several as (select lines.* from lines inner join shared on lines.msisdn_token = shared.msisdn_token),
vacated as (
    select one.line, max(other.ended_on + 1) as vacated_on
    from several as one
    inner join several as other
        on one.msisdn_token = other.msisdn_token and one.line != other.line and one.told_on >= other.ended_on + 1
    group by one.line
),
begun as (
    select
        lines.line, lines.msisdn_token, lines.told_on, lines.is_open, lines.subscription_token,
        greatest(lines.first_started_on, given.given_on, vacated.vacated_on) as from_on,
        coalesce(lines.ended_on + 1, date '9999-12-31') as left_on
    from lines
    left join given on lines.line = given.line
    left join vacated on lines.line = vacated.line
),
cuts as (
    select begun.line, min(number_events.on_day + if(number_events.event = 'port_out', 1, 0)) as cut_on
    from begun
    inner join number_events
        on begun.msisdn_token = number_events.msisdn_token and number_events.on_day < begun.left_on
        and number_events.on_day > begun.from_on + if(number_events.event = 'port_out', 0, 30)
    where number_events.event in ('port_out', 'reassignment')
    group by begun.line
),
spans as (
    select begun.*, least(begun.left_on, cuts.cut_on) as to_on
    from begun
    left join cuts on begun.line = cuts.line
    where begun.from_on < least(begun.left_on, cuts.cut_on)
),
followed as (
    select
        spans.line,
        lead(spans.from_on) over (
            partition by spans.msisdn_token order by spans.from_on, spans.told_on, spans.subscription_token
        ) as taken_on
    from spans
    inner join shared on spans.msisdn_token = shared.msisdn_token
)
select spans.line, spans.msisdn_token, spans.from_on, least(spans.to_on, followed.taken_on) as to_on
from spans
left join followed on spans.line = followed.line
where spans.is_open and (followed.taken_on is null or followed.taken_on > spans.from_on);

create temp table number_facts as
select
    holds.line,
    max(number_events.on_day) filter (
        where event = 'sim_swap' and on_day >= :as_of - 90 and on_day >= holds.from_on) as swapped_on,
    bool_or(event = 'port_in' and on_day <= holds.from_on + 1) as is_ported_in
from number_events
inner join holds
    on number_events.msisdn_token = holds.msisdn_token and number_events.on_day >= holds.from_on - 1
    and number_events.on_day < holds.to_on
where event in ('sim_swap', 'port_in')
group by holds.line;

-- Cells of the last 30 days, in whole numbers of a small unit -----------------------------------------------------

create temp table cells as
with periods as (
    select "EUtranCellId" as cell, "ropStart" as began, "pmErabRelAbnormalEnbAct" as lost, "pmErabRelAll" as releases,
        "pmPdcpVolDlDrb" as kbit, "pmUeThpTimeDl" as active_ms, "pmPdcpLatTimeDl" as delay_ms,
        "pmPdcpLatPktTransDl" as packets, "pmCellDowntimeAuto" as down_s, 900 as seconds
    from pm__ericsson
    union all
    select "LNCEL_ID", "PERIOD_START_TIME", "ERAB_REL_ABNORMAL_ACT", "ERAB_REL_TOTAL", 8 * "PDCP_SDU_VOL_DL",
        "ACTIVE_TTI_DL", 0.001 * "PDCP_SDU_DELAY_DL_SUM", "PDCP_SDU_DELAY_DL_NUM", 10 * "CELL_UNAVAIL_SAMPLES", 3600
    from pm__nokia
    union all
    select "Cell ID", "Result Time", "L.E-RAB.AbnormRel", "L.E-RAB.Rel.All", 0.001 * "L.Thrp.bits.DL",
        "L.Thrp.Time.DL", "L.Traffic.DL.PktDelay.Time", "L.Traffic.DL.PktDelay.Num", "L.Cell.Unavail.Dur.Sys", 1800
    from pm__huawei
    union all
    select "cell_num", "period_begin", "ErabReleaseActAbnormal", "ErabRelease", 8000 * "AirMacDlMByte",
        1000 * "DlActiveTime", 0.001 * "PdcpDelayDlTot", "PdcpDelayDlCnt", 60 * "CellUnavailableTime", 900
    from pm__samsung
),
kpis as (
    select
        cell, cast(began as date) as on_day,
        1 - sum(lost) filter (where releases is not null)
        / nullif(sum(releases) filter (where lost is not null), 0) as kept,
        sum(kbit) filter (where active_ms is not null)
        / nullif(sum(active_ms) filter (where kbit is not null), 0) as mbps,
        sum(delay_ms) filter (where packets is not null)
        / nullif(sum(packets) filter (where delay_ms is not null), 0) as ms,
        1 - sum(down_s) / nullif(sum(seconds) filter (where down_s is not null), 0) as served
    from periods
    where began >= :as_of - 30 and began < :as_of
    group by cell, cast(began as date)
)
select
    cell, on_day, coalesce(round(1e6 * kept), 0) as kept, coalesce(round(1e3 * mbps), 0) as mbps,
    coalesce(round(1e3 * ms), 0) as ms, coalesce(round(1e6 * served), 0) as served,
    cast(kept is not null as double) as has_kept, cast(mbps is not null as double) as has_mbps,
    cast(ms is not null as double) as has_ms, cast(served is not null as double) as has_served,
    cast(coalesce(kept < 0.98, false) or coalesce(served < 0.99, false) or coalesce(mbps < 5, false) as double) as bad
from kpis;

-- Use: one pass over the last 30 days with the cells, one over the 60 before, history for the silent alone ---------
-- Sums are doubles of whole numbers below 2^53: exact, and faster than 128 bits.

create temp table used_30 as
with used as (
    select
        holds.line, u.usage_on, cast(u.data_kb as double) as kb, u.voice_seconds, u.sms_count, u.calls, u.calls_dropped,
        u.roaming_kb, u.usage_on >= :as_of - 7 as is_week,
        greatest(u.data_kb, u.voice_seconds, u.sms_count, u.calls, u.roaming_kb) > 0 as is_use,
        if(c1.cell is null, 0, round(1e6 * u.cell_1_share)) as w1,
        if(c2.cell is null, 0, round(1e6 * u.cell_2_share)) as w2,
        if(c3.cell is null, 0, round(1e6 * u.cell_3_share)) as w3,
        :cell_columns
    from network__usage_daily as u
    inner join holds on u.msisdn_token = holds.msisdn_token and u.usage_on >= holds.from_on and u.usage_on < holds.to_on
    left join cells as c1 on u.cell_1_id = c1.cell and u.usage_on = c1.on_day
    left join cells as c2 on u.cell_2_id = c2.cell and u.usage_on = c2.on_day
    left join cells as c3 on u.cell_3_id = c3.cell and u.usage_on = c3.on_day
    where u.usage_on >= :as_of - 30 and u.usage_on < :as_of
)
select
    line, sum(if(is_week, kb, 0)) as kb_7, sum(kb) as kb, sum(kb * kb) as kb_squared,
    sum(cast(voice_seconds as double)) as voice_s, sum(cast(sms_count as double)) as sms,
    sum(cast(calls as double)) as calls, sum(cast(calls_dropped as double)) as dropped,
    sum(cast(roaming_kb as double)) as roaming_kb,
    bit_or(if(is_use, cast(1 as bigint) << (:as_of - 1 - usage_on), 0)) as days_used,
    max(if(is_use, usage_on, null)) as used_on,
    :cell_sums
from used
group by line;

create temp table used_60 as
select
    holds.line, sum(cast(u.data_kb as double)) as kb, sum(cast(u.voice_seconds as double)) as voice_s,
    sum(cast(u.roaming_kb as double)) as roaming_kb, min(u.usage_on) as seen_on,
    max(if(greatest(u.data_kb, u.voice_seconds, u.sms_count, u.calls, u.roaming_kb) > 0, u.usage_on, null)) as used_on
from network__usage_daily as u
inner join holds on u.msisdn_token = holds.msisdn_token and u.usage_on >= holds.from_on and u.usage_on < holds.to_on
where u.usage_on >= :as_of - 90 and u.usage_on < :as_of - 30
group by holds.line;

create temp table seen_before as
with quiet as (
    select holds.*
    from holds
    left join used_30 on holds.line = used_30.line
    left join used_60 on holds.line = used_60.line
    where used_30.used_on is null and used_60.line is null and holds.from_on < :as_of - 90
)
select distinct quiet.line
from network__usage_daily as u
inner join quiet on u.msisdn_token = quiet.msisdn_token and u.usage_on >= quiet.from_on and u.usage_on < quiet.to_on
where u.usage_on < :as_of - 90;

-- Active: open, a day old, not silent for 45 days (a line that only had idle rows: silent since before the first) ---

create temp table roster as
select
    lines.line, 'sub_' || lines.subscription_token as subscriber_id, lines.operator, customers.region,
    customers.segment,
    case
        when :as_of - lines.started_on < 1 then 'tenure_under_one_day'
        when coalesce(used_30.used_on, used_60.used_on, used_60.seen_on - 1,
                      if(seen_before.line is null, null, date '0001-01-01')) < :as_of - 45 then 'silent_45_days'
    end as exclusion
from lines
left join customers on lines.account_token = customers.account_token
left join used_30 on lines.line = used_30.line
left join used_60 on lines.line = used_60.line
left join seen_before on lines.line = seen_before.line
where lines.is_open;

-- Products: every holding is one bit; what a set of bits costs is worked out once per set ---------------------------

create temp table plan_codes as
select operator, tariff_id, arg_max(components, place(valid_at, dt)) as components
from billing_bravo__plans
where valid_at < :as_of
group by operator, tariff_id;

create temp table bravo_sets as
select
    lines.operator, lines.plan_code, lines.addons,
    list_distinct(regexp_extract_all(lines.addons, '[^|]+')
                  || coalesce(regexp_extract_all(any_value(plan_codes.components), '[^|]+'), [])) as codes
from lines
left join plan_codes on lines.operator = plan_codes.operator and lines.plan_code = plan_codes.tariff_id
where lines.addons is not null and lines.is_open
group by lines.operator, lines.plan_code, lines.addons;

create temp table codes as
select code, row_number() over (order by code) - 1 as bit
from (
    select distinct product_code as code from billing_alpha__products
    union
    select distinct coalesce(bravo_product(unnest(codes)), unnest(codes)) from bravo_sets
);

create temp table held as
with newest as (
    select
        lines.line, codes.bit, products.started_on,
        -- Never-ending is a day too: the newest statement counts, also one that takes an end back.
        arg_max(coalesce(products.ended_on, date '9999-12-31'), place(products.changed_at, products.dt)) as ended_on
    from billing_alpha__products as products
    inner join lines on products.subscription_token = lines.subscription_token and lines.is_open
    inner join codes on products.product_code = codes.code
    where products.changed_at < :as_of
    group by lines.line, codes.bit, products.started_on
),
bravo as (
    select operator, plan_code, addons, cast(bit_or(cast(1 as bigint) << codes.bit) as bigint) as bits
    from (select operator, plan_code, addons, unnest(codes) as code from bravo_sets) as sets
    inner join codes on coalesce(bravo_product(sets.code), sets.code) = codes.code
    group by operator, plan_code, addons
)
select line, cast(bit_or(cast(1 as bigint) << bit) as bigint) as bits
from newest
where started_on < :as_of and ended_on >= :as_of
group by line
union all
select lines.line, bravo.bits
from lines
inner join bravo
    on lines.operator = bravo.operator and lines.plan_code = bravo.plan_code and lines.addons = bravo.addons
where lines.is_open;

create temp table sets as
with sets as (select distinct bits from held union select 0)
select
    sets.bits, count(codes.code) as product_count,
    (select coalesce(sum(rate_house), 0) from cost_rates where product_code = 'base')
    + coalesce(sum(cost_rates.rate_house), 0) as cost_house,
    case when count(*) filter (where code = 'internet_fiber') > 0 then 'fiber'
         when count(*) filter (where code = 'internet_dsl') > 0 then 'dsl' else 'none' end as internet_technology,
    :product_flags
from sets
left join codes on (sets.bits >> codes.bit) & 1 = 1
left join cost_rates on codes.code = cost_rates.product_code
group by sets.bits;

-- Bills and how they were paid --------------------------------------------------------------------------------------

create temp table invoices as
select lines.line, i.operator, i.invoice_id, i.issued_on, i.period_start_on, i.period_end_on, i.due_on, i.amount_house
from billing_alpha__invoices as i
inner join lines on i.subscription_token = lines.subscription_token and lines.is_open
where i.issued_on < :as_of
union all
select lines.line, i.operator, i.bill_no, cast(i.issued_at as date), i.from_on, i.to_on, i.due_on, i.total_house
from billing_bravo__bills as i
inner join lines on i.subscription_token = lines.subscription_token and lines.is_open
where cast(i.issued_at as date) < :as_of;

create temp table billed as
with attempts as (
    select operator, invoice_id, paid_at, status = 'ok' as is_paid, amount_house from billing_alpha__payments
    where paid_at < :as_of
    union all
    select operator, bill_no, booked_at, result = 'OK', total_house from billing_bravo__payments
    where booked_at < :as_of
),
paid as (
    select
        invoices.rowid as invoice, sum(if(is_paid, attempts.amount_house, 0)) as paid_house,
        count(*) filter (where not is_paid and paid_at >= :as_of - 90) as failed,
        count(*) filter (where paid_at >= :as_of - 90) as tried,
        max(if(is_paid, cast(paid_at as date), null)) as paid_on
    from attempts
    inner join invoices on attempts.operator = invoices.operator and attempts.invoice_id = invoices.invoice_id
    group by invoices.rowid
),
both_sides as (
    select
        invoices.*, paid.*, invoices.issued_on >= :as_of - 90 as is_recent, cast(10000 * amount_house as double) as e4,
        amount_house > 0 and due_on >= :as_of - 90 and due_on < :as_of as is_due
    from invoices
    left join paid on invoices.rowid = paid.invoice
)
select
    line, sum(if(issued_on >= :as_of - 30, amount_house, 0)) as house_30,
    sum(if(is_recent, amount_house, 0)) as house_90, sum(if(issued_on >= :as_of - 365, amount_house, 0)) as house_365,
    count(*) filter (where is_recent) as invoices_90,
    arg_max(amount_house, (issued_on, invoice_id)) filter (where is_recent) as newest_house,
    max(if(is_recent, period_end_on, null)) - min(if(is_recent, period_start_on, null)) as days_90,
    max(issued_on) as issued_on, sum(if(is_recent, e4, 0)) as e4_90, sum(if(is_recent, e4 * e4, 0)) as e4_squared_90,
    sum(failed) as failed, sum(tried) as tried, max(paid_on) as paid_on,
    sum(if(is_recent and due_on < :as_of, amount_house - coalesce(paid_house, 0), 0)) as unpaid_house,
    sum(if(is_due, greatest(if(paid_house >= amount_house, paid_on, :as_of) - due_on, 0), null)) as late_days,
    count(*) filter (where is_due) as due
from both_sides
group by line;

-- Care --------------------------------------------------------------------------------------------------------------

create temp table contacts as
with told as (
    select holds.line, cast(i.opened_at as date) as on_day, i.is_resolved, i.is_complaint, i.topic, i.wait_seconds
    from care__interactions as i
    inner join holds
        on i.msisdn_token = holds.msisdn_token and cast(i.opened_at as date) >= holds.from_on
        and cast(i.opened_at as date) < holds.to_on
    where cast(i.opened_at as date) < :as_of
)
select
    line, max(on_day) as on_day, count(*) filter (where on_day >= :as_of - 7) as n_7,
    count(*) filter (where on_day >= :as_of - 30) as n_30, count(*) filter (where on_day >= :as_of - 90) as n_90,
    count(*) filter (where not is_resolved and on_day >= :as_of - 30) as open_30,
    count(*) filter (where not is_resolved and on_day >= :as_of - 90) as open_90,
    count(*) filter (where is_resolved and on_day >= :as_of - 90) as resolved_90,
    count(*) filter (where is_complaint and on_day >= :as_of - 90) as complaints_90,
    max(if(is_complaint and on_day >= :as_of - 90, on_day, null)) as complained_on,
    sum(if(on_day >= :as_of - 90, wait_seconds, null)) as wait_s,
    count(*) filter (where topic = 'billing' and on_day >= :as_of - 90) as billing_90,
    count(*) filter (where topic = 'network' and on_day >= :as_of - 90) as network_90
from told
group by line;

create temp table open_complaints as
with told as (
    select
        source, complaint_id, msisdn_token, min(cast(changed_at as date)) as opened_on,
        arg_max(status, place(changed_at, dt)) as status
    from care__complaints
    where changed_at < :as_of
    group by source, complaint_id, msisdn_token
)
select holds.line, count(*) as n, min(told.opened_on) as opened_on
from told
inner join holds
    on told.msisdn_token = holds.msisdn_token and told.opened_on >= holds.from_on and told.opened_on < holds.to_on
where told.status = 'open'
group by holds.line;

-- Who agreed to be scored, and everything side by side --------------------------------------------------------------

create temp table agreed as
select subscription_token
from governance__consents
where purpose = 'ANALYTICS' and changed_at < :as_of
group by subscription_token
having arg_max(status = 'granted', 2 * place(changed_at, dt) + if(status = 'granted', 0, 1));

create temp table features as
select
    roster.subscriber_id, roster.operator, roster.region,
    lines.subscription_token in (select * from agreed) as may_be_scored,
    :as_of - lines.started_on as tenure_days, lines.contract_type, lines.plan_code, roster.segment,
    customers.payment_method, customers.is_paperless, customers.has_partner, customers.has_dependents,
    cast(lines.price_house as double) as price_eur, lines.status = 'suspended' as is_suspended,
    lines.contract_end_on - :as_of as days_to_contract_end, sets.* exclude (bits, cost_house),
    cast(coalesce(billed.house_30, 0) as double) as billed_eur_30d,
    cast(coalesce(billed.house_90, 0) as double) as billed_eur_90d,
    cast(coalesce(billed.house_365, 0) as double) as billed_eur_365d,
    coalesce(billed.invoices_90, 0) as invoice_count_90d,
    if(billed.house_90 > 0, cast(billed.newest_house * billed.invoices_90 as double) / cast(billed.house_90 as double),
       null) as billed_trend_ratio_90d,
    :as_of - billed.issued_on as days_since_last_invoice,
    cast(lines.price_house - lines.earlier_house as double) as price_change_eur_90d,
    cast(coalesce(billed.failed, 0) as bigint) as failed_payments_90d,
    cast(coalesce(billed.unpaid_house, 0) as double) as unpaid_eur_90d,
    :as_of - billed.paid_on as days_since_last_payment,
    cast(30 * coalesce(billed.house_90, 0) - sets.cost_house * greatest(coalesce(billed.days_90, 1), 1) as double)
    / greatest(coalesce(billed.days_90, 1), 1) as margin_eur_30d,
    cast(coalesce(billed.failed, 0) as double) / nullif(cast(billed.tried as double), 0) as failed_payment_ratio_90d,
    cast(billed.late_days as double) / nullif(billed.due, 0) as mean_days_late_90d,
    sqrt(greatest(billed.invoices_90 * billed.e4_squared_90 - billed.e4_90 * billed.e4_90, 0))
    / (10000 * nullif(billed.invoices_90, 0)) as billed_sd_eur_90d,
    :as_of - repriced.price_changed_on as days_since_price_change,
    payers.account_line_count, payers.account_ended_lines_90d,
    used_30.line is not null or used_60.line is not null as has_network,
    coalesce(used_30.kb_7, if(has_network, 0, null)) / 1024 as data_mb_7d,
    coalesce(used_30.kb, if(has_network, 0, null)) / 1024 as data_mb_30d,
    if(has_network, coalesce(used_30.kb, 0) + coalesce(used_60.kb, 0), null) / 1024 as data_mb_90d,
    coalesce(used_30.voice_s, if(has_network, 0, null)) / 60 as voice_min_30d,
    coalesce(used_30.sms, if(has_network, 0, null)) as sms_count_30d,
    3 * coalesce(used_30.kb, 0) / nullif(coalesce(used_30.kb, 0) + coalesce(used_60.kb, 0), 0) as data_trend_ratio_30d,
    if(has_network, bit_count(coalesce(used_30.days_used, 0)), null) as active_days_30d,
    :as_of - coalesce(used_30.used_on, used_60.used_on) as days_since_last_use,
    used_30.dropped / nullif(used_30.calls, 0) as dropped_call_ratio_30d,
    if(has_network, coalesce(used_30.roaming_kb, 0) + coalesce(used_60.roaming_kb, 0), null) / 1024 as roaming_mb_90d,
    30 * used_30.kb_7 / nullif(7 * used_30.kb, 0) as data_trend_ratio_7d,
    3 * coalesce(used_30.voice_s, 0)
    / nullif(coalesce(used_30.voice_s, 0) + coalesce(used_60.voice_s, 0), 0) as voice_trend_ratio_30d,
    if(has_network, sqrt(greatest(30 * coalesce(used_30.kb_squared, 0) - pow(coalesce(used_30.kb, 0), 2), 0))
       / (30 * 1024), null) as data_sd_mb_30d,
    if(has_network, bit_count(coalesce(used_30.days_used, 0) & 127), null) as active_days_7d,
    used_30.kept / (1e6 * nullif(used_30.has_kept, 0)) as retainability_ratio_30d,
    used_30.mbps / (1e3 * nullif(used_30.has_mbps, 0)) as dl_throughput_mbps_30d,
    used_30.ms / (1e3 * nullif(used_30.has_ms, 0)) as dl_latency_ms_30d,
    used_30.served / (1e6 * nullif(used_30.has_served, 0)) as availability_ratio_30d,
    used_30.bad / nullif(used_30.met, 0) as bad_cell_share_30d,
    :as_of - number_facts.swapped_on as days_since_sim_swap, coalesce(number_facts.is_ported_in, false) as is_ported_in,
    true as has_care, coalesce(contacts.n_7, 0) as contacts_7d, coalesce(contacts.n_30, 0) as contacts_30d,
    coalesce(contacts.n_90, 0) as contacts_90d, coalesce(contacts.open_30, 0) as unresolved_contacts_30d,
    coalesce(contacts.open_90, 0) as unresolved_contacts_90d, coalesce(contacts.complaints_90, 0) as complaints_90d,
    cast(contacts.wait_s as double) / nullif(contacts.n_90, 0) as mean_wait_s_90d,
    coalesce(contacts.billing_90, 0) as billing_contacts_90d, coalesce(contacts.network_90, 0) as network_contacts_90d,
    :as_of - contacts.on_day as days_since_last_contact,
    cast(3 * contacts.n_30 as double) / nullif(contacts.n_90, 0) as contacts_trend_ratio_30d,
    cast(contacts.resolved_90 as double) / nullif(contacts.n_90, 0) as resolved_ratio_90d,
    :as_of - contacts.complained_on as days_since_last_complaint,
    coalesce(open_complaints.n, 0) as open_complaints,
    :as_of - open_complaints.opened_on as oldest_open_complaint_days
from roster
inner join lines on roster.line = lines.line
inner join payers on lines.account_token = payers.account_token
left join customers on lines.account_token = customers.account_token
left join held on lines.line = held.line
inner join sets on coalesce(held.bits, 0) = sets.bits
left join billed on lines.line = billed.line
left join repriced on lines.line = repriced.line
left join used_30 on lines.line = used_30.line
left join used_60 on lines.line = used_60.line
left join number_facts on lines.line = number_facts.line
left join contacts on lines.line = contacts.line
left join open_complaints on lines.line = open_complaints.line
where roster.exclusion is null
order by roster.subscriber_id;
