"""Every number of the simulated house in one place. `SOURCES` says where one comes from; the others are assumptions.

docs/reference/simulator.md prints the table (`python -m pipelines.simulate.reference`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hazard:
    """Coefficients of the monthly churn logit: log-odds per unit of the state named."""

    prepaid: float = -4.15  # intercepts by contract type
    monthly: float = -4.40  # no binding period
    bound: float = -5.20  # inside a binding period
    window: float = 1.30  # added in the last 30 days of a binding period
    rise: float = 0.60  # a 10 % price rise on the day it takes effect; fades with a mean of 45 days
    rise_free: float = 1.30  # price rise while free to leave: monthly contract or end of binding
    failed: float = 0.45  # per failed payment attempt, fading with a mean of 60 days; at most 3 count
    tenure: float = -0.25  # per unit of log(1 + years)
    newcomer: float = 0.35  # tenure under 90 days, not bound
    decline: float = 1.00  # usage down to nothing against the line's own level
    quality: float = 1.40  # experienced severity of the cells used, fading with a mean of 25 days
    dropped: float = 10.0  # per unit of dropped-call ratio above the network's ordinary one
    dropped_cap: float = 1.0  # at most
    unresolved: float = 0.50  # per unresolved contact, fading with a mean of 40 days; at most 3 count
    complaint: float = 0.60  # per complaint, same fading; at most 2 count
    quality_unheard: float = 1.60  # bad radio and an open network problem together
    decline_free: float = 1.30  # usage decline while free to leave
    unresolved_free: float = 0.80  # per unresolved contact while free to leave
    season: float = 0.08  # amplitude over the year, highest in mid January
    competitor: float = 0.45  # a competitor's campaign in the region, for lines free to leave
    frailty: float = 0.60  # standard deviation of what nobody can observe


@dataclass(frozen=True)
class Campaigns:
    """Who is contacted, and what contact does to the monthly logit for a while."""

    every_days: int = 28  # a campaign starts
    first_day: int = 35  # of history
    share: float = 0.08  # of the active lines, drawn at random
    control: float = 0.20  # of those drawn, held out at random
    lasts_days: int = 60  # how long contact changes the hazard
    rest_days: int = 84  # nobody is drawn again sooner
    effect: float = -0.45  # of contact, log-odds
    effect_free: float = -0.25  # added when free to leave
    effect_bound: float = 0.50  # added with more than 90 days of binding left: sleeping dogs
    effect_unresolved: float = 0.35  # added per unresolved contact, at most 2
    reaction: float = 0.25  # standard deviation of the subscriber's own share of the effect


@dataclass(frozen=True)
class Plans:
    """Who moves to another plan: log-odds per month."""

    dearer: float = -5.70  # intercept of a move to the next dearer plan
    near: float = 1.80  # data used against the allowance: from 60 % of it on, whole at 120 %, at most 1.5 times that
    cheaper: float = -7.20  # intercept of a move to the next cheaper plan
    idle: float = 1.40  # less than 30 % of the allowance used, whole at none
    rise: float = 0.40  # a 10 % price rise, fading with a mean of 45 days: towards the cheaper plan
    window: float = 0.90  # in the last 30 days of a binding period, either way
    newcomer: float = -1.20  # tenure under 90 days, either way
    tenure: float = -0.25  # per unit of log(1 + years), either way
    prepaid: float = -0.80  # either way


@dataclass(frozen=True)
class Parameters:
    """Rates are per day unless the name says otherwise."""

    hazard: Hazard = Hazard()
    campaigns: Campaigns = Campaigns()
    plans: Plans = Plans()
    bravo_share: float = 0.35  # of the lines
    activations_month: float = 0.030  # new lines per 30 days as a share of the first base
    business_share: float = 0.12  # of the lines
    contract_shares: tuple[float, ...] = (0.11, 0.25, 0.19, 0.45)  # prepaid, monthly, 12m, 24m
    port_in: float = 0.18  # of the new lines bring their number
    reassigned: float = 0.35  # of the other new lines get a number out of quarantine, if there is one
    quarantine_days: int = 60  # a freed number rests
    sim_swap: float = 1 / 900  # per line
    subscribers_per_cell: int = 100  # subscribers are used in two or three cells each
    least_cells: int = 40  # of a small house
    bad_radio_start: float = 1 / 230  # per cell
    bad_radio_days: tuple[int, int] = (20, 60)  # shortest and longest bad period
    drop_ratio: float = 0.007  # ordinary dropped-call ratio
    drop_ratio_bad: float = 0.12  # added at full severity
    price_rise: float = 1 / 420  # per line
    product_change: float = 1 / 700  # an add-on is taken or given up, internet lines
    extra_share: float = 0.12  # of the bills have something beyond the plan
    credit_note: float = 0.30  # of the billing complaints end with a credit note
    trouble_start: float = 1 / 2200  # payment trouble begins
    trouble_end: float = 1 / 70  # and ends
    fail_ordinary: float = 0.03  # one payment attempt
    fail_trouble: float = 0.75  # the same in payment trouble
    debt_paid: float = 0.05  # a suspended line pays and is active again
    suspended_days: int = 30  # then the contract ends for non-payment
    decline_start: float = 1 / 420  # a usage decline begins
    decline_end: float = 1 / 110  # and ends
    decline_floor: float = 0.25  # engagement at its lowest
    away_start: float = 1 / 110  # a prepaid line is not used for a while, then again
    away_days: float = 13.0  # for so long on average
    problem: float = 1 / 260  # care: a problem arises by itself
    problem_radio: float = 1 / 40  # at full experienced severity
    problem_failed: float = 0.15  # on the day of a failed payment
    problem_rise: float = 0.03  # on each of the ten days after a price rise
    solved: float = 0.55  # one contact settles the problem
    small_talk: float = 1 / 260  # contacts without a problem
    competitor_start: float = 1 / 300  # a competitor campaigns in a region
    competitor_days: int = 21  # for so long
    consent_change: float = 1 / 2500  # a mind changes about one purpose
    erasure: float = 1 / 20_000  # a line is thought of; those gone ask always, others with 0.4
    silence_days: int = 45  # prepaid: so many days without use is churn
    silent_end_days: int = 150  # billing ends a prepaid line after so many days without use
    annual_discount: float = 0.08  # of the expected margin


CONSENTS = {  # share of lines that grant each purpose when they arrive
    "ANALYTICS": 0.97, "MODEL_TRAINING": 0.94, "NW_CAP_EXPOSURE": 0.60, "EDGEAPP_UE_LOCATION": 0.30,
}

PRICES = {  # minor units per month
    "prepaid": 1199, "monthly": 2199, "12m": 1999, "24m": 2499, "multiple_lines": 799, "internet_dsl": 2499,
    "internet_fiber": 3999, "online_security": 299, "online_backup": 299, "device_protection": 399,
    "tech_support": 399, "streaming_tv": 999, "streaming_movies": 899, "voice": 0, "mobile_data": 0,
}

LEVELS = {  # of a plan: its list price as a share of the standard one's, and the data it allows, GB a month
    "lite": (0.80, 10), "standard": (1.00, 20), "plus": (1.25, 50), "max": (1.60, 120),
}
FIRST_LEVEL = (0.5, 1.0, 1.5)  # a line that pays up to so many times the mean step begins as lite, standard, plus

SOURCES = {  # where a number comes from; what is not here is an assumption
    "annual_discount": "the LTV model's own rate (pipelines/models/ltv.py), so that both discount alike",
    "silence_days": "the house's definition of prepaid churn (docs/reference/models.md)",
    "drop_ratio": "retainability above 99 %, as TS 32.450 defines it; the level is an assumption",
    "hazard.window": "direction only: churn concentrates at the end of the commitment (IBM Telco table, by contract)",
    "hazard.tenure": "direction only: churn falls with tenure (IBM Telco table)",
}
