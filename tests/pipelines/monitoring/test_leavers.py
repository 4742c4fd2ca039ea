"""More leavers of one cohort than of its peers is a wave; more of all alike is a season."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.monitoring.cohorts import LEAVERS_MONTH, WAVE, WEEKS, Counts, more_leavers
from pipelines.monitoring.measure import Measure, Status

# Twenty thousand subscribers: people of a cohort, and the share of them that leaves in a week.
WEEKLY = {"contract_type=monthly": (4_000, 0.008), "contract_type=12m": (6_000, 0.003),
          "contract_type=24m": (10_000, 0.002)}


def usual(size: float = 1.0, seed: int = 1) -> dict[str, list[list[int]]]:
    draw = np.random.default_rng(seed)
    weeks: dict[str, list[list[int]]] = {"everyone": []}
    for _ in range(13):
        total = [0, 0]
        for cohort, (people, rate) in WEEKLY.items():
            week = [int(draw.poisson(people * size * rate)), int(people * size) * 7]
            weeks.setdefault(cohort, []).append(week)
            total = [total[0] + week[0], total[1] + week[1]]
        weeks["everyone"].append(total)
    return weeks


def night(times: dict[str, float], *, days: int = 7, size: float = 1.0) -> Counts:
    counts = {cohort: (round(people * size * rate * days / 7 * times.get(cohort, times.get("all", 1.0))),
                       int(people * size) * days) for cohort, (people, rate) in WEEKLY.items()}
    return {"everyone": tuple(map(sum, zip(*counts.values(), strict=True))), **counts}  # type: ignore[dict-item]


def alarmed(found: list[Measure]) -> set[str]:
    return {each.subject for each in found if each.status is Status.ALARM}


def test_a_wave_in_one_contract_is_named_and_its_peers_are_not() -> None:
    found = more_leavers(night({"contract_type=monthly": 2.5}), usual())
    assert "contract_type=monthly" in alarmed(found)
    assert not alarmed(found) & {"contract_type=12m", "contract_type=24m"}


@pytest.mark.parametrize("times", [0.6, 1.0, 1.3])
@pytest.mark.parametrize("size", [1.0, 50.0])
def test_a_season_that_moves_all_of_them_alike_is_no_wave_at_any_size(times: float, size: float) -> None:
    if times < 1.25:
        assert alarmed(more_leavers(night({"all": times}, size=size), usual(size))) == set()
    else:
        assert alarmed(more_leavers(night({"all": times}, size=size), usual(size))) <= {"everyone"}


def test_what_a_week_of_a_small_operator_cannot_say_four_weeks_can() -> None:
    wave = {"contract_type=monthly": 2.5}
    week = more_leavers(night(wave, size=0.25), usual(0.25))
    month = more_leavers(night(wave, days=28, size=0.25), usual(0.25), LEAVERS_MONTH)
    assert alarmed(week) == set()
    assert "contract_type=monthly" in alarmed(month)
    assert {each.name for each in month} == {LEAVERS_MONTH}


def test_without_enough_past_weeks_it_is_unknown() -> None:
    short = {cohort: weeks[: WEEKS - 1] for cohort, weeks in usual().items()}
    (only,) = more_leavers(night({}), short)
    assert (only.subject, only.value, only.status) == ("everyone", None, Status.UNKNOWN)


def test_a_hundred_quiet_nights_of_twenty_thousand_alarm_nobody() -> None:
    past, draw = usual(), np.random.default_rng(9)
    worst = 0.0
    for _ in range(100):
        counts = {cohort: (int(draw.poisson(people * rate)), people * 7) for cohort, (people, rate) in WEEKLY.items()}
        whole: Counts = {"everyone": (sum(c[0] for c in counts.values()), sum(c[1] for c in counts.values())), **counts}
        worst = max([worst, *(each.value or 0.0 for each in more_leavers(whole, past))])
    assert worst < WAVE
