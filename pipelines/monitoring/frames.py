"""What is compared: the champion's training sample, and the same panel of subscribers on each published night.

The panel is drawn by a seeded hash of the subscriber, so that two nights hold the same people but for those who came
or left: a difference between two nights is then no noise of sampling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import bundle as bundles
from pipelines.champions import Champion
from pipelines.clock import parse_day
from pipelines.errors import Held, IntegrityError
from pipelines.publish import Dataset, sha256
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 10_000  # 20,000 rows x 40 columns take Evidently 5 s, a million 90 s and 4 GB
SEED = 20
TABLES = "ftr_*"
COHORTS = ("operator", "region", "segment")  # of the roster; contract and the like are columns of the model


@dataclass(frozen=True)
class Training:
    """What a version was trained on, as its bundle tells it. `categories`: the values of a text column it ever saw."""

    columns: list[str]
    sample: pd.DataFrame = field(repr=False)
    categories: dict[str, list[str]]
    kind: str


@dataclass(frozen=True)
class Snapshot:
    """The panel on one published as_of. `features` holds the model's columns in plain form, indexed by subscriber_id.

    `cohorts` says whose they are (same index), `score` what the version gave them that night, NaN for whom it did not
    score, None where it did not score the night. `table_of` names the partition a column came from; `people` counts
    everyone active.
    """

    as_of: date
    features: pd.DataFrame = field(repr=False)
    cohorts: pd.DataFrame = field(repr=False)
    table_of: Mapping[str, str] = field(repr=False)
    people: int
    score: pd.Series | None = field(default=None, repr=False)


def training(champion: Champion) -> Training:
    """The training sample of a version, in plain form, after comparing its bytes with the champion log's sha256.

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
    return Training(stated.columns, plain(sample(frame)), stated.categories, str(stated.facts.get("kind", "")))


def reference(champion: Champion) -> tuple[list[str], pd.DataFrame]:
    """The model's columns in their order, and its training sample."""
    found = training(champion)
    return found.columns, found.sample


def tonight(columns: list[str], as_of: date) -> pd.DataFrame:
    """The published features of the panel at as_of, the given columns, in plain form; rows in no order that matters."""
    return snapshot(columns, as_of).features.reset_index(drop=True)


def snapshot(columns: Sequence[str], as_of: date, scored_by: Champion | None = None) -> Snapshot:
    """The panel of one published as_of, with the scores that a version published for it if one is given.

    Read from the partitions and not through Feast: the same verified bytes without its 7 CPU seconds. Raises Held when
    a column is in no partition of this as_of, or the partitions disagree on who is active.
    """
    import pandas as pd
    import pyarrow.parquet as pq

    parts: list[pd.DataFrame] = []
    table_of: dict[str, str] = {}
    subscribers, chosen = None, None
    for folder in sorted(settings().features.glob(TABLES)):
        path = _published(folder, as_of)
        if path is None:
            continue
        wanted = [name for name in pq.read_schema(path).names if name in columns and name not in table_of]
        table = _by_subscriber(pq.read_table(path, columns=["subscriber_id", *wanted], partitioning=None))
        ids = table.column("subscriber_id").combine_chunks()
        if subscribers is not None and not ids.equals(subscribers):
            raise Held(f"monitor {as_of}", [f"{folder.name} holds other subscribers than the partition before it"])
        if chosen is None:
            subscribers, chosen = ids, panel(ids.to_numpy(zero_copy_only=False))
        parts.append(table.select(wanted).take(chosen).to_pandas())
        table_of |= dict.fromkeys(wanted, folder.name)
    absent = [name for name in columns if name not in table_of]
    if absent or chosen is None or subscribers is None:
        raise Held(f"monitor {as_of}", [f"no published partition of this as_of has {absent}"],
                   f"telco unify --as-of {as_of}")
    index = pd.Index(subscribers.take(chosen).to_numpy(zero_copy_only=False), name="subscriber_id")
    features = plain(pd.concat(parts, axis=1)[list(columns)]).set_axis(index, axis=0)
    score = scores(scored_by, as_of, index) if scored_by is not None else None
    return Snapshot(as_of, features, _cohorts(as_of, index), table_of, len(subscribers), score)


