"""benchmarks/recovery.py judges published scores by the truth: the oracle's own scores recover all of it."""

from __future__ import annotations

import importlib.util
import json
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated_homes import at, simulated

from pipelines.errors import UsageError
from pipelines.publish import Dataset
from pipelines.settings import PROJECT, settings

AS_OF = date(2026, 1, 30)


@pytest.fixture(scope="module")
def recovery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recovery", PROJECT / "benchmarks/recovery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, recovery: ModuleType) -> Path:
    """A home whose published churn scores are the oracle's, and whose values are 10 % too high."""
    home = tmp_path_factory.mktemp("scored")
    simulated(home, subscribers=1200, days=90, nights=0)
    with at(home):
        truth = recovery.keyed_truth()
        truth = truth[truth["as_of"] == AS_OF]
        assert len(truth) > 900
        whose = {"subscriber_id": truth["subscriber_id"], "as_of": pa.array([AS_OF] * len(truth)),
                 "model_version": np.ones(len(truth), dtype=np.int64)}
        publish("churn", {**whose, "churn_probability": truth["expected_all_30d"].astype(float)})
        publish("ltv", {**whose, "ltv_eur_12m": truth["expected_margin_12m"].astype(float) * 1.1})
    return home


def publish(model: str, columns: dict[str, Any]) -> None:
    def write(path: Path) -> int:
        pq.write_table(pa.table(columns), path)
        return len(columns["subscriber_id"])

    Dataset(settings().scores / model, ("as_of", "version")).publish(
        {"as_of": AS_OF.isoformat(), "version": "1"}, write)


def test_the_oracles_own_scores_have_all_of_its_skill(recovery: ModuleType, scored: Path):
    with at(scored):
        found = recovery.recovered()
    for row in found["churn"]:
        assert row["skill_share"] == pytest.approx(1.0)
        assert row["rank_correlation"] == pytest.approx(1.0)
        assert row["ece"] < 0.02
    assert [row["as_of"] for row in found["churn"]] == [AS_OF, "all"]


def test_values_ten_per_cent_too_high_are_told_so(recovery: ModuleType, scored: Path):
    with at(scored):
        (row, _) = recovery.recovered()["ltv"]
    assert row["bias"] == pytest.approx(0.1, abs=1e-6)
    assert row["rank_correlation"] == pytest.approx(1.0)
    assert row["coverage"] == 1.0


def test_the_report_is_text_or_json(recovery: ModuleType, scored: Path, capsys: pytest.CaptureFixture[str],
                                    monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TELCO_HOME", str(scored))
    recovery.main(["--home", str(scored), "--oracle-only"])
    text = capsys.readouterr().out
    assert "churn_rate 0.0" in text
    assert "billing+care 0." in text
    recovery.main(["--home", str(scored), "--json"])
    assert set(json.loads(capsys.readouterr().out)) == {"oracle", "churn", "ltv", "measured"}
    settings.cache_clear()


def test_a_home_without_truth_is_refused(recovery: ModuleType, tmp_path: Path):
    with at(tmp_path), pytest.raises(UsageError, match="not simulated"):
        recovery.recovered()
