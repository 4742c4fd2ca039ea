"""What is compared: the champion's training sample, and a seeded sample of tonight's published features."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines import bundle as bundles
from pipelines.champions import Champion
from pipelines.errors import Held, IntegrityError
from pipelines.publish import Dataset, sha256
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 10_000  # 20,000 rows x 40 columns take Evidently 5 s, a million 90 s and 4 GB
SEED = 20


def reference(champion: Champion) -> tuple[list[str], pd.DataFrame]:
    """The model's columns in their order, and its training sample, after comparing both files with their sha256.

    bundle.json is read here and not by `bundle.load`, which would also parse the booster: 4 CPU seconds of XGBoost
    that a comparison of inputs has no use for.
    """
    import pandas as pd

    directory = bundles.path_of(champion.model, champion.version)
    manifest = directory / bundles.MANIFEST
    if not manifest.is_file() or sha256(manifest) != champion.sha256:
        raise IntegrityError(f"{manifest}: not the bytes of the champion log ({champion.sha256[:12]}); restore it")
    stated = bundles.Bundle(directory, champion.sha256, json.loads(manifest.read_text(encoding="utf-8")))
    frame = pd.read_parquet(stated.file(bundles.SAMPLE), columns=stated.columns, partitioning=None)
    return stated.columns, sample(frame)


def tonight(columns: list[str], as_of: date) -> pd.DataFrame:
    """The published features of everyone active at as_of, the given columns, sampled.

    Read from the partitions and not through Feast: the same verified bytes without its 7 CPU seconds. Raises Held when
    a column is in no partition of this as_of, or the partitions disagree on who is active.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, Any] = {}
    subscribers: Any = None
    for folder in sorted(settings().features.glob("ftr_*")):
        dataset, key = Dataset(folder, ("as_of",)), {"as_of": as_of.isoformat()}
        if dataset.entry(key) is None:
            continue
        path = dataset.verify(key)
        wanted = [name for name in pq.read_schema(path).names if name in columns and name not in found]
        table = pq.read_table(path, columns=["subscriber_id", *wanted], partitioning=None).sort_by("subscriber_id")
        ids = table.column("subscriber_id").combine_chunks()
        if subscribers is not None and not ids.equals(subscribers):
            raise Held(f"monitor {as_of}", [f"{folder.name} holds other subscribers than the partition before it"])
        subscribers = ids
        found |= {name: table.column(name) for name in wanted}
    absent = [name for name in columns if name not in found]
    if absent:
        raise Held(f"monitor {as_of}", [f"no published partition of this as_of has {absent}"],
                   f"telco unify --as-of {as_of}")
    return sample(pa.table({name: found[name] for name in columns}).to_pandas())


def sample(frame: pd.DataFrame) -> pd.DataFrame:
    """At most SAMPLE_ROWS rows, the same ones every time."""
    if len(frame) > SAMPLE_ROWS:
        frame = frame.sample(SAMPLE_ROWS, random_state=SEED)
    return frame.reset_index(drop=True)
