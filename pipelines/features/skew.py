"""The nightly proof that a night is scored on what a training would read: one sample, both ways, equal or held."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from pipelines.errors import Held
from pipelines.features import store
from pipelines.features.frames import KEYS, feature_columns
from pipelines.ordering import ordered

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

log = logging.getLogger(__name__)

ROWS = 1000


def prove_equal(service: str, as_of: date, table: pa.Table, *, rows: int = ROWS) -> int:
    """Compare a sample of a scoring table with the training path's values, column by column; the rows compared.

    The sample is drawn by as_of, so a repeated night compares the same subscribers. The training path is Feast's
    point-in-time join; its marts are cut down to the partitions that can matter, so that the cost of a night does not
    grow with the nights before it. Raises Held naming the columns, how many values differ, and one example.
    """
    import numpy as np
    import pandas as pd

    wanted = feature_columns(service)
    if table.column_names != ["subscriber_id", *wanted]:
        raise Held(f"skew {service} {as_of}", [f"the scoring frame's columns are not the service's {len(wanted)}"])
    people = ordered(table)
    # A stretch in order of pseudonyms is as fair as any, and the training path reads one row group of each mart for it.
    first = int(np.random.default_rng(as_of.toordinal()).integers(max(len(people) - rows, 0) + 1))
    served = people.slice(first, rows).to_pandas().drop_duplicates("subscriber_id", ignore_index=True)
    keys = served[["subscriber_id"]].assign(event_timestamp=pd.Timestamp(as_of).as_unit("us"))
    trained = keys.merge(store.historical_of(service, keys), on=KEYS, how="left")
    if len(trained) != len(served):
        raise Held(f"skew {service} {as_of}", [f"{len(served)} rows asked, {len(trained)} came back from training"])
    differing = [reason for name in wanted if (reason := _difference(name, served, trained))]
    if differing:
        summary = f"{len(differing)} of {len(wanted)} columns differ in {len(served)} rows"
        next_step = "nothing was scored; compare feature_repo and this night's partitions with what was registered"
        raise Held(f"skew {service} {as_of}", [summary, *differing], next_step)
    log.info("no skew service=%s as_of=%s rows=%d columns=%d", service, as_of, len(served), len(wanted))
    return len(served)


def _difference(name: str, served: pd.DataFrame, trained: pd.DataFrame) -> str:
    """What differs in one column, or nothing. Values come from the same bytes, so equal means equal to the bit."""
    left, right = served[name].astype(object), trained[name].astype(object)
    one_is_missing = left.isna() != right.isna()
    differs = one_is_missing | (left.notna() & right.notna() & (left != right))
    if not differs.any():
        return ""
    place = int(differs.to_numpy().argmax())
    return (f"{name}: {int(differs.sum())} differ, for example {served['subscriber_id'][place]}: "
            f"scoring {left[place]!r}, training {right[place]!r}")
