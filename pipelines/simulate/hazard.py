"""The monthly churn logit, term by term, and what an observer could expect of the next 30 days (the oracle)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.arrays import Bools, Floats
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import BINDING_DAYS, MONTHLY, PREPAID, Lines, prepaid
from pipelines.simulate.state import (
    ACTIVE,
    CARE_DAYS,
    FAILED_DAYS,
    MOOD_DAYS,
    NETWORK,
    NEVER,
    QUALITY_DAYS,
    RISE_DAYS,
    SUSPENDED,
    State,
    elapsed,
)

HORIZON = 30
WINDOW = 30  # last days of a binding period
# Strains still to come raise the hazard above the one of the fading strains of today; what nobody sees adds a little.
# Fitted to 30,000 lines of seed 11 of `steady` over 370 days: 1.10 at once, 1.5 after 10 days, 2.2 after 40, 2.8 after
# 160, the same for the riskier and the safer half.
HIDDEN, ARRIVALS, ARRIVALS_DAYS = 1.10, 1.85, 50.0
BAD_RADIO_DAYS = 20  # a bad period seen today goes on for about so long before quality can fade
STEPS = (2.5, 7.5, 12.5, 17.5, 22.5, 27.5)  # days ahead at which the hazard of a month is evaluated


@dataclass(frozen=True)
class Logit:
    """Parts of the monthly logit by the sources that must be seen together to know them."""

    billing: Floats
    care: Floats
    network: Floats
    billing_care: Floats
    billing_network: Floats
    network_care: Floats
    other: Floats  # season and contact by a campaign: known to everyone

    @property
    def total(self) -> Floats:
        return np.asarray(self.billing + self.care + self.network + self.billing_care + self.billing_network
                          + self.network_care + self.other)


PARTS = {  # what an observer of some sources sees
    "billing": ("billing",),
    "billing_care": ("billing", "care", "billing_care"),
    "all": ("billing", "care", "network", "billing_care", "billing_network", "network_care"),
}


@dataclass(frozen=True)
class Climate:
    """What lies over everyone on a day: the season's log-odds, and what a planted change of the law adds by line."""

    season: float = 0.0
    planted: Floats | float = 0.0


