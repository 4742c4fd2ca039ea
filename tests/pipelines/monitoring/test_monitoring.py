"""A champion's sample against published nights, through Evidently itself, to a verdict, a history and a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle, champions
from pipelines.errors import Held, IntegrityError, NoChampion
from pipelines.monitoring import (
    DriftVerdict,
    comparison,
    event,
    frames,
    held,
    history,
    inputs,
    is_verdict,
    monitor,
    report_folder,
)
from pipelines.monitoring.measure import Status
from pipelines.monitoring.triage import Action, Cause, Context, triage
from pipelines.publish import Dataset, sha256
from pipelines.settings import settings

NIGHT = date(2026, 9, 1)
BILLING = ["price_eur", "tenure_days", "contract_type", "is_paperless"]
NETWORK = ["data_mb_30d", "sms_count_30d"]
COLUMNS = BILLING + NETWORK


def people(rows: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame({
        "subscriber_id": [f"sub_{i:05d}" for i in range(rows)],
        "price_eur": draw.normal(40, 8, rows),
        "tenure_days": draw.integers(1, 2000, rows),
        "contract_type": draw.choice(["month", "year"], rows),
        "is_paperless": draw.choice([True, False], rows),
        "data_mb_30d": draw.lognormal(8, 1, rows),
        "sms_count_30d": draw.poisson(4, rows),
    })


@pytest.fixture
def champion(home: Path) -> champions.Champion:
    """A champion of `churn` in force, whose training sample is 1,500 quiet rows."""
    sample = home / "sample.parquet"
    home.mkdir(parents=True)
    people(1500, seed=1).drop(columns="subscriber_id").to_parquet(sample)
    facts = {"model": "churn", "version": 1, "feature_service": "churn_v2", "columns": COLUMNS, "categories": {},
             "calibrator": {"kind": "identity"}}
    saved = bundle.save(bundle.path_of("churn", 1), facts, files={"sample.parquet": sample})
    return champions.enter("churn", 1, date(2026, 8, 1), saved.sha256, reason="test")


def publish(frame: pd.DataFrame, night: date = NIGHT) -> None:
    for name, columns in {"ftr_subscriber_billing": BILLING, "ftr_subscriber_network": NETWORK}.items():
        part = frame[["subscriber_id", *columns]]

        def write(path: Path, part: pd.DataFrame = part) -> int:
            part.to_parquet(path)
            return len(part)

        Dataset(settings().features / name, ("as_of",)).publish({"as_of": night.isoformat()}, write)


def publish_last_year(frame: pd.DataFrame) -> None:
    """The same night a year before: it says whether a shift is the season's."""
    publish(frame, NIGHT - timedelta(weeks=52))


def test_a_night_like_the_training_sample_is_quiet_and_leaves_report_history_and_page(
    champion: champions.Champion
) -> None:
    publish(people(1200, seed=2))
    verdict = monitor("churn", NIGHT)
    assert (verdict.cause, verdict.action) == (Cause.QUIET, Action.NONE)
    psi = {each.subject: each.value for each in verdict.measures if each.name == "psi"}
    assert set(psi) == set(COLUMNS)
    assert None not in psi.values()
    folder = report_folder("churn", NIGHT)
    written = json.loads((folder / "verdict.json").read_text())
    assert (written["cause"], written["as_of"], written["version"]) == ("quiet", "2026-09-01", 1)
    assert len(written["measures"]) == len(verdict.measures) == len(history.read("churn"))
    assert "<html" in (folder / "report.html").read_text()[:2000].lower()
    assert "as_of=2026-09-01/report.html" in (folder.parent / "index.html").read_text()


PLANTED: dict[str, Callable[[pd.DataFrame], Any]] = {
    "usage in kB instead of MB": lambda f: f["data_mb_30d"] * 1000,
    "usage all zero": lambda f: f["data_mb_30d"] * 0,
}


