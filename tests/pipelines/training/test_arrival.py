"""F46: a published feature row that was created after its cut-off stops the training, counted and named."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from pipelines import training
from pipelines.errors import Held, IntegrityError
from pipelines.models import SPECS
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.training import leakage

CHURN = SPECS["churn"]
CARE = "ftr_subscriber_care"


@pytest.fixture
def cutoffs(home, monkeypatch, frames):
    days = frames.grid(2)
    frames.build(monkeypatch, home, days, count=30)
    return days


def rewrite(cutoff: date, change, known_on: date | None = None) -> None:
    """Publish another care partition of a cut-off, as a fault would."""
    place, key = Dataset(settings().features / CARE, ("as_of",)), {"as_of": cutoff.isoformat()}
    frame = change(pd.read_parquet(place.live(key), partitioning=None))
    place.publish(key, lambda path: frame.to_parquet(path, index=False) or len(frame), known_on=known_on, frozen=False)


def late(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    frame.loc[:rows - 1, "created_at"] += timedelta(seconds=1)
    return frame


def test_rows_known_at_the_cut_off_are_counted(cutoffs):
    assert leakage.arrival(CHURN, cutoffs) == {"rows": 2 * 4 * 30, "late": 0}


@pytest.mark.parametrize(("change", "count"), [
    (lambda frame: late(frame, 3), 3),
    (lambda frame: frame.assign(created_at=frame["created_at"].where(frame.index >= 2)), 2),  # does not say when
    (lambda frame: frame.drop(columns="created_at"), 30),
])
def test_F46_a_row_that_arrived_later_is_refused_before_anything_is_fitted(cutoffs, change, count):
    rewrite(cutoffs[1], change)
    as_of = CHURN.known_on(cutoffs[1])
    with pytest.raises(Held, match=f"{CARE} {cutoffs[1]}: {count} of 30 rows were created after the cut-off"):
        training.train("churn", as_of)


def test_F46_a_partition_its_manifest_knows_from_a_later_day_is_late_as_a_whole(cutoffs):
    rewrite(cutoffs[0], lambda frame: frame.iloc[::-1], known_on=cutoffs[0] + timedelta(days=1))
    with pytest.raises(Held, match="30 of 30 rows"):
        leakage.arrival(CHURN, cutoffs)


def test_altered_bytes_are_not_counted_but_refused(cutoffs):
    path = Dataset(settings().features / CARE, ("as_of",)).live({"as_of": cutoffs[0].isoformat()})
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match="is not the published"):
        leakage.arrival(CHURN, cutoffs)
