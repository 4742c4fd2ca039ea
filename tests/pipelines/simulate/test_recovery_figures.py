"""The pure parts of benchmarks/recovery.py: profit of a list, ranks under weights, intervals over subscribers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import rankdata

from pipelines.settings import PROJECT


@pytest.fixture(scope="module", autouse=True)
def _benchmarks() -> Iterator[None]:
    sys.path.insert(0, str(PROJECT / "benchmarks"))
    yield
    sys.path.remove(str(PROJECT / "benchmarks"))


@pytest.fixture
def profit() -> ModuleType:
    return importlib.import_module("profit")


@pytest.fixture
def value() -> ModuleType:
    return importlib.import_module("recovery_value")


def test_a_leaver_brings_the_margin_of_those_who_take_the_offer_and_a_stayer_costs_it(profit: ModuleType):
    brought = profit.brought(np.array([1.0, 0.0]), np.array([220.0, 220.0]))
    assert brought.tolist() == pytest.approx([0.3 * 200 - 2, -0.3 * 20 - 2])


def test_a_list_holds_the_best_of_every_night_and_no_more_than_capacity(profit: ModuleType):
    night = np.repeat([1, 2], 100)
    score, gain = np.tile(np.arange(100.0), 2), np.tile(np.arange(100.0), 2)
    # 95..99 on either night: 485 EUR of 100 subscribers, twice.
    assert profit.List(night, score, gain).profit() == pytest.approx(485 * 2 / 200 * 1000)
    only_the_first = np.where(night == 1, 1.0, 0.0)
    assert profit.List(night, score, gain).profit(only_the_first) == pytest.approx(485 / 100 * 1000)


def test_equal_scores_share_the_places_so_a_list_by_lot_brings_the_mean(profit: ModuleType):
    gain = np.arange(100.0)
    by_lot = profit.List(np.zeros(100), np.zeros(100), gain)
    assert by_lot.profit() == pytest.approx(0.05 * gain.mean() * 1000)


def test_a_weight_counts_as_so_many_rows(value: ModuleType):
    chance = np.random.default_rng(1)
    one, other = chance.integers(0, 20, 200).astype(float), chance.normal(size=200)
    weight = chance.integers(0, 4, 200).astype(float)
    repeated = np.repeat(np.arange(200), weight.astype(int))
    ranks = value.Ranks(one).of(weight), value.Ranks(other).of(weight)
    assert value.spearman(*ranks, weight) == pytest.approx(
        np.corrcoef(rankdata(one[repeated]), rankdata(other[repeated]))[0, 1])


def test_all_rows_of_a_subscriber_are_drawn_together():
    resamples = importlib.import_module("resamples")
    subscriber = np.repeat([f"s{number:02d}" for number in range(50)], 2)
    drawn = list(resamples.Resamples(subscriber, 5))
    assert len(drawn) == 5
    for weight in drawn:
        assert (weight[::2] == weight[1::2]).all()
        assert weight.sum() == 100
    assert not np.array_equal(drawn[0], drawn[1])


def test_the_truth_of_a_longer_life_is_the_homes_own_and_knows_what_came(tmp_path, monkeypatch: pytest.MonkeyPatch):
    import pandas as pd

    from pipelines.settings import settings
    from pipelines.simulate import simulate

    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    simulate(60, 95, 1)
    later = importlib.import_module("later_truth")
    later.main(["--subscribers", "60", "--days", "95", "--nights", "1", "--out", str(tmp_path / "later")])
    monkeypatch.undo()
    settings.cache_clear()
    keys = ["operator", "subscription_id", "as_of"]
    told, then = (pd.read_parquet(tmp_path / place / "truth/hazard.parquet") for place in ("home", "later"))
    both = told.merge(then, on=keys, validate="one_to_one")
    assert len(both) == len(then) > 100
    assert (both["expected_margin_12m_x"] == both["expected_margin_12m_y"]).all()
    assert both["margin_12m_x"].isna().all()
    assert both["margin_12m_y"].notna().all()