@pytest.mark.parametrize("what", PLANTED)
def test_planted_drift_is_in_alarm_and_names_the_column(champion: champions.Champion, what: str) -> None:
    frame = people(1200, seed=2)
    publish(frame.assign(data_mb_30d=PLANTED[what](frame)))
    publish_last_year(frame)
    verdict = monitor("churn", NIGHT)
    assert (verdict.cause, verdict.action) == (Cause.POPULATION_SHIFT, Action.RETRAIN)
    assert verdict.columns == ("data_mb_30d",)
    assert event(verdict)["columns"] == ["data_mb_30d"]


@pytest.mark.parametrize("kept", [2 / 3, 0.0])
def test_a_column_that_lost_its_values_holds_and_is_never_trained_for(
    champion: champions.Champion, kept: float
) -> None:
    frame = people(1200, seed=2)
    usage = frame["data_mb_30d"].where(frame.index < kept * len(frame))
    publish(frame.assign(data_mb_30d=usage, price_eur=frame["price_eur"] * 2))
    publish_last_year(frame)
    verdict = monitor("churn", NIGHT)
    assert (verdict.cause, verdict.action) == (Cause.BROKEN_FEED, Action.HOLD)
    assert "data_mb_30d: missing" in verdict.reasons[0]
    assert not verdict.is_all_clear


def test_a_shift_that_last_year_had_too_is_the_season(champion: champions.Champion) -> None:
    frame = people(1200, seed=2)
    moved = frame.assign(data_mb_30d=frame["data_mb_30d"] * 3, sms_count_30d=frame["sms_count_30d"] * 2)
    publish(moved)
    publish_last_year(moved.assign(**{name: people(1200, seed=3)[name] for name in BILLING}))
    verdict = monitor("churn", NIGHT)
    assert (verdict.cause, verdict.action) == (Cause.SEASON, Action.FLAG)
    assert verdict.reasons[0] == "2 of 2 moved columns are where they were 52 weeks ago"


