"""Model versions that were trained on somebody who was erased: flagged, with the day by which to retrain."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipelines.clock import parse_day
from pipelines.estate import estate
from pipelines.governance import tombstones
from pipelines.landing import sealed
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


def flag(requests: Mapping[str, str], on: date) -> list[Flagged]:
    """Flag every version whose ledger has one of these subscriptions; returns those. Safe to repeat: the earliest day
    by which to retrain stands, and persons are counted by all tombstones."""
    from pipelines.governance import ledger

    versions = [name.partition(":")[::2] for name in ledger.kept()]
    found = [(model, int(version)) for model, version in versions if _persons(model, int(version), requests)]
    return [_flag(model, version, on) for model, version in found]


def check(model: str, version: int) -> Flagged | None:
    """Flag a version that has just been trained, when somebody it learned from was erased meanwhile (F56).

    Its ledger must be written: whoever is erased after that is found by `flag`.
    """
    stones = [stone for stone in tombstones.standing() if stone.kind == "subscription"]
    erased_on = {stone.token: parse_day(stone.erased_on) for stone in stones}
    mine = [token for token in erased_on if _persons(model, version, [token])]
    return _flag(model, version, min(erased_on[token] for token in mine)) if mine else None


def flagged() -> list[Flagged]:
    """Every flagged version, by model and version."""
    return [Flagged(**one) for one in _stored()]


def _flag(model: str, version: int, on: date) -> Flagged:
    everyone = [stone.token for stone in tombstones.standing() if stone.kind == "subscription"]
    folder = sealed.folder(settings().tombstones, settings().tombstones)
    with sealed.lock(folder / ".lock"):
        before = {(one.model, one.version): one for one in flagged()}
        retrain_by = (on + timedelta(days=estate().retention.retrain)).isoformat()
        standing = before.get((model, version))
        one = Flagged(model, version, _persons(model, version, everyone),
                      min(retrain_by, standing.retrain_by) if standing else retrain_by)
        before[model, version] = one
        sealed.write(_path(), (json.dumps([asdict(before[key]) for key in sorted(before)], indent=1) + "\n").encode())
    _tell_registry(one)
    return one


def _tell_registry(one: Flagged) -> None:
    """The tags are for people; our own list decides. A registry out of reach does not stop an erasure."""
    from pipelines import tracking
    from pipelines.models import spec_of

    try:
        tracking.mark(spec_of(one.model).registered_name, one.version,
                      {TAG: str(one.persons), "retrain_by": one.retrain_by})
    except Exception as error:  # the registry may be a server of somebody else's
        log.warning("%s v%d contains erased persons; the registry could not be told: %s", one.model, one.version, error)


def _persons(model: str, version: int, tokens: Iterable[str]) -> int:
    from pipelines.governance import ledger

    standing = ledger.read(model, version)
    return sum(1 for token in tokens if standing.cutoffs_of(tombstones.PREFIX + token))


def _stored() -> list[dict[str, Any]]:
    path = _path()
    found: list[dict[str, Any]] = json.loads(path.read_bytes()) if path.exists() else []
    return found


def _path() -> Path:
    return settings().tombstones / "models.json"
