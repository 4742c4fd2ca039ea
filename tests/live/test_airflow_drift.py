"""The real Airflow: a planted shift starts a retrain that says why; quiet, broken and unmeasured nights start none.

The world is a champion with its training sample and published nights of 1,500 subscribers, made without a warehouse:
what is seen here is the chain from Evidently's numbers to the event and from the event to the retrain. The retrain
itself ends at once: no label has matured by these nights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle, champions, stack
from pipelines.publish import Dataset
from pipelines.settings import PROJECT, settings
from pipelines.stack import Airflow, RunFailed, Stack

pytestmark = pytest.mark.live

QUIET, SHIFTED, BLIND, BROKEN = (date(2026, 2, day) for day in (10, 12, 14, 16))
BILLING = ["price_eur", "tenure_days", "contract_type", "billed_eur_30d"]
NETWORK = ["data_mb_30d", "voice_min_30d", "sms_count_30d", "active_days_30d"]
ROWS, PATIENCE = 1500, 300.0

# In every process of the stack: while the file is there, Evidently's report breaks off before it has given a number.
TAKEN_AWAY = """
import os, sys
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".html") and "/drift/" in str(arguments[0]):
        if os.path.exists(os.environ.get("TELCO_HOME", "") + "/evidently_is_away"):
            raise RuntimeError("evidently is taken away")
