"""F31: a task that is run again after it has done its work changes no byte of what it published.

The steps here are those that need no dbt; building a published night again is in tests/live/test_as_of_replay.py and,
with every task of every DAG cleared under a real Airflow, in tests/live/test_airflow_on_postgres.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pytest

from pipelines import features, landing, retention, scoring
from pipelines.features import online
from pipelines.publish import Dataset, sha256
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)
PUBLISHED = ("raw", "quarantine", "vault", "features", "labels", "scores", "extracts", "models", "champions", "ledger")


def published() -> dict[str, str]:
    """sha256 of every file of this home that somebody may have read, manifests and logs included."""
    return {str(path.relative_to(settings().home)): sha256(path) for name in PUBLISHED
            for path in sorted((settings().home / name).rglob("*")) if path.is_file() and path.name != ".lock"}


def twice(steps: dict[str, Callable[[], object]]) -> dict[str, set[str]]:
    """Every step and the same again; what the second time changed, by step. Each must have published something."""
    changed = {}
    for name, step in steps.items():
        before = published()
        step()
        once = published()
        assert once != before, f"{name} published nothing"
        step()
        again = published()
        changed[name] = {path for path in once | again if once.get(path) != again.get(path)}
    return changed


def test_F31_landing_and_purging_twice_leave_every_byte(home: Path, drops: ModuleType) -> None:
    feeds = ("network.usage_daily", "billing_alpha.accounts")
    drops.estate(*feeds)
    drops.drop(feeds[0], [*drops.rows(feeds[0], 199), {**drops.usage(199, drops.DT), "data_kb": -1}])
    drops.drop(feeds[1], drops.rows(feeds[1], 20))
    assert twice({"land": lambda: landing.land(drops.AS_OF)}) == {"land": set()}
    standing = published()
    assert any(name.startswith("quarantine/") for name in standing)
    retention.purge(drops.AS_OF)
    retention.purge(drops.AS_OF)
    assert published() == standing


def test_F31_scoring_and_closing_twice_leave_every_byte(
    home: Path, night: ModuleType, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch,
) -> None:
    night.publish(monkeypatch, partitions)
    changed = twice({
        "score": lambda: scoring.score("churn", night.NIGHT),
        "extract": lambda: scoring.extract(night.NIGHT),
    })
    assert changed == {"score": set(), "extract": set()}
    recorded = Dataset(settings().scores / "churn", ("as_of", "version")).publications()
    assert [entry.version for entry in recorded] == [1]


def test_F31_the_online_store_written_twice_holds_what_it_held(home: Path, partitions: ModuleType) -> None:
    partitions.publish_world([NIGHT], 60, inactive=0)
    people = partitions.ids(60)
    scores = pa.Table.from_pandas(pd.DataFrame({
        "subscriber_id": people, "churn_probability": 0.5, "churn_decile": 1, "churn_reasons": "it rose",
        "churn_version": 1, "ltv_eur_12m": 100.0, "ltv_version": 1,
        "expires_at": pd.Timestamp(NIGHT) + pd.Timedelta("3D"),
    }), preserve_index=False)
    held = []
    for _ in range(2):
        assert features.materialize(NIGHT)
        assert features.push_scores(NIGHT, scores)
        held.append([features.lookup(view, people) for view in (online.FACTS, online.SCORES)])
    for once, again in zip(*held, strict=True):
        pd.testing.assert_frame_equal(once, again)
        assert set(once["as_of"]) == {NIGHT}
