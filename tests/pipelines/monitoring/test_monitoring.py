"""A champion's sample against a published night, through Evidently itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle, champions
from pipelines.errors import Held, IntegrityError, NoChampion
from pipelines.monitoring import _as_measurements as as_measurements
from pipelines.monitoring import comparison, frames, monitor, report_folder
from pipelines.monitoring.decision import decide
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


def test_a_night_like_the_training_sample_is_ok_and_leaves_a_report(champion: champions.Champion) -> None:
    publish(people(1200, seed=2))
    verdict = monitor("churn", NIGHT)
    assert verdict.status == "ok"
    assert {column.column for column in verdict.columns} == set(COLUMNS)
    assert all(column.psi is not None for column in verdict.columns)
    written = json.loads((report_folder("churn", NIGHT) / "verdict.json").read_text())
    assert (written["status"], written["as_of"], written["version"]) == ("ok", "2026-09-01", 1)
    assert "<html" in (report_folder("churn", NIGHT) / "report.html").read_text()[:2000].lower()


PLANTED: dict[str, Callable[[pd.DataFrame], Any]] = {
    "usage in kB instead of MB": lambda f: f["data_mb_30d"] * 1000,
    "usage gone for a third": lambda f: f["data_mb_30d"].where(f.index % 3 > 0),
    "usage all missing": lambda f: f["data_mb_30d"] * np.nan,
    "usage all zero": lambda f: f["data_mb_30d"] * 0,
}


@pytest.mark.parametrize("what", PLANTED)
def test_planted_drift_is_drift_and_names_the_column(champion: champions.Champion, what: str) -> None:
    frame = people(1200, seed=2)
    publish(frame.assign(data_mb_30d=PLANTED[what](frame)))
    verdict = monitor("churn", NIGHT)
    assert verdict.status == "drift"
    assert any("data_mb_30d" in reason for reason in verdict.reasons)
    assert sum(column.status == "drift" for column in verdict.columns) == 1


def test_evidentlys_scores_decide_and_nothing_else_would_see_this(
    champion: champions.Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices double, nothing goes missing: with the scores the verdict is drift, without them it is not a pass."""
    frame = people(1200, seed=2)
    publish(frame.assign(price_eur=frame["price_eur"] * 2))
    assert monitor("churn", NIGHT).status == "drift"
    monkeypatch.setattr(comparison, "_scores", lambda before, now, path: {})
    assert monitor("churn", NIGHT).status == "unknown"


def test_one_absurd_value_neither_alarms_nor_hides_a_shift() -> None:
    before, now = people(1500, seed=1), people(1200, seed=2)
    now.loc[0, "data_mb_30d"] = 1e12
    usage = {one.name: one.value for one in comparison.measure(before, now, ["data_mb_30d"])}
    assert usage["psi"] is not None
    assert usage["psi"] < 0.1
    now["data_mb_30d"] = now["data_mb_30d"] * 4
    shifted = {one.name: one.value for one in comparison.measure(before, now, ["data_mb_30d"])}
    assert shifted["psi"] is not None
    assert shifted["psi"] > 0.25


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
    assert all(one.value is not None or one.detail for one in measures)
    measured = as_measurements(measures, before, now)
    night = decide("churn", NIGHT, measured, reference_rows=len(before), current_rows=len(now))
    assert night.status == "unknown"
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