def active(as_of: date) -> pd.DataFrame | None:
    """Everyone active at as_of, not the panel alone: cohorts by subscriber_id. None when no roster is published."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = _published(settings().features / "roster", as_of)
    if path is None:
        return None
    there = pq.read_schema(path).names
    names = [name for name in (*COHORTS, "contract_type") if name in there]
    table = pq.read_table(path, columns=["subscriber_id", "is_active", *names], partitioning=None)
    table = table.filter(pc.field("is_active")).drop_columns("is_active")
    people: pd.DataFrame = table.to_pandas().set_index("subscriber_id")
    return people


def score_nights(champion: Champion) -> list[date]:
    """The nights a version published scores for, oldest first."""
    entries = Dataset(settings().scores / champion.model, ("as_of", "version")).entries()
    return [parse_day(as_of) for (as_of, version), entry in entries.items()
            if version == str(champion.version) and entry.state == "committed"]


def published(stop: date) -> list[date]:
    """The as_ofs before `stop` of which the roster and every kind of features are published, oldest first."""
    folders = [settings().features / "roster", *sorted(settings().features.glob(TABLES))]
    held = [{key[0] for key, entry in Dataset(folder, ("as_of",)).entries().items() if entry.state == "committed"}
            for folder in folders if (folder / "manifest.jsonl").exists()]
    common = set.intersection(*held) if held else set()
    return sorted(day for day in map(parse_day, common) if day < stop)


def digests(as_of: date) -> dict[str, str]:
    """sha256 of what a snapshot of as_of is read from, by partition."""
    found = {}
    for folder in [settings().features / "roster", *sorted(settings().features.glob(TABLES))]:
        entry = Dataset(folder, ("as_of",)).entry({"as_of": as_of.isoformat()})
        if entry is not None:
            found[folder.name] = entry.sha256
    return found


def panel(subscribers: Any) -> Any:
    """Which of the subscribers are watched: at most SAMPLE_ROWS positions, by the smallest seeded hash; sorted."""
    import numpy as np
    import pandas as pd

    if len(subscribers) <= SAMPLE_ROWS:
        return np.arange(len(subscribers))
    hashed = pd.util.hash_array(subscribers, hash_key=f"{SEED:016d}", categorize=False)
    return np.sort(np.argpartition(hashed, SAMPLE_ROWS)[:SAMPLE_ROWS])


def sample(frame: pd.DataFrame) -> pd.DataFrame:
    """At most SAMPLE_ROWS rows, the same ones every time."""
    if len(frame) > SAMPLE_ROWS:
        frame = frame.sample(SAMPLE_ROWS, random_state=SEED)
    return frame.reset_index(drop=True)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """float64 for numbers, text with None for everything else, flags included; infinities count as missing."""
    import pandas as pd

    return pd.DataFrame({name: plain_column(frame[name]) for name in frame}, index=frame.index)


def plain_column(column: pd.Series) -> pd.Series:
    """One column in plain form."""
    import numpy as np
    import pandas as pd

    if column.dtype == "float64" or column.dtype == "int64":
        return column.astype("float64").replace([np.inf, -np.inf], np.nan)
    filled = column.astype(object).where(column.notna(), None)
    kind = pd.api.types.infer_dtype(filled, skipna=True)
    if kind in {"integer", "floating", "mixed-integer-float", "decimal", "empty"}:
        return filled.astype("float64").replace([np.inf, -np.inf], np.nan)
    return filled.map(lambda value: None if value is None else str(value)).astype(object)


def _published(folder: Path, as_of: date) -> Path | None:
    dataset, key = Dataset(folder, ("as_of",)), {"as_of": as_of.isoformat()}
    entry = dataset.entry(key)
    return dataset.verify(key) if entry is not None and entry.state == "committed" else None


def _by_subscriber(table: Any) -> Any:
    """Sorted by subscriber_id, which published partitions are: to see that costs a tenth of sorting them again."""
    import pyarrow.compute as pc

    ids = table.column("subscriber_id").combine_chunks()
    in_order = len(ids) < 2 or pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py()
    return table if in_order else table.sort_by("subscriber_id")


def _cohorts(as_of: date, index: pd.Index) -> pd.DataFrame:
    import pandas as pd
    import pyarrow.parquet as pq

    path = _published(settings().features / "roster", as_of)
    if path is None:
        return pd.DataFrame(index=index)
    names = [name for name in COHORTS if name in pq.read_schema(path).names]
    table = pq.read_table(path, columns=["subscriber_id", *names], partitioning=None)
    people: pd.DataFrame = table.to_pandas().drop_duplicates("subscriber_id").set_index("subscriber_id").reindex(index)
    return people


def scores(champion: Champion, as_of: date, index: pd.Index) -> pd.Series | None:
    """What a version gave these subscribers on a night, NaN for whom it did not score; None if it did not score it."""
    import pyarrow.parquet as pq

    from pipelines.models import spec_of
    from pipelines.scoring.table import measure_column

    dataset = Dataset(settings().scores / champion.model, ("as_of", "version"))
    key = {"as_of": as_of.isoformat(), "version": str(champion.version)}
    entry = dataset.entry(key)
    if entry is None or entry.state != "committed":
        return None
    column = measure_column(spec_of(champion.model))
    table = pq.read_table(dataset.verify(key), columns=["subscriber_id", column], partitioning=None).to_pandas()
    found: pd.Series = table.set_index("subscriber_id")[column].astype("float64").reindex(index)
    return found
