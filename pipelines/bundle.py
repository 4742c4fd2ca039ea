"""The model bundle: the one form in which a model leaves training and reaches scoring, with no pickle in it.

A bundle is a folder `models/<name>/v<N>/`. Its `bundle.json` states the ordered columns, the categories, the
calibrator and the sha256 of every other file; the sha256 of `bundle.json` itself is what a champion entry records.
So one digest binds everything, and nothing is parsed by XGBoost before its bytes were compared.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256 as _sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import loading
from pipelines.errors import Held, IntegrityError, UsageError
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from pipelines.reasons.tables import Tables

MANIFEST = "bundle.json"
BOOSTER = "model.ubj"
HEADS = frozenset({"hazard.ubj"})  # boosters of a model that is made of several
SAMPLE = "sample.parquet"
# What a bundle may hold. A pickle, a script or a shared library is not on the list, whatever bundle.json says.
ALLOWED = HEADS | {
    BOOSTER, SAMPLE, "card.json", "card.md", "card.html", "metrics.json", "evaluation.json", "verdict.json",
}
BOOSTERS = HEADS | {BOOSTER}
REQUIRED = ("model", "version", "feature_service", "columns", "categories", "calibrator")
IDENTITY: dict[str, Any] = {"kind": "identity"}


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. `booster` is None for a model that is a formula; `facts` is bundle.json as written."""

    directory: Path
    sha256: str
    facts: Mapping[str, Any]
    booster: Any = None

    @property
    def model(self) -> str:
        return str(self.facts["model"])

    @property
    def version(self) -> int:
        return int(self.facts["version"])

    @property
    def feature_service(self) -> str:
        return str(self.facts["feature_service"])

    @property
    def columns(self) -> list[str]:
        return list(self.facts["columns"])

    @property
    def categories(self) -> dict[str, list[str]]:
        return {name: list(values) for name, values in self.facts["categories"].items()}

    @property
    def calibrator(self) -> dict[str, Any]:
        return dict(self.facts["calibrator"])

    def file(self, name: str) -> Path:
        """A file of the bundle, after comparing its sha256 once more. Raises IntegrityError."""
        _verified(self.directory, name, self.facts["files"])
        return self.directory / name

    def head(self, name: str) -> Any:
        """A booster of HEADS, its bytes compared with their sha256 before XGBoost sees one. Raises IntegrityError."""
        if name not in HEADS:
            raise UsageError(f"{self.model} v{self.version}: no head {name!r}; there are {sorted(HEADS)}")
        return parse(_verified(self.directory, name, self.facts["files"]), str(self.directory / name))

    def encode(self, frame: pd.DataFrame | pa.Table) -> np.ndarray:
        """float32 (rows, columns) in the bundle's own column order, whatever the order of the frame."""
        return encode(frame, self.columns, self.categories)

    def encoded(self, frame: pd.DataFrame | pa.Table, rows: int) -> Iterator[np.ndarray]:
        """The same, at most so many rows at a time."""
        for start in range(0, len(frame), rows):
            yield self.encode(frame[start:start + rows])

    def margin(self, frame: pd.DataFrame) -> np.ndarray:
        """Uncalibrated log-odds, float64 (rows,)."""
        return self.log_odds(self.encode(frame))

    def log_odds(self, encoded: np.ndarray) -> np.ndarray:
        """Uncalibrated log-odds of encoded rows, float64 (rows,)."""
        return margins(self._booster(), encoded)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Calibrated probability in [0, 1], float64 (rows,), in the order of the frame's rows."""
        return calibrate(self.margin(frame), self.calibrator)

    def tables(self) -> Tables:
        """The booster's trees tabulated for `pipelines.reasons.contributions`. Raises Held when they cannot be."""
        from pipelines.reasons.contributions import tables

        return tables(self._booster())

    def own_contributions(self, encoded: np.ndarray) -> np.ndarray:
        """XGBoost's own TreeSHAP of encoded rows, float32 (rows, columns + 1), the last one the bias: the oracle.

        Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
        Machine Intelligence 2 (2020). Slow: 20,000 rows take it longer than the tables a million.
        """
        return self._booster().predict(dmatrix(encoded, self.columns), pred_contribs=True)  # type: ignore[no-any-return]

    def _booster(self) -> Any:
        if self.booster is None:
            raise UsageError(f"{self.model} v{self.version} is a formula: it has no booster to predict with")
        return self.booster


