"""Every number of the simulated operator in one place. All are assumptions; see docs/reference/simulator.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hazard:
    """Coefficients of the monthly churn logit: log-odds per unit of the state named."""

    prepaid: float = -4.05  # intercepts by contract type
    monthly: float = -4.15
    bound: float = -5.05  # inside a binding period
    window: float = 1.55  # added in the last 30 days of a binding period
    rise: float = 1.30  # a 10 % price rise on the day it takes effect; fades with a mean of 45 days
    failed: float = 0.45  # per failed payment attempt, fading with a mean of 60 days; at most 3 count
    tenure: float = -0.25  # per unit of log(1 + years)
    newcomer: float = 0.35  # tenure under 90 days
    decline: float = 2.10  # usage down to nothing against the line's own level
    dropped: float = 22.0  # per unit of dropped-call ratio above the network's ordinary one; at most 1.8
    dropped_cap: float = 1.8
    unresolved: float = 0.75  # per unresolved contact, fading with a mean of 40 days; at most 3 count
    complaint: float = 0.80  # per complaint, same fading; at most 2 count
    bad_radio_unheard: float = 1.00  # dropped calls and an open network problem together
    rise_in_window: float = 0.80  # price rise while free to leave: monthly contract or end of binding
    decline_free: float = 0.60  # usage decline while free to leave
    frailty: float = 0.30  # standard deviation of what nobody can observe


@dataclass(frozen=True)
class Parameters:
    """Rates are per day unless the name says otherwise."""

    hazard: Hazard = Hazard()
    activations_month: float = 0.031  # new lines per 30 days as a share of the first base
    business_share: float = 0.12
    contract_shares: tuple[float, ...] = (0.16, 0.22, 0.17, 0.45)  # prepaid, monthly, 12m, 24m
    subscribers_per_cell: int = 60
    bad_radio_start: float = 1 / 260  # per cell
    bad_radio_days: tuple[int, int] = (20, 60)
    drop_ratio: float = 0.007  # ordinary dropped-call ratio; about the retainability operators report
    drop_ratio_bad: float = 0.10  # added at full severity
    price_rise: float = 1 / 420  # per line
    product_change: float = 1 / 700
    trouble_start: float = 1 / 2200  # payment trouble
    trouble_end: float = 1 / 70
    fail_ordinary: float = 0.03  # one payment attempt
    fail_trouble: float = 0.75
    debt_paid: float = 0.03  # a suspended line pays and is active again
    suspended_days: int = 30  # then the contract ends for non-payment
    decline_start: float = 1 / 420  # usage decline
    decline_end: float = 1 / 110
    decline_floor: float = 0.25
    away_start: float = 1 / 150  # prepaid line not used for a while (mean 10 days), then back
    away_days: float = 10.0
    problem: float = 1 / 260  # care: a problem arises by itself
    problem_radio: float = 1 / 45  # at full radio severity
    problem_failed: float = 0.15  # on the day of a failed payment
    problem_rise: float = 0.03  # on each of the ten days after a price rise
    solved: float = 0.55  # one contact settles the problem
    small_talk: float = 1 / 260  # contacts without a problem
    silence_days: int = 45  # prepaid: so many days without use is churn
    silent_end_days: int = 150  # billing ends a prepaid line after so many days without use


PRICES = {  # cents per month
    "prepaid": 1199, "monthly": 2199, "12m": 1999, "24m": 2499, "multiple_lines": 799, "internet_dsl": 2499,
    "internet_fiber": 3999, "online_security": 299, "online_backup": 299, "device_protection": 399,
    "tech_support": 399, "streaming_tv": 999, "streaming_movies": 899, "voice": 0, "mobile_data": 0,
}
