"""Person-periods from cut-offs: who is still there has a row for every month seen, who left has none after it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.training.value import periods, rivals

WEEKS = 13


def history(lives: dict[str, tuple[int, bool]]) -> periods.History:
    """Subscribers with the number of weekly cut-offs they were active at, and whether they left after the last."""
    rows = [
        {"subscriber_id": who, "event_timestamp": pd.Timestamp("2026-01-05") + pd.Timedelta(weeks=week),
         "is_churned": left and week >= count - 4, "contract_type": "12m"}
        for who, (count, left) in lives.items() for week in range(count)
    ]
    frame = pd.DataFrame(rows).sort_values(["event_timestamp", "subscriber_id"], ignore_index=True)
    return periods.arranged(frame, "is_churned")


def pairs(found: periods.Periods, of: periods.History) -> set[tuple[str, int, int]]:
    who = of.frame["subscriber_id"].to_numpy()
    week = (of.day_of(np.arange(len(of.frame))) - of.days[0]) // 7
    assert (who[found.origin] == who[found.outcome]).all()
    assert (week[found.outcome] - week[found.origin] == 4 * (found.month - 1)).all()
    return {(who[row], int(week[row]), int(month)) for row, month in zip(found.origin, found.month, strict=True)}


def test_an_unfinished_life_counts_for_every_month_it_was_seen():
    told = history({"stays": (WEEKS, False), "leaves": (6, True)})
    found = pairs(periods.person_periods(told, range(2, 5), most=1000, seed=1), told)
    assert {(week, month) for who, week, month in found if who == "stays"} == {
        (week, month) for month in (2, 3, 4) for week in range(WEEKS - 4 * (month - 1))
    }
    assert {(week, month) for who, week, month in found if who == "leaves"} == {(0, 2), (1, 2)}


def test_the_outcome_of_a_period_is_the_label_of_the_later_cut_off():
    told = history({"stays": (WEEKS, False), "leaves": (6, True)})
    found = periods.person_periods(told, [2], most=1000, seed=1)
    left = {(told.frame["subscriber_id"].iloc[row], bool(told.left[later]))
            for row, later in zip(found.origin, found.outcome, strict=True)}
    assert left == {("stays", False), ("leaves", True)}


def test_months_nobody_saw_are_not_made_up():
    told = history({"stays": (WEEKS, False)})
    assert periods.longest(told, 12) == 4
    assert periods.longest(told, 12, lead=2) == 2
    assert len(periods.person_periods(told, [5], most=10, seed=1)) == 0


def test_too_many_rows_are_drawn_by_seed_and_too_many_subscribers_by_hash():
    told = history({f"s{number:03d}": (WEEKS, False) for number in range(50)})
    some = [periods.person_periods(told, range(2, 5), most=100, seed=1) for _ in range(2)]
    assert [len(one) for one in some] == [100, 100]
    assert (some[0].origin == some[1].origin).all()
    people = np.repeat(np.array([f"s{number:05d}" for number in range(5000)], dtype=object), 3)
    kept = periods.drawn(people, periods.buckets(len(people), 3000))
    assert kept.mean() == pytest.approx(0.2, abs=0.03)
    assert len(set(people[kept]) & set(people[~kept])) == 0
    assert periods.drawn(people, periods.buckets(len(people), len(people))).all()
    assert periods.buckets(10**9, 1) == 1


def test_kaplan_meier_is_that_of_the_lives_seen():
    lives = {f"stays{number:03d}": (WEEKS, False) for number in range(150)}
    lives |= {f"leaves{number:03d}": (2, True) for number in range(50)}
    told = history(lives)
    stay = rivals.kaplan_meier(told, np.arange(3), 3)
    # A quarter leaves on day 7 + 4, in month one: (1 + .75) / 2 + .75 + .75 months.
    assert stay.tolist() == [0.875 + 0.75 + 0.75] * 3


def test_past_its_end_a_curve_goes_on_with_the_mean_hazard_of_the_months_seen():
    lives = {f"stays{number:03d}": (WEEKS, False) for number in range(150)}
    lives |= {f"leaves{number:03d}": (2, True) for number in range(50)}
    stay = rivals.kaplan_meier(history(lives), np.arange(1), 6)  # 114 days were watched: three months
    beyond = 0.75 * 0.75 ** (np.arange(4) / 3)
    assert stay[0] == pytest.approx(0.875 + 0.75 + 0.75 + (beyond[:-1] + beyond[1:]).sum() / 2)