def path_of(model: str, version: int) -> Path:
    """Where a version's bundle lies in this home."""
    return settings().models / model / f"v{version}"


def learn_categories(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, list[str]]:
    """The sorted values of every text column of `columns`: what `encode` turns into indices."""
    from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

    learned: dict[str, list[str]] = {}
    for name in columns:
        series = frame[name]
        if is_numeric_dtype(series) or is_bool_dtype(series):
            continue
        if infer_dtype(series, skipna=True) == "string":
            learned[name] = sorted(str(value) for value in series.dropna().unique())
    return learned


def encode(
    frame: pd.DataFrame | pa.Table, columns: Sequence[str], categories: Mapping[str, Sequence[str]]
) -> np.ndarray:
    """A frame, of pandas or Arrow, as float32 (rows, columns).

    Category -> its index, unseen or None -> NaN, bool -> 0/1, missing -> NaN.

    Raises Held when a column is not in the frame, holds text without categories, or holds an infinity.
    """
    import numpy as np
    import pyarrow as pa

    is_arrow = isinstance(frame, pa.Table)
    absent = sorted(set(columns) - set(frame.column_names if is_arrow else frame.columns))
    if absent:
        raise Held("encoding", [f"columns {absent} are not in the frame"], "compare the bundle's feature service")
    encoded = np.empty((len(frame), len(columns)), dtype="float32")
    for position, name in enumerate(columns):
        encode_one = _encode_arrow if is_arrow else _encode_column
        encoded[:, position] = encode_one(name, frame[name], categories.get(name))
    if np.isinf(encoded).any():
        infinite = [name for position, name in enumerate(columns) if np.isinf(encoded[:, position]).any()]
        raise Held("encoding", [f"columns {infinite} hold infinite values"], "look at these columns in the mart")
    return encoded


def _encode_arrow(name: str, column: pa.ChunkedArray, values: Sequence[str] | None) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if values is not None:
        column = pc.index_in(column.cast(pa.string()), pa.array(values, pa.string()))
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif not any(fits(kind) for fits in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal,
                                         pa.types.is_null)):
        raise _without_categories(name, kind)
    return floats(column)


def floats(column: pa.ChunkedArray) -> np.ndarray:
    """A column of numbers as float64, missing as NaN."""
    import pyarrow as pa

    return column.cast(pa.float64(), safe=False).to_numpy()  # type: ignore[no-any-return]


def _without_categories(name: str, kind: object) -> Held:
    return Held("encoding", [f"column {name!r} holds {kind} values and the bundle has no categories for it"])


def _encode_column(name: str, series: pd.Series, values: Sequence[str] | None) -> np.ndarray:
    import numpy as np
    import pandas as pd

    if values is not None:
        codes = pd.Categorical(series, categories=list(values)).codes.astype("float32")
        return np.where(codes < 0, np.float32("nan"), codes)
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind not in {"boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty"}:
        raise _without_categories(name, kind)
    if series.dtype == object:
        return series.where(series.notna(), None).to_numpy(dtype="float64").astype("float32")
    return series.to_numpy(dtype="float32", na_value=np.nan)


def dmatrix(
    encoded: np.ndarray, columns: Sequence[str], label: np.ndarray | None = None, weight: np.ndarray | None = None
) -> Any:
    """An XGBoost DMatrix that knows its column names, so that another order is an error and not a silent guess."""
    import xgboost

    return xgboost.DMatrix(
        encoded, label=label, weight=weight, feature_names=list(columns), nthread=settings().threads
    )


