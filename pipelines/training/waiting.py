"""A fitted candidate that could not be registered, kept on disk until the registry answers again.

`models/<model>/waiting/<identity>/` holds what the fit made: figures, calibrator, boosters, and by row number what it
predicted. No subscriber is named in it: the rows are read again from the published partitions, of which the identity is
a digest, so it fits that frame and no other. Judged it is when it is registered, beside the champion of that day.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.bundle import BOOSTER, parse
from pipelines.clock import parse_day
from pipelines.errors import IntegrityError
from pipelines.gate import Evaluation
from pipelines.models.spec import ModelSpec
from pipelines.settings import settings
from pipelines.training.candidate import Candidate
from pipelines.training.frames import KEYS
from pipelines.training.stack import Stack

if TYPE_CHECKING:
    import pandas as pd

STATED, PREDICTED = "candidate.json", "predicted.parquet"


@dataclass(frozen=True)
class Waiting:
    """A training whose result is kept: training the model at this as_of again takes it up."""

    model: str
    as_of: date
    identity: str
    by: str = ""


def keep(
    spec: ModelSpec, as_of: date, identity: str, candidate: Candidate, frame: Stack | pd.DataFrame, *, by: str = ""
) -> Path:
    """Write the candidate in one rename; `frame` is what it was fitted on, `by` who asked for it.

    The same one again changes nothing.
    """
    folder = _folder(spec.name, identity)
    if folder.exists():
        return folder
    contents = {PREDICTED: _predicted(candidate, frame), **candidate.files}
    if candidate.booster is not None:
        contents[BOOSTER] = bytes(candidate.booster.save_raw(raw_format="ubj"))
    stated = {
        "model": spec.name, "as_of": as_of.isoformat(), "identity": identity, "by": by,
        "files": {name: _digest(data) for name, data in contents.items()},
        "evaluation": candidate.evaluation.as_dict(), "categories": candidate.categories,
        "calibrator": candidate.calibrator, "facts": candidate.facts,
        "judged_cutoffs": [cutoff.isoformat() for cutoff in candidate.judged_cutoffs],
    }
    beside = folder.with_name(f".{uuid.uuid4().hex}.tmp")
    beside.mkdir(parents=True)
    try:
        for name, data in {**contents, STATED: json.dumps(stated).encode()}.items():
            (beside / name).write_bytes(data)
        os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def kept(spec: ModelSpec, identity: str, frame: Stack | pd.DataFrame) -> Candidate | None:
    """The candidate kept under this identity, whose frame this is; None when there is none.

    Raises IntegrityError when a file of it is not as it was written.
    """
    folder = _folder(spec.name, identity)
    if not (folder / STATED).exists():
        return None
    stated = json.loads((folder / STATED).read_bytes())
    files = {name: _verified(folder / name, digest) for name, digest in stated["files"].items()}
    judged, predicted = _rows(files.pop(PREDICTED), frame)
    booster = files.pop(BOOSTER, None)
    return Candidate(
        evaluation=Evaluation.of(stated["evaluation"]), categories=stated["categories"],
        calibrator=stated["calibrator"], judged=judged, predicted=predicted, facts=stated["facts"], files=files,
        judged_cutoffs=tuple(map(parse_day, stated["judged_cutoffs"])),
        booster=parse(booster, f"{folder / BOOSTER}") if booster is not None else None,
    )


def forget(model: str, identity: str) -> None:
    """Remove a kept candidate: it is registered. Nothing to remove is fine."""
    shutil.rmtree(_folder(model, identity), ignore_errors=True)


def waiting() -> list[Waiting]:
    """Every kept candidate of this home, by model and day; what a killed run left half-written is none."""
    found = []
    for path in settings().models.glob(f"*/waiting/*/{STATED}"):
        if not path.parent.name.startswith("."):
            stated: Mapping[str, Any] = json.loads(path.read_bytes())
            found.append(Waiting(stated["model"], parse_day(stated["as_of"]), stated["identity"], stated["by"]))
    return sorted(found, key=lambda one: (one.model, one.as_of, one.identity))


def _folder(model: str, identity: str) -> Path:
    return settings().models / model / "waiting" / identity


def _predicted(candidate: Candidate, frame: Stack | pd.DataFrame) -> bytes:
    """Of each judged row its place in the frame sorted by KEYS, and what was predicted; a parquet file's bytes."""
    import io

    import pandas as pd

    if isinstance(frame, Stack):  # which is in that order
        places = frame.places(candidate.judged)
    else:
        ordered = pd.MultiIndex.from_frame(frame[KEYS].sort_values(KEYS))
        places = ordered.get_indexer(pd.MultiIndex.from_frame(candidate.judged[KEYS]))
    if (places < 0).any():
        raise IntegrityError(f"{int((places < 0).sum())} judged rows are not in the frame the candidate was fitted on")
    out = io.BytesIO()
    pd.DataFrame({"place": places, "predicted": candidate.predicted}).to_parquet(out, index=False)
    return out.getvalue()


def _rows(data: bytes, frame: Stack | pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    import io

    import pandas as pd

    stated = pd.read_parquet(io.BytesIO(data))
    places = stated["place"].to_numpy()
    if isinstance(frame, Stack):  # which is in that order
        judged = frame.at(places).table()
    else:
        judged = frame.sort_values(KEYS, ignore_index=True).iloc[places].reset_index(drop=True)
    return judged, stated["predicted"].to_numpy(dtype="float64")


def _verified(path: Path, digest: str) -> bytes:
    data = path.read_bytes() if path.is_file() else b""
    if _digest(data) != digest:
        raise IntegrityError(f"{path}: not the bytes that were kept; remove {path.parent} and train again")
    return data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
