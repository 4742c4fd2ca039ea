"""The monthly churn logit, term by term, and what an observer could expect of the next 30 days (the oracle)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.billing import FAILED_MEMORY, RISE_MEMORY
from pipelines.simulate.care import MEMORY as CARE_MEMORY
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import MONTHLY, Floats, Lines
from pipelines.simulate.state import ACTIVE, NETWORK, NEVER, SUSPENDED, State, binding_end, prepaid

HORIZON = 30
# Strains still to come (and frailty) raise the mean hazard with every day ahead; fitted by eye on seed 11.
ARRIVALS = 0.015


@dataclass(frozen=True)
class Logit:
    """Parts of the monthly logit by the source that could see them; `interaction` needs two sources at once."""

    billing: Floats
    network: Floats
    care: Floats
    interaction: Floats

    @property
    def total(self) -> Floats:
        return self.billing + self.network + self.care + self.interaction


def logit(lines: Lines, state: State, day: int, parameters: Parameters, ahead: int = 0) -> Logit:
    """The logit at the start of `day`; with `ahead`, clocks and memories stand as that many quiet days later."""
    h = parameters.hazard
    rise, failed = state.rise * RISE_MEMORY**ahead, state.failed * FAILED_MEMORY**ahead
    unresolved, complaints = state.unresolved * CARE_MEMORY**ahead, state.complaints * CARE_MEMORY**ahead
    left = binding_end(lines, state) - (day + ahead)
    is_bound = (left > HORIZON) & (left < NEVER // 2)
    in_window = left <= HORIZON
    is_free = in_window | (lines.contract == MONTHLY)
    tenure = np.maximum(day + ahead - lines.started, 0)
    base = np.where(prepaid(lines), h.prepaid, np.where(lines.contract == MONTHLY, h.monthly, h.bound))
    billing = (
        base + h.window * in_window + h.rise * rise + h.failed * np.minimum(failed, 3)
        + h.tenure * np.log1p(tenure / 365) + h.newcomer * ((tenure < 90) & ~is_bound)
    )
    decline = 1 - state.engagement
    excess = np.maximum(state.dropped / (state.calls + 20) - 0.02, 0)
    radio = np.minimum(h.dropped * excess, h.dropped_cap)
    care = h.unresolved * np.minimum(unresolved, 3) + h.complaint * np.minimum(complaints, 2)
    interaction = (
        h.bad_radio_unheard * ((excess > 0.015) & (state.problem == NETWORK))
        + h.rise_in_window * (rise > 0.4) * is_free + h.decline_free * decline * is_free
    )
    return Logit(billing, h.decline * decline + radio, care, interaction)


def daily(logits: Floats) -> Floats:
    """Probability of one day from a monthly logit: 1 - (1 - p)^(1/30)."""
    return np.asarray(1 - np.exp(-np.logaddexp(0, logits) / HORIZON))


def can_leave(lines: Lines, state: State, day: int) -> Floats:
    """1 for lines whose user may decide to leave today."""
    return np.asarray((state.status == ACTIVE) & ~state.gone_silent & (lines.started < day), dtype=np.float64)


def expected(lines: Lines, state: State, day: int, parameters: Parameters, parts: tuple[str, ...] = ()) -> Floats:
    """P(churn in [day, day + 30)) given the states at the start of `day`; strains still to come only on average.

    Prepaid: churn is silence reaching 45 days, so only lines already silent for 16 days can reach it in time.
    Suspended: the contract ends 30 days after the suspension unless the debt is paid first. `parts` limits the
    logit to the named terms (their mean replaces the rest): what an observer of those sources alone would expect.
    """
    survival = np.ones(len(lines))
    for ahead in range(HORIZON):
        terms = logit(lines, state, day, parameters, ahead)
        if parts:
            total = sum((getattr(terms, p) if p in parts else getattr(terms, p).mean())
                        for p in ("billing", "network", "care", "interaction"))
        else:
            total = terms.total
        survival *= 1 - daily(np.asarray(total)) * (1 + ARRIVALS * ahead)
    p = 1 - survival
    p = np.where(prepaid(lines), _silence(lines, state, day, parameters), p)
    days_left = state.suspended_on + parameters.suspended_days - day
    stays = (1 - parameters.debt_paid) ** np.maximum(np.minimum(days_left, 1000), 0)
    return np.where(state.status == SUSPENDED, np.where(days_left < HORIZON, stays, 0.0), p)


def _silence(lines: Lines, state: State, day: int, parameters: Parameters) -> Floats:
    """P(silence reaches 45 days within the horizon): gone for good against away or simply a light user."""
    silent = day - 1 - state.last_use  # whole days without use
    leaving = daily(logit(lines, state, day, parameters).total)
    chance = lines.use * (0.4 + 0.6 * state.engagement)
    unused = (1 - chance) ** np.minimum(silent, 400)
    back = parameters.away_start * np.exp(-silent / parameters.away_days)
    gone = leaving / (leaving + back + unused * chance)
    reaches = (silent + HORIZON >= parameters.silence_days) & (silent < parameters.silence_days)
    return np.where(reaches, gone, 0.0)