def margins(booster: Any, encoded: np.ndarray) -> np.ndarray:
    """Uncalibrated log-odds, float64 (rows,), of rows in the booster's own order of columns; as a DMatrix of them
    would give, without making one. Raises Held when the rows have other columns in number."""
    import numpy as np

    if encoded.shape[1] != booster.num_features():
        raise Held("scoring", [f"{encoded.shape[1]} columns for a booster of {booster.num_features()}"],
                   "compare the bundle's feature service")
    booster.set_param({"nthread": settings().threads})
    return np.asarray(booster.inplace_predict(encoded, predict_type="margin", validate_features=False), dtype="float64")


def calibrate(margin: npt.ArrayLike, calibrator: Mapping[str, Any]) -> np.ndarray:
    """Probability from log-odds: identity is sigmoid(m), platt is sigmoid(a * m + b) with a > 0 (Platt 1999), isotonic
    is read between its knots by straight lines, and beyond them it stays (Zadrozny and Elkan 2002)."""
    import numpy as np

    if calibrator.get("kind") == "isotonic":
        x, p = _knots(calibrator)
        return np.asarray(np.interp(np.asarray(margin, dtype="float64"), x, p))
    slope, intercept = _slope_and_intercept(calibrator)
    scaled = slope * np.asarray(margin, dtype="float64") + intercept
    return np.asarray(np.exp(-np.logaddexp(0.0, -scaled)))


def _slope_and_intercept(calibrator: Mapping[str, Any]) -> tuple[float, float]:
    if calibrator.get("kind") == "identity":
        return 1.0, 0.0
    if calibrator.get("kind") != "platt":
        raise IntegrityError(f"calibrator {calibrator.get('kind')!r} is not one of identity, platt, isotonic")
    slope, intercept = float(calibrator["a"]), float(calibrator["b"])
    if not (math.isfinite(slope) and slope > 0 and math.isfinite(intercept)):
        raise IntegrityError(f"platt calibrator a={slope} b={intercept}: a must be finite and positive, b finite")
    return slope, intercept