def test_evidentlys_scores_decide_and_nothing_else_would_see_this(
    champion: champions.Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices double, nothing goes missing: with the scores a retrain is asked for, without them it is not a pass."""
    frame = people(1200, seed=2)
    publish(frame.assign(price_eur=frame["price_eur"] * 2))
    publish_last_year(frame)
    assert monitor("churn", NIGHT).action is Action.RETRAIN
    monkeypatch.setattr(comparison, "_scores", lambda before, now, path: {})
    without = monitor("churn", NIGHT)
    assert without.action is Action.NONE
    assert {each.status for each in without.measures if each.name == "psi"} == {Status.UNKNOWN}


def test_a_comparison_that_crashes_is_unknown_and_never_a_pass(
    champion: champions.Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*arguments: object) -> None:
        raise ZeroDivisionError("in somebody's library")

    monkeypatch.setattr(inputs, "measure_inputs", crash)
    publish(people(1200, seed=2))
    verdict = monitor("churn", NIGHT)
    assert (verdict.cause, verdict.action) == (Cause.UNKNOWN, Action.NONE)
    assert "ZeroDivisionError: in somebody's library" in "".join(verdict.reasons)
    assert not verdict.is_all_clear


def test_a_shift_that_goes_on_asks_once(champion: champions.Champion) -> None:
    frame = people(1200, seed=2)
    publish_last_year(frame)
    for off in (0, 1):
        publish(frame.assign(price_eur=frame["price_eur"] * 2), NIGHT + timedelta(days=off))
    actions = [monitor("churn", NIGHT + timedelta(days=off)).action for off in (0, 1, 0)]
    assert actions == [Action.RETRAIN, Action.FLAG, Action.RETRAIN]


def test_one_absurd_value_neither_alarms_nor_hides_a_shift() -> None:
    before, now = people(1500, seed=1), people(1200, seed=2)
    now.loc[0, "data_mb_30d"] = 1e12
    assert psi_of(before, now) < 0.1
    now["data_mb_30d"] = now["data_mb_30d"] * 4
    assert psi_of(before, now) > 0.25


def psi_of(before: pd.DataFrame, now: pd.DataFrame) -> float:
    found = {each.name: each.value for each in comparison.measure(before, now, ["data_mb_30d"])}
    assert found["psi"] is not None
    return found["psi"]


def test_quiet_weeks_are_measured_by_the_functions_that_the_report_measures_a_night_by() -> None:
    before, now = people(1500, seed=1), people(1200, seed=2)
    now = now.assign(data_mb_30d=now["data_mb_30d"] * 1.5, contract_type="year")
    told = comparison.measure(before, now, COLUMNS)
    assert comparison.measure_quickly(before, now, COLUMNS) == told
    assert {one.name for one in told} == {"psi", "wasserstein", "missing", "new_categories"}


ODD: dict[str, tuple[list[Any], list[Any]]] = {
    "empty tonight": ([1.0, 2.0], []),
    "empty in training": ([], [1.0, 2.0]),
    "empty in both": ([], []),
    "all missing in both": ([None, None], [None, None]),
    "constant in both": ([3.0] * 300, [3.0] * 300),
    "all missing text": ([None, None], ["a", "b"]),
    "one row": ([1.0, 2.0, 3.0], [2.0]),
    "numbers became text": ([1.0, 2.0, 3.0], ["1,5", "2,5", "3,5"]),
    "flags with gaps": ([True, None, False], [None, True, True]),
    "infinite": ([1.0, 2.0, 3.0], [float("inf")] * 3),
}


@pytest.mark.parametrize("what", ODD)
def test_F50_an_odd_column_never_crashes_and_is_never_a_pass_on_a_thin_night(what: str) -> None:
    before, now = (pd.DataFrame({"odd": pd.Series(values, dtype=object)}) for values in ODD[what])
    measures = comparison.measure(before, now, ["odd"])
    assert all(each.value is not None or each.detail for each in measures)
    night = triage(measures, Context("churn", NIGHT, len(before), len(now)))
    assert (night.cause, night.action) == (Cause.UNKNOWN, Action.NONE)
    assert night.reasons


def test_the_same_night_gives_the_same_verdict_twice(
    champion: champions.Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "SAMPLE_ROWS", 500)
    publish(people(1200, seed=2))
    monitor("churn", NIGHT)
    first = sha256(report_folder("churn", NIGHT) / "verdict.json")
    monitor("churn", NIGHT)
    assert sha256(report_folder("churn", NIGHT) / "verdict.json") == first


def test_without_a_champion_the_night_is_passed_over(home: Path) -> None:
    with pytest.raises(NoChampion, match="no champion in force"):
        monitor("churn", NIGHT)


def test_an_unpublished_night_is_held_and_says_what_to_run(champion: champions.Champion) -> None:
    with pytest.raises(Held, match="telco unify --as-of 2026-09-01"):
        monitor("churn", NIGHT)


def test_partitions_that_disagree_on_the_subscribers_are_held(champion: champions.Champion) -> None:
    frame = people(1200, seed=2)
    publish(frame)
    network = Dataset(settings().features / "ftr_subscriber_network", ("as_of",))

    def write(path: Path) -> int:
        frame[["subscriber_id", *NETWORK]].head(1000).to_parquet(path)
        return 1000

    network.publish({"as_of": NIGHT.isoformat()}, write, frozen=False)
    with pytest.raises(Held, match="other subscribers"):
        monitor("churn", NIGHT)


def test_an_altered_training_sample_is_refused(champion: champions.Champion) -> None:
    publish(people(1200, seed=2))
    (bundle.path_of("churn", 1) / "sample.parquet").write_bytes(b"PAR1 not what was trained on PAR1")
    with pytest.raises(IntegrityError, match=r"sample\.parquet"):
        monitor("churn", NIGHT)


def test_a_missing_partition_is_a_hold_that_nobody_has_been_told_of() -> None:
    found = DriftVerdict("churn", date(2026, 3, 1), 1, Cause.BROKEN_FEED, Action.HOLD, ("zeros",), (), (), ())
    assert is_verdict(held(found))
    assert not is_verdict(Held("monitor 2026-03-01", ["no published partition"]))
