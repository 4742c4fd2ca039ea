"""All rows of a training in one array of float32: read a few at a time, handed out as views, never copied.

A row of 77 features takes 308 bytes here and took 7 kB while it went through pandas, which widens, joins and sorts in
copies. What a model sees of a value is its float32, so nothing that is fitted or judged changes by it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipelines import bundle as bundles
from pipelines.errors import Held
from pipelines.models.spec import ModelSpec
from pipelines.ordering import by_time
from pipelines.training import frames
from pipelines.training.folds import Array, Floats
from pipelines.training.recipe import Rows

if TYPE_CHECKING:
    import pandas as pd

ROWS_AT_ONCE: Final = 250_000  # of one read through the feature store
SAMPLE_ROWS: Final = 20_000
_BLOCK: Final = 65_536


@dataclass(frozen=True)
class Stack:
    """Rows in the order (event_timestamp, subscriber_id), unique by both.

    `matrix` (n, k) float32, missing is NaN; a text is its place in `texts[column]`, which is sorted. `subscriber` is
    categorical with sorted categories. `label` (n,) float64, `stamp` (n,) datetime64[us]. `arms`: what campaigns did to
    a row, int8 (n,): 1, 0, or -1 where nobody knows. `reference`: rows drawn by seed, as they were published, in
    Parquet: what drift is measured against.
    """

    columns: tuple[str, ...]
    matrix: Array
    label: Floats
    stamp: Array
    subscriber: Any
    texts: Mapping[str, list[str]]
    flags: frozenset[str]
    label_column: str
    arms: Mapping[str, Array] = field(default_factory=dict)
    reference: bytes = b""

    def __len__(self) -> int:
        return len(self.label)

    @property
    def positives(self) -> int:
        return int(self.label.sum())

    @property
    def days(self) -> list[date]:
        return [stamp.date() for stamp in np.unique(self.stamp).astype(object)]

    def of(self, cutoffs: Sequence[date]) -> Stack:
        """The rows of these cut-offs: a view when they lie together, which those of a slice do."""
        wanted = np.isin(self.stamp, np.array(sorted(cutoffs), dtype="M8[us]"))
        places = np.flatnonzero(wanted)
        if not len(places):
            return self._taken(slice(0, 0))
        together = places[-1] - places[0] + 1 == len(places)
        return self._taken(slice(places[0], places[-1] + 1) if together else places)

    def drawn(self, rows: int, seed: int) -> Stack:
        """At most so many rows, by seed."""
        if rows >= len(self):
            return self
        return self.at(np.sort(np.random.default_rng(seed).choice(len(self), size=rows, replace=False)))

    def at(self, places: Array) -> Stack:
        """The rows at these places, in their order."""
        return self._taken(places)

    def keys(self) -> pd.DataFrame:
        """subscriber_id and event_timestamp of every row."""
        import pandas as pd

        return pd.DataFrame({"subscriber_id": np.asarray(self.subscriber, dtype=object), "event_timestamp": self.stamp})

    def places(self, keys: pd.DataFrame) -> Array:
        """Where the rows of these keys lie, (n,); -1 where there is none."""
        import pandas as pd

        names, days = self.subscriber.categories, np.unique(self.stamp)
        mine = np.searchsorted(days, self.stamp) * len(names) + self.subscriber.codes  # rises, as the rows do
        stamp = keys["event_timestamp"].to_numpy(dtype="M8[us]")
        day = np.minimum(np.searchsorted(days, stamp), len(days) - 1)
        asked = day * len(names) + pd.Categorical(keys["subscriber_id"], categories=names).codes
        found = np.minimum(np.searchsorted(mine, asked), len(mine) - 1)
        same = (self.stamp[found] == stamp) & (mine[found] == asked)
        return np.where(same, found, -1)

    def _taken(self, places: slice | Array) -> Stack:
        return replace(
            self, matrix=self.matrix[places], label=self.label[places], stamp=self.stamp[places],
            subscriber=self.subscriber[places], reference=b"",
            arms={name: values[places] for name, values in self.arms.items()},
        )

    def rows(self, known: Stack | None = None) -> Rows:
        """As the recipe takes them. A category that no row of `known` has is missing, as an unseen one is at night."""
        matrix = self.matrix if known is None else self._as_known_to(known)
        return Rows(matrix, self.label, self.subscriber, self.columns)

    def _as_known_to(self, known: Stack) -> Array:
        matrix = self.matrix
        for name in self.texts:
            place = self.columns.index(name)
            values = self.matrix[:, place]
            unseen = ~np.isin(values, known.matrix[:, place]) & ~np.isnan(values)
            if unseen.any():
                matrix = matrix.copy() if matrix is self.matrix else matrix
                matrix[unseen, place] = np.nan
        return matrix

    def table(self) -> pd.DataFrame:
        """Keys, label and features as a frame: float32, boolean where it was one, categorical where it was text."""
        import pandas as pd

        known: dict[str, Any] = {
            "subscriber_id": self.subscriber, "event_timestamp": self.stamp, self.label_column: self.label,
        }
        for place, name in enumerate(self.columns):
            values = self.matrix[:, place]
            if name in self.texts:
                codes = np.where(np.isnan(values), -1, values).astype(np.int32)
                known[name] = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(self.texts[name]))
            elif name in self.flags:
                known[name] = pd.arrays.BooleanArray(values == 1, np.isnan(values))
            else:
                known[name] = values
        return pd.DataFrame(known, copy=False)

    def digest(self) -> str:
        """Hex sha256 over every value the models see, of every row, whatever the order rows and columns came in."""
        order = sorted(range(len(self.columns)), key=lambda place: self.columns[place])
        told = hashlib.sha256(f"{len(self)} {self.label_column}".encode())
        named = [[name, *self.texts.get(name, ())] for name in sorted(self.columns)]
        for words in (self.subscriber.categories, *named):
            told.update(b"\x00".join([b"", *(f"{len(word)}:{word}".encode() for word in words)]))
        arms = (self.arms[name] for name in sorted(self.arms))
        for values in (np.asarray(self.subscriber.codes, dtype=np.int32), self.stamp, self.label, *arms):
            told.update(np.ascontiguousarray(values).tobytes())
        for start in range(0, len(self), _BLOCK):
            block = self.matrix[start:start + _BLOCK, order] + np.float32(0)  # one zero, and below one NaN
            block[np.isnan(block)] = np.float32(np.nan)
            told.update(block.tobytes())
        return told.hexdigest()


def read(spec: ModelSpec, rows: pd.DataFrame) -> Stack:
    """Label rows with the features known at their cut-off. Raises what `frames.training_frame` raises."""
    from pipelines import features

    ordered = by_time(rows)
    parts = (frames.training_frame(spec, ordered.iloc[start:stop].astype({"subscriber_id": object}))
             for start, stop in _batches(ordered["event_timestamp"].to_numpy()))
    return _filled(spec, ordered, parts, features.feature_columns(spec.feature_service))


def of(spec: ModelSpec, frame: pd.DataFrame, columns: Sequence[str]) -> Stack:
    """A frame that is in memory already: keys, label and features."""
    ordered = by_time(frame)
    labels = ordered[[name for name in ordered.columns if name not in columns]]
    return _filled(spec, labels, iter([ordered]), columns)


def _batches(stamps: Array) -> Iterator[tuple[int, int]]:
    """Places of at most ROWS_AT_ONCE rows: cut-offs that fit together, or equal parts of one that does not fit.

    A part is of the subscribers between its first and its last, as the rows are sorted by them within a cut-off.
    """
    ends = [*(np.flatnonzero(stamps[1:] != stamps[:-1]) + 1).tolist(), len(stamps)]
    start = 0
    for end, following in zip(ends, [*ends[1:], np.inf], strict=True):
        if following - start <= ROWS_AT_ONCE:
            continue
        parts = max(1, -(-(end - start) // ROWS_AT_ONCE))
        edges = np.linspace(start, end, parts + 1).astype(int).tolist()
        yield from pairwise(edges)
        start = end


def _filled(
    spec: ModelSpec, labels: pd.DataFrame, parts: Iterator[pd.DataFrame], columns: Sequence[str],
) -> Stack:
    import pandas as pd

    matrix = np.empty((len(labels), len(columns)), dtype=np.float32)
    chosen = _drawn(len(labels), spec.seed)
    texts: dict[str, dict[str, int]] = {}
    flags: set[str] = set()
    drawn, start = [], 0
    for part in parts:
        stop = start + len(part)
        _fill(matrix[start:stop], part, columns, texts, flags)
        mine = chosen[(chosen >= start) & (chosen < stop)] - start
        drawn.append(part.iloc[mine][["event_timestamp", *columns]])
        start = stop
    subscriber = pd.Categorical(labels["subscriber_id"]).remove_unused_categories()
    arms = {name: labels[name].astype("boolean").astype("Int8").to_numpy(np.int8, na_value=-1)
            for name in frames.ARMS if name in labels.columns}
    return Stack(
        tuple(columns), matrix, labels[spec.label_column].to_numpy(dtype=np.float64),
        labels["event_timestamp"].to_numpy(dtype="M8[us]"), subscriber,
        {name: _sorted(matrix[:, columns.index(name)], texts[name]) for name in columns if texts.get(name)},
        frozenset(flags), spec.label_column, arms, _parquet(drawn),
    )


def _fill(
    matrix: Array, part: pd.DataFrame, columns: Sequence[str], texts: dict[str, dict[str, int]], flags: set[str],
) -> None:
    """Write the columns of one read into their place; `texts` numbers the words in the order they are met."""
    from pandas.api.types import infer_dtype

    kinds = {name: infer_dtype(part[name], skipna=True) for name in columns}
    flags |= {name for name, kind in kinds.items() if kind == "boolean"}
    numbers = [name for name in columns if kinds[name] != "string"]
    mixed = [name for name in numbers if name in texts and kinds[name] != "empty"]
    if mixed:
        raise Held("stacking", [f"columns {mixed} hold text at one cut-off and numbers at another"],
                   "look at these columns in the mart")
    places = [columns.index(name) for name in numbers]
    for start in range(0, len(part), _BLOCK // 4):
        few = slice(start, start + _BLOCK // 4)
        matrix[few, places] = bundles.encode(part.iloc[few], numbers, {})
    for name in columns:
        if kinds[name] == "string":
            matrix[:, columns.index(name)] = _numbered(part[name], texts.setdefault(name, {}))


def _numbered(series: pd.Series, words: dict[str, int]) -> Array:
    import pandas as pd

    codes, met = pd.factorize(series)
    places = np.array([*(words.setdefault(str(word), len(words)) for word in met), np.nan], dtype=np.float32)
    return np.asarray(places[codes])  # a missing value has code -1: the last place


def _sorted(values: Array, words: dict[str, int]) -> list[str]:
    """The words in order; their numbers in `values` become their places in it."""
    found = sorted(words)
    places = np.empty(len(words) + 1, dtype=np.float32)
    places[[words[word] for word in found]] = np.arange(len(found))
    places[-1] = np.nan
    values[:] = places[np.where(np.isnan(values), len(words), values).astype(np.int64)]
    return found


def _drawn(rows: int, seed: int) -> Array:
    if rows <= SAMPLE_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, size=SAMPLE_ROWS, replace=False))


def _parquet(parts: list[pd.DataFrame]) -> bytes:
    """A column without a value at one cut-off, or whole there and not at another, takes the wider type."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pa.Table.from_pandas(part, preserve_index=False).replace_schema_metadata(None) for part in parts]
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables(tables, promote_options="permissive"), buffer)
    return buffer.getvalue()
