"""F58: rows of one region never reach a run of another: left out and counted, refused at read and refused at write."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines import scoring, training
from pipelines.errors import Held, UsageError
from pipelines.governance import population, purpose, residency
from pipelines.governance.purpose import Leave
from pipelines.models import SPECS
from pipelines.models.spec import Purpose
from pipelines.settings import settings

REGION_OF = {"alpha": "EU", "bravo": "UK"}


@pytest.fixture
def mixed(home: Path, monkeypatch: pytest.MonkeyPatch, night: ModuleType, partitions: ModuleType) -> pd.Series:
    """A published night of both operators; the operator of every active subscriber."""
    night.publish(monkeypatch, partitions)
    roster = pd.read_parquet(night.live("roster", night.NIGHT), partitioning=None).set_index("subscriber_id")
    operators = roster.loc[roster["is_active"], "operator"]
    assert set(operators) == {"alpha", "bravo"}
    return operators


def run_in(monkeypatch: pytest.MonkeyPatch, regions: str) -> None:
    monkeypatch.setenv("TELCO_REGIONS", regions)
    settings.cache_clear()


@pytest.mark.parametrize(("region", "own"), [("EU", "alpha"), ("UK", "bravo")])
def test_the_other_regions_subscribers_are_left_out_counted_and_named_in_the_inputs(
    mixed: pd.Series, monkeypatch: pytest.MonkeyPatch, night: ModuleType, region: str, own: str
) -> None:
    run_in(monkeypatch, region)
    scored = scoring.score("churn", night.NIGHT)
    assert scored.excluded["region"] == (mixed != own).sum()
    assert scored.rows + sum(scored.excluded.values()) == night.COUNT
    entry = scoring.nightly.scores_of("churn").entry(scoring.nightly.key_of(night.NIGHT, 1))
    assert entry.inputs["processing"]["regions"] == [region]
    path = settings().scores / "churn" / f"as_of={night.NIGHT}" / "version=1" / "data.parquet"
    assert set(pq.read_table(path, partitioning=None)["subscriber_id"].to_pylist()) == set(mixed[mixed == own].index)


@pytest.mark.parametrize("region", ["EU", "UK"])
def test_a_join_that_lets_them_through_is_refused_where_the_frame_is_read(
    mixed: pd.Series, monkeypatch: pytest.MonkeyPatch, night: ModuleType, region: str
) -> None:
    run_in(monkeypatch, region)
    everybody = Leave(Purpose.ANALYTICS, night.NIGHT, (region,), "consent")
    monkeypatch.setattr(population, "leave", lambda purpose, as_of: everybody)
    theirs = next(name for name, home in REGION_OF.items() if home != region)
    with pytest.raises(Held, match=rf"scoring frame .*\n.* rows are of operators outside {region}: {theirs}"):
        scoring.score("churn", night.NIGHT)
    assert not list(settings().scores.rglob("data.parquet"))


@pytest.mark.parametrize("region", ["EU", "UK"])
def test_a_frame_that_has_them_all_the_same_is_refused_where_scores_are_written(
    mixed: pd.Series, monkeypatch: pytest.MonkeyPatch, night: ModuleType, region: str
) -> None:
    run_in(monkeypatch, region)
    monkeypatch.setattr(population.Population, "only", lambda people, frame: frame)
    with pytest.raises(Held, match=rf"scores: held\n.* rows are of operators outside {region}"):
        scoring.score("churn", night.NIGHT)
    assert not list(settings().scores.rglob("data.parquet"))


@pytest.mark.parametrize("region", ["EU", "UK"])
def test_a_training_leaves_them_out_and_refuses_a_frame_that_has_them(
    mixed: pd.Series, monkeypatch: pytest.MonkeyPatch, night: ModuleType, region: str
) -> None:
    run_in(monkeypatch, region)
    spec, people = SPECS["churn"], mixed.index.to_numpy(dtype=object)
    leave = purpose.leave(spec.train_purpose, night.NIGHT)
    assert leave.count(people) == {"no_consent": 0, "region": int((mixed.map(REGION_OF) != region).sum())}
    frame = pd.DataFrame({"subscriber_id": people, "event_timestamp": pd.Timestamp("2026-01-05"), "is_churned": False})
    work = SimpleNamespace(spec=spec, as_of=night.NIGHT, learned_from=frame, leave=leave)
    with pytest.raises(Held, match=f"rows are of subscribers outside {region}"):
        training._fit(work, lambda line: None)


def test_an_operator_the_estate_does_not_know_is_of_no_region(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert residency.of_run() == ("EU", "UK")
    assert residency.outside(["alpha", "bravo", "gamma", None]) == 2
    run_in(monkeypatch, " UK , EU ")
    assert residency.is_everywhere()
    run_in(monkeypatch, "EU,US")
    with pytest.raises(UsageError, match="no operator of the estate is in US; there are EU, UK"):
        residency.of_run()