def logit(lines: Lines, state: State, day: int, parameters: Parameters, climate: Climate, ahead: float = 0) -> Logit:
    """The logit at the start of `day`; with `ahead`, clocks and memories stand as that many quiet days later.

    What nobody can observe (frailty, competitors, the own reaction to a campaign) is not in it.
    """
    h, when = parameters.hazard, day + ahead
    rise, failed = elapsed(state.rise, ahead, RISE_DAYS), elapsed(state.failed, ahead, FAILED_DAYS)
    unresolved = np.minimum(elapsed(state.unresolved, ahead, CARE_DAYS), 3)
    complaints = np.minimum(elapsed(state.complaints, ahead, CARE_DAYS), 2)
    quality = elapsed(state.quality, ahead, QUALITY_DAYS + BAD_RADIO_DAYS)
    left = state.bound_until - np.float32(when)
    if ahead:  # who stays beyond the end is bound again
        left = np.where(left < 0, left + BINDING_DAYS[lines.contract], left)
    in_window = left <= WINDOW
    is_bound = ~in_window & (left < NEVER // 2)
    is_free = in_window | (lines.contract == MONTHLY)
    tenure = np.maximum(np.float32(when) - lines.started, 0)
    base = np.array([h.prepaid, h.monthly, h.bound, h.bound], np.float32)[lines.contract]
    billing = (
        base + h.window * in_window + (h.rise + h.rise_free * is_free) * rise + h.failed * np.minimum(failed, 3)
        + h.tenure * np.log1p(tenure / 365) + h.newcomer * ((tenure < 90) & ~is_bound)
    )
    excess = np.maximum(state.dropped / (state.calls + 20) - np.float32(0.02), 0)
    decline = _decline(state, ahead, parameters, h.decline)
    in_freedom = _decline(state, ahead, parameters, h.decline + h.decline_free) - decline
    network = decline + h.quality * quality + np.minimum(h.dropped * excess, h.dropped_cap)
    heard = day - state.contacted_on + ahead <= parameters.campaigns.lasts_days
    return Logit(
        billing=billing, care=h.unresolved * unresolved + h.complaint * complaints, network=network,
        billing_care=h.unresolved_free * unresolved * is_free, billing_network=in_freedom * is_free,
        network_care=h.quality_unheard * ((quality > 0.1) & (state.problem == NETWORK)),
        other=state.effect * heard + np.float32(climate.season) + climate.planted,
    )


def _decline(state: State, ahead: float, parameters: Parameters, weight: float) -> Floats:
    """Log of the expected odds ratio of a usage decline so many days ahead; `weight` is its log-odds per unit.

    A two-state chain: a decline goes on with exp(-t end), a new one has begun with the chain's share; engagement
    relaxes to where its state takes it. That a decline has begun shows once it has cost a tenth.
    """
    if ahead == 0:
        return np.asarray(np.float32(weight) * (1 - state.engagement))
    start, end, deep = parameters.decline_start, parameters.decline_end, 1 - parameters.decline_floor
    fade = np.float32(np.exp(-ahead / MOOD_DAYS))
    now = 1 - state.engagement
    down, up = deep + (now - deep) * fade, now * fade
    goes_on = np.float32(np.exp(-end * ahead))
    begun = np.float32(start / (start + end) * (1 - np.exp(-(start + end) * ahead)))
    is_down = state.declining & (now > 0.1)
    stays = np.where(is_down, goes_on, 1 - begun)
    path, other = np.where(is_down, down, up), np.where(is_down, down / 2, deep * 0.75)
    return np.asarray(np.log(stays * np.exp(np.float32(weight) * path)
                             + (1 - stays) * np.exp(np.float32(weight) * other)))


def daily(logits: Floats) -> Floats:
    """Probability of one day from a monthly logit: 1 - (1 - p)^(1/30)."""
    return np.asarray(1 - np.exp(-np.logaddexp(np.float32(0), logits) / HORIZON))


def can_leave(lines: Lines, state: State, day: int) -> Bools:
    """Lines whose user may decide to leave today."""
    return np.asarray((state.status == ACTIVE) & ~state.gone_silent & (lines.started < day))


def is_free(lines: Lines, state: State, day: int) -> Bools:
    """No binding period, or its last days. Prepaid is its own case."""
    return np.asarray((state.bound_until - day <= WINDOW) | (lines.contract == MONTHLY))


def arrivals(ahead: float) -> float:
    """How much strains still to come raise the hazard of the mean line so many days ahead."""
    return HIDDEN + ARRIVALS * (1 - float(np.exp(-ahead / ARRIVALS_DAYS)))


def expected(
    lines: Lines, state: State, day: int, parameters: Parameters, climate: Climate, observer: str = "all",
) -> Floats:
    """P(churn in [day, day + 30)) given the states at the start of `day`; strains still to come only on average.

    Prepaid: churn is silence reaching 45 days, so only lines already silent for 16 days can reach it in time; without
    the network's files silence shows only in the top-ups that do not come. Suspended: the contract ends 30 days after
    the suspension unless the debt is paid first. What an observer does not see stands at its mean.
    """
    survived = np.zeros(len(lines), dtype=np.float32)
    for ahead in STEPS:
        terms = logit(lines, state, day, parameters, climate, ahead)
        survived += np.log1p(-daily(_seen(terms, observer))) * np.float32(arrivals(ahead) * HORIZON / len(STEPS))
    chance = 1 - np.exp(survived)
    chance = np.where(prepaid(lines), _silence(lines, state, day, parameters, climate, observer), chance)
    return np.where(state.status == SUSPENDED, _debt(state, day, parameters), chance)


def _seen(terms: Logit, observer: str) -> Floats:
    """The logit of an observer: unseen parts count as the log of their mean odds ratio."""
    seen = PARTS[observer]
    total = terms.other.astype(np.float32)
    for part in PARTS["all"]:
        values = getattr(terms, part)
        total = total + (values if part in seen else np.float32(np.log(np.exp(values).mean())))
    return np.asarray(total)


def _debt(state: State, day: int, parameters: Parameters) -> Floats:
    """P(a suspended line is not paid for until it ends within the horizon)."""
    left = state.suspended_on + parameters.suspended_days - day
    stays = (1 - parameters.debt_paid) ** np.clip(left, 0, 1000)
    return np.where(left < HORIZON, stays, 0.0)


def _silence(
    lines: Lines, state: State, day: int, parameters: Parameters, climate: Climate, observer: str,
) -> Floats:
    """P(silence reaches 45 days within the horizon): gone for good against away or simply a light user."""
    silent = day - 1 - state.last_use  # whole days without use
    leaving = daily(logit(lines, state, day, parameters, climate).total)
    chance = lines.use * (0.4 + 0.6 * state.engagement)
    unused = (1 - chance) ** np.minimum(silent, 400)
    back = parameters.away_start * np.exp(-silent / parameters.away_days)
    total = leaving + back + unused * chance
    # Who is merely away may stay away until silence counts as churn.
    still = np.exp(-np.maximum(parameters.silence_days - silent, 0) / parameters.away_days)
    reaches = (silent + HORIZON >= parameters.silence_days) & (silent < parameters.silence_days)
    chance = np.where(reaches, (leaving + back * still) / total, 0.0)
    return chance if observer == "all" else _by_top_up(lines, state, day, chance)


def _by_top_up(lines: Lines, state: State, day: int, chance: Floats) -> Floats:
    """The mean chance of prepaid lines alike in what billing knows: how long ago the newest top-up was."""
    group = np.clip((day - state.invoice) // 7, 0, 15)
    inside = lines.contract == PREPAID
    count = np.bincount(group[inside], minlength=16)
    total = np.bincount(group[inside], weights=chance[inside], minlength=16)
    return np.asarray((total / np.maximum(count, 1))[group])