def _knots(calibrator: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    x, p = list(map(float, calibrator["x"])), list(map(float, calibrator["p"]))
    rises = all(low < high for low, high in itertools.pairwise(x)) and all(map(math.isfinite, x))
    keeps_order = all(low <= high for low, high in itertools.pairwise(p)) and all(0 <= one <= 1 for one in p)
    if not (x and len(x) == len(p) and rises and keeps_order):
        raise IntegrityError(f"isotonic calibrator of {len(x)} knots: x must rise and p stay in [0, 1] without falling")
    return x, p


def save(
    directory: Path,
    facts: Mapping[str, Any],
    *,
    booster: Any = None,
    files: Mapping[str, bytes | Path] | None = None,
) -> Bundle:
    """Write a bundle in one rename and read it back verified. `facts` needs REQUIRED; `files` come as bytes or paths.

    A version is written once: the same bytes again are a no-op, other bytes raise IntegrityError. The booster
    predicts with all its trees, so cut it (`booster[:best + 1]`) before saving. Write nothing of "now" into facts.
    """
    contents = {name: _bytes(value) for name, value in (files or {}).items()}
    if booster is not None:
        contents[BOOSTER] = bytes(booster.save_raw(raw_format="ubj"))
    refused = sorted(set(contents) - ALLOWED)
    if refused:
        raise UsageError(f"a bundle may not hold {refused}; it may hold {sorted(ALLOWED)}")
    stated = {**facts, "files": {name: digest(data) for name, data in sorted(contents.items())}}
    _check_facts(stated, directory)
    manifest = (json.dumps(stated, indent=2, sort_keys=True, default=str, allow_nan=False) + "\n").encode()
    if directory.exists():
        standing = load(directory)
        if standing.sha256 != digest(manifest):
            raise IntegrityError(f"{directory}: this version is already written with other bytes; take the next number")
        return standing
    beside = directory.with_name(f".{directory.name}.{uuid.uuid4().hex}.tmp")
    beside.mkdir(parents=True)
    try:
        for name, data in {**contents, MANIFEST: manifest}.items():
            (beside / name).write_bytes(data)
        os.rename(beside, directory)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return load(directory)


def load(directory: Path, *, expected: str | None = None) -> Bundle:
    """A bundle whose every file was compared with its sha256 before XGBoost saw a byte of it.

    `expected` is the sha256 of bundle.json that a champion entry recorded. Raises IntegrityError naming the file:
    a half-cut model file crashes the process and an edited one loads silently, so bytes are read once, compared,
    loaded in a child process (`loading.prove`), and only then are those same bytes parsed here. A file that
    bundle.json does not name is refused too, whatever it holds.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise IntegrityError(f"{directory}: no {MANIFEST}; the bundle is gone or was never written")
    manifest = path.read_bytes()
    found = digest(manifest)
    if expected is not None and found != expected:
        raise IntegrityError(f"{path}: sha256 {found[:12]} is not the recorded {expected[:12]}; restore the bundle")
    try:
        facts = json.loads(manifest)
    except ValueError:
        raise IntegrityError(f"{path}: not JSON; restore the bundle") from None
    _check_facts(facts, directory)
    contents = {name: _verified(directory, name, facts["files"]) for name in sorted(facts["files"])}
    _no_strangers(directory, facts["files"])
    for name in BOOSTERS & contents.keys():
        loading.prove(contents[name], str(directory / name))
    booster = _parse(contents[BOOSTER]) if BOOSTER in contents else None
    if booster is not None and list(booster.feature_names or []) != list(facts["columns"]):
        raise IntegrityError(f"{directory}: the booster's columns are not those of {MANIFEST}")
    return Bundle(directory=directory, sha256=found, facts=facts, booster=booster)


def _check_facts(facts: Mapping[str, Any], directory: Path) -> None:
    missing = [name for name in REQUIRED if name not in facts]
    if missing or not isinstance(facts.get("files"), dict):
        raise IntegrityError(f"{directory}: {MANIFEST} lacks {missing or ['files']}")
    refused = sorted(set(facts["files"]) - ALLOWED)
    if refused:
        raise IntegrityError(f"{directory}: {MANIFEST} names {refused}, which a bundle may not hold")
    calibrate([0.0], facts["calibrator"])


def _verified(directory: Path, name: str, files: Mapping[str, str]) -> bytes:
    if name not in files:
        raise IntegrityError(f"{directory}: {name} is not a file of this bundle; it has {sorted(files)}")
    path = directory / name
    if not path.is_file():
        raise IntegrityError(f"{path}: missing; restore the bundle")
    data = path.read_bytes()
    if digest(data) != files[name]:
        raise IntegrityError(f"{path}: sha256 {digest(data)[:12]} is not the recorded {files[name][:12]}")
    return data


def parse(data: bytes, name: str) -> Any:
    """A booster from bytes whose sha256 was compared; a child process loads them first. Raises IntegrityError."""
    loading.prove(data, name)
    return _parse(data)


def _no_strangers(directory: Path, files: Mapping[str, str]) -> None:
    strangers = sorted({path.name for path in directory.iterdir()} - {*files, MANIFEST})
    if strangers:
        raise IntegrityError(f"{directory}: holds {strangers}, which {MANIFEST} does not name; take them away")


def _parse(data: bytes) -> Any:
    import xgboost

    booster = xgboost.Booster({"nthread": settings().threads})
    booster.load_model(bytearray(data))
    return booster


def _bytes(value: bytes | Path) -> bytes:
    return value.read_bytes() if isinstance(value, Path) else value


def digest(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return _sha256(data).hexdigest()
