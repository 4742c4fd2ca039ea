"""A published night of 60 subscribers with a churn champion, for the faults of purpose and place; no feature store."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipelines import bundle, champions
from pipelines.publish import Dataset
from pipelines.settings import settings

NIGHT = date(2026, 3, 2)
COLUMNS = ["price_eur", "contacts_30d"]
COUNT, INACTIVE = 60, 6


def publish(patch: pytest.MonkeyPatch, partitions: ModuleType, without_consent: tuple[int, ...] = ()) -> None:
    """Publish the night and enter the champion. What the feature store would answer is read from the partitions."""
    import pandas as pd
    import pyarrow as pa
    import xgboost

    partitions.publish_world([NIGHT], COUNT, INACTIVE, without_consent)

    def frame(service: str, as_of: date) -> pd.DataFrame:
        parts = [pd.read_parquet(live(mart, as_of), partitioning=None).set_index("subscriber_id")
                 for mart in ("ftr_subscriber_billing", "ftr_subscriber_care")]
        return parts[0][["price_eur"]].join(parts[1][["contacts_30d"]]).reset_index()

    patch.setattr("pipelines.features.scoring_table", lambda *asked: pa.Table.from_pandas(frame(*asked)))
    patch.setattr("pipelines.features.prove_equal", lambda *arguments: None)
    patch.setattr("pipelines.features.partition_digests", lambda *arguments: {})
    rows = frame("churn_v2", NIGHT)
    fitted = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 2, "nthread": 1},
        bundle.dmatrix(bundle.encode(rows, COLUMNS, {}), COLUMNS, label=(rows["price_eur"] > 30).to_numpy(np.float32)),
        5,
    )
    facts = {"model": "churn", "version": 1, "feature_service": "churn_v2", "columns": COLUMNS, "categories": {},
             "calibrator": {"kind": "identity"}, "verdict": {"passed": True}}
    saved = bundle.save(bundle.path_of("churn", 1), facts, booster=fitted)
    champions.enter("churn", 1, NIGHT, saved.sha256, reason="test")


def live(dataset: str, as_of: date) -> Path:
    return Dataset(settings().features / dataset, ("as_of",)).live({"as_of": as_of.isoformat()})


def active() -> list[str]:
    return [f"sub_{number:05d}" for number in range(COUNT - INACTIVE)]