sys.addaudithook(hook)
"""


def tell(line: str) -> None:
    print(line, flush=True)


def people(seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    price = draw.normal(40, 8, ROWS)
    return pd.DataFrame({
        "subscriber_id": [f"sub_{i:05d}" for i in range(ROWS)],
        "price_eur": price, "tenure_days": draw.integers(1, 2000, ROWS).astype(float),
        "contract_type": draw.choice(["month", "year"], ROWS), "billed_eur_30d": price + draw.normal(0, 1, ROWS),
        "data_mb_30d": draw.lognormal(8, 1, ROWS), "voice_min_30d": draw.lognormal(4, 1, ROWS),
        "sms_count_30d": draw.poisson(9, ROWS).astype(float),
        "active_days_30d": draw.integers(1, 31, ROWS).astype(float),
    })


def shifted(frame: pd.DataFrame) -> pd.DataFrame:
    """Everybody uses half as much again and pays more: other people, not another order of the same ones."""
    return frame.assign(**{name: frame[name] * 1.6 for name in (*NETWORK[:3], "price_eur", "billed_eur_30d")})


def publish(frame: pd.DataFrame, night: date) -> None:
    roster = frame[["subscriber_id", "contract_type"]].assign(
        operator="alpha", region="north", segment="consumer", is_active=True)
    for name, part in {"roster": roster, "ftr_subscriber_billing": frame[["subscriber_id", *BILLING]],
                       "ftr_subscriber_network": frame[["subscriber_id", *NETWORK]]}.items():

        def write(path: Path, part: pd.DataFrame = part) -> int:
            part.to_parquet(path)
            return len(part)

        Dataset(settings().features / name, ("as_of",)).publish({"as_of": night.isoformat()}, write)


@dataclass
class World:
    airflow: Airflow

    def watch(self, night: date) -> dict[str, Any]:
        """Run the monitor DAG for a night, then give what it starts time to be seen."""
        found = self.airflow.wait_run("monitor", self.airflow.trigger("monitor", as_of=night), timeout=PATIENCE,
                                      report=tell)
        return found

    def retrains(self, night: date) -> list[dict[str, Any]]:
        return [run for run in self.airflow.runs("retrain_churn") if run["partition_key"] == night.isoformat()]

    def events(self) -> list[dict[str, Any]]:
        return [one for one in self.airflow.call("GET", "/assets/events", params={"limit": 100}).json()["asset_events"]
                if one["name"] == "drift_churn"]


def verdict(night: date) -> dict[str, Any]:
    path = settings().reports / "drift" / "churn" / f"as_of={night}" / "verdict.json"
    return dict(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("drift") / "home"))
        for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        settings.cache_clear()
        settings().home.mkdir(parents=True)
        sample = settings().home / "sample.parquet"
        people(1).drop(columns="subscriber_id").to_parquet(sample)
        facts = {"model": "churn", "version": 1, "feature_service": "churn_v2", "columns": BILLING + NETWORK,
                 "categories": {"contract_type": ["month", "year"]}, "calibrator": {"kind": "identity"},
                 "trained_as_of": "2026-02-01"}
        saved = bundle.save(bundle.path_of("churn", 1), facts, files={"sample.parquet": sample})
        champions.enter("churn", 1, date(2026, 2, 1), saved.sha256, reason="test")
        for night in (QUIET, SHIFTED, BLIND, BROKEN):
            frame = people(2)
            if night in (SHIFTED, BLIND):
                frame = shifted(frame)
            if night == BROKEN:
                frame = shifted(frame).assign(data_mb_30d=np.nan, voice_min_30d=np.nan)
            publish(frame, night)
            publish(people(2), night - timedelta(weeks=52))  # last year knew no shift: it is no season
        taken_away = tmp_path_factory.mktemp("taken_away")
        (taken_away / "sitecustomize.py").write_text(TAKEN_AWAY)
        plain = stack.airflow_env
        patch.setattr(stack, "airflow_env", lambda ports: plain(ports) | {"PYTHONPATH": f"{taken_away}:{PROJECT}"})
        with Stack(report=tell) as airflow:
            yield World(airflow)
    settings.cache_clear()


def test_a_quiet_night_is_watched_and_starts_nothing(world: World) -> None:
    world.watch(QUIET)
    assert (verdict(QUIET)["cause"], verdict(QUIET)["action"]) == ("quiet", "none")
    assert (settings().reports / "drift" / "churn" / "index.html").exists()


def test_without_evidentlys_result_a_shifted_night_is_unknown(world: World) -> None:
    mark = settings().home / "evidently_is_away"
    mark.touch()
    try:
        world.watch(BLIND)
    finally:
        mark.unlink()
    assert (verdict(BLIND)["cause"], verdict(BLIND)["action"]) == ("unknown", "none")
    assert "evidently is taken away" in str(verdict(BLIND)["reasons"])


def test_a_feed_that_lost_its_values_holds_visibly(world: World) -> None:
    with pytest.raises(RunFailed, match="broken_feed"):
        world.watch(BROKEN)
    assert verdict(BROKEN)["action"] == "hold"
    (run,) = [one for one in world.airflow.runs("monitor") if one["partition_key"] == BROKEN.isoformat()]
    task = world.airflow.tasks("monitor", run["dag_run_id"])["watch_churn"]
    assert (task["state"], task["try_number"]) == ("failed", 1)


def test_the_same_shift_with_its_numbers_starts_a_retrain_that_says_why(world: World) -> None:
    world.watch(SHIFTED)
    told = verdict(SHIFTED)
    assert (told["cause"], told["action"]) == ("population_shift", "retrain")
    world.airflow.wait("the retrain that drift asked for", lambda: bool(world.retrains(SHIFTED)), PATIENCE)
    (event,) = world.events()
    assert event["partition_key"] == SHIFTED.isoformat()
    assert event["extra"]["cause"] == "population_shift"
    assert set(event["extra"]["columns"]) >= {"data_mb_30d", "price_eur"}

    (run,) = world.retrains(SHIFTED)
    run_id = run["dag_run_id"]
    with pytest.raises(RunFailed, match="no cut-off matured"):
        world.airflow.wait_run("retrain_churn", run_id, timeout=PATIENCE, report=tell)
    (task,) = world.airflow.tasks("retrain_churn", run_id).values()
    log = "\n".join(world.airflow.task_log("retrain_churn", run_id, task))
    assert f"retrain of churn at {SHIFTED} started by drift_churn (population_shift)" in log
    assert "data_mb_30d" in log

    # Every other night was watched before this one: had it asked, its retrain would be there.
    assert not [night for night in (QUIET, BLIND, BROKEN) if world.retrains(night)]
