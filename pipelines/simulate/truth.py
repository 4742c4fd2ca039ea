"""The simulator's truth as Parquet below settings().truth: for benchmarks and tests, never for the pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.publish import write_json
from pipelines.settings import settings
from pipelines.simulate.billing import END_REASONS
from pipelines.simulate.feeds import Feeds
from pipelines.simulate.hazard import HORIZON
from pipelines.simulate.life import History
from pipelines.simulate.state import NEVER

KINDS = np.array([*END_REASONS, "silence"])


def write(history: History, feeds: Feeds) -> Path:
    """Write hazard.parquet (line x cut-off), ends.parquet (one row per churned line) and canaries.json."""
    root = settings().truth
    root.mkdir(parents=True, exist_ok=True)
    pq.write_table(hazards(history, feeds), root / "hazard.parquet")
    pq.write_table(ends(history, feeds), root / "ends.parquet")
    write_json(root / "canaries.json", {kind: sorted(found) for kind, found in feeds.canaries.items()})
    return root


def ends(history: History, feeds: Feeds) -> pa.Table:
    """subscription_id, churned_on, churn_kind (cancellation, port_out, non_payment, silence)."""
    seen = history.events["ends"]
    line = seen["line"]
    return pa.table({
        "subscription_id": feeds.subscription_id[line],
        "churned_on": pa.array((seen["churn_day"] + feeds.epoch).astype("datetime64[D]")),
        "churn_kind": KINDS[seen["kind"]],
    })


def hazards(history: History, feeds: Feeds) -> pa.Table:
    """One row per active line and cut-off: the logit's parts, what could be expected, and what came.

    `is_churned` is null where the 30 days run past the simulated ones.
    """
    seen = history.truth
    line = seen["line"]
    churn_day = np.full(len(history.lines), NEVER)
    churn_day[history.events["ends"]["line"]] = history.events["ends"]["churn_day"]
    came = (churn_day[line] >= seen["day"]) & (churn_day[line] < seen["day"] + HORIZON)
    unknown = seen["day"] + HORIZON > history.stop
    columns = {name: values for name, values in seen.items() if name not in {"line", "day"}}
    return pa.table({
        "subscription_id": feeds.subscription_id[line],
        "as_of": pa.array((seen["day"] + feeds.epoch).astype("datetime64[D]")),
        **columns,
        "is_churned": pa.array(came, mask=unknown),
    })
