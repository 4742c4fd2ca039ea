"""The margin a line makes: what is billed, net, less the cost rates of its products; and what to expect of a year.

House currency, minor units, 30-day months; expected values are discounted at the day they fall on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.estate import Estate
from pipelines.landing.contract import PRODUCTS
from pipelines.simulate import tariffs
from pipelines.simulate.arrays import Floats
from pipelines.simulate.hazard import Climate, arrivals, daily, expected, logit
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import OPERATORS, Lines, prepaid
from pipelines.simulate.state import ACTIVE, ENDED, SUSPENDED, State

MONTH = 30.0
MONTHS = 12
MEAN_RISE = 0.125  # of a price rise, half way between 5 and 20 %


@dataclass(frozen=True)
class Economy:
    """What the estate says that a margin needs: costs by products held, and the worth of each operator's currency."""

    costs: Floats  # [products as bits], house minor units per 30 days
    worth: Floats  # [operator], house units per unit
    annual_discount: float

    @property
    def daily_discount(self) -> float:
        return float((1 + self.annual_discount) ** (-1 / 365))


def economy(estate: Estate, parameters: Parameters) -> Economy:
    """Read the cost rates and the newest exchange rate of every operator's currency."""
    rates = estate.cost_rates
    bits = np.arange(2 ** len(PRODUCTS))
    costs = np.full(len(bits), rates.get("base", 0), dtype=np.float64)
    for place, product in enumerate(PRODUCTS):
        costs += (bits >> place & 1) * rates.get(product, 0)
    worth = []
    for name in OPERATORS:
        currency = estate.operators[name].currency
        dated = [(one.valid_from, float(one.rate)) for one in estate.exchange_rates if one.currency == currency]
        worth.append(1.0 if currency == estate.currency else max(dated)[1])
    return Economy(costs, np.array(worth), parameters.annual_discount)


def cost_a_day(lines: Lines, state: State, economy: Economy) -> Floats:
    """Costs run from activation to the end, suspended or not."""
    return np.where(state.status != ENDED, economy.costs[state.products] / MONTH, 0.0)


def expected_margin(
    lines: Lines, state: State, day: int, parameters: Parameters, climate: Climate, economy: Economy,
) -> Floats:
    """Expected discounted margin of the next 12 months of 30 days, house minor units, given what was observable.

    Sum over months of survival to the month's middle x (price with its expected rises and moves to other plans, and
    extras - costs), and the bill for the days not billed yet. Survival is the oracle's hazard carried on: own strains
    fade, others arrive.
    """
    monthly = np.zeros(len(lines))
    survival, first = np.ones(len(lines)), 1 - expected(lines, state, day, parameters, climate)
    paid, costs = _paid(lines, state, parameters, economy), economy.costs[state.products]
    extra = np.where(prepaid(lines), 0.0, parameters.extra_share * lines.extra)
    income, moves = paid * (state.price + extra), paid * tariffs.drift(lines, state, day, parameters)
    growth = MEAN_RISE * parameters.price_rise * MONTH
    for month in range(MONTHS):
        middle = (month + 0.5) * MONTH
        hazard = daily(logit(lines, state, day, parameters, climate, middle).total).astype(np.float64)
        lived = first if month == 0 else (1 - np.minimum(hazard * arrivals(middle), 0.5)) ** MONTH
        weight = economy.daily_discount ** middle
        rises = np.where(prepaid(lines), 1.0, 1 + growth * (month + 0.5))
        monthly += survival * (1 + lived) / 2 * weight * (income * rises + moves * (month + 0.5) - costs)
        survival = survival * lived
    return monthly + _unbilled(lines, state, day, economy) - survival * _owed_at_end(lines, state, economy)


def _paid(lines: Lines, state: State, parameters: Parameters, economy: Economy) -> Floats:
    """How often a month's price is billed in 30 days, in house currency. A suspended line: if its debt is paid."""
    worth = economy.worth[lines.operator]
    is_prepaid = prepaid(lines)
    # A bill every calendar month, a top-up every 28 days.
    bills = np.where(is_prepaid, MONTH / 28, MONTH / (365.25 / 12))
    pays = np.where(state.status == SUSPENDED, 0.5, 1.0)
    present = np.where(is_prepaid, 1 - parameters.away_start * parameters.away_days, 1.0)
    return np.asarray(worth * pays * present * bills)


def _unbilled(lines: Lines, state: State, day: int, economy: Economy) -> Floats:
    """Days used and not billed yet: bills come in arrears, so the first one tells of the days before."""
    days = np.clip(day - state.billed_until, 0, 31)
    owed = economy.worth[lines.operator] * state.price * days / MONTH
    return np.where(prepaid(lines) | (state.status != ACTIVE), 0.0, owed)


def _owed_at_end(lines: Lines, state: State, economy: Economy) -> Floats:
    """Half a month stays unbilled for who is still there after the year."""
    return np.where(prepaid(lines), 0.0, economy.worth[lines.operator] * state.price / 2)
