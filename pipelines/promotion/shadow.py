"""The shadow log of a model: which version is scored beside the champion from which as_of, and how that ended.

`shadow/<model>.jsonl`, append-only, is to challengers what the champion log is to champions: scoring asks it and no
registry. What a challenger said of a night lies in `shadow/<model>/as_of=D/version=V/`: the partition, in the form of
scores, and `comparison.json` beside it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipelines import champions, journal
from pipelines.champions import Champion
from pipelines.clock import parse_day
from pipelines.models import spec_of
from pipelines.promotion.comparison import Comparison
from pipelines.publish import Dataset, write_json
from pipelines.settings import settings

log = logging.getLogger(__name__)

KEYS = ("as_of", "version")
BEGUN, REFUSED, REJECTED, ASKED = "begun", "refused", "rejected", "asked"
ASK_AGAIN = timedelta(days=7)  # after so many nights without an answer a person is asked anew


@dataclass(frozen=True)
class Challenger:
    """A version in shadow. Nights from `from_as_of` on count; `sha256` is that of its bundle.json."""

    model: str
    version: int
    from_as_of: date
    sha256: str
    trained_as_of: date
    trained_by: str = ""


@dataclass(frozen=True)
class Ending:
    """How a shadow ended without a promotion: refused by the comparison or rejected by a person."""

    model: str
    version: int
    outcome: str
    reasons: tuple[str, ...]
    by: str = ""


def nights_of(model: str) -> Dataset:
    """What challengers said, in the form of score partitions."""
    return Dataset(settings().shadow / model, KEYS)


def log_of(model: str) -> Path:
    return settings().shadow / f"{model}.jsonl"


def standing(model: str) -> Challenger | None:
    """The version in shadow now: the last one begun, unless it ended or has ever been champion."""
    begun = _last(model, BEGUN)
    if begun is None:
        return None
    found = Challenger(model, int(begun["version"]), parse_day(begun["from_as_of"]), str(begun["sha256"]),
                       parse_day(begun["trained_as_of"]), str(begun.get("trained_by", "")))
    if ending(model, found.version) or any(line.version == found.version for line in champions.history(model)):
        return None
    return found


def ending(model: str, version: int) -> Ending | None:
    """How the shadow of a version ended, if it did."""
    for line in reversed(journal.read(log_of(model))):
        if line["event"] in (REFUSED, REJECTED) and line["version"] == version:
            return Ending(model, version, line["event"], tuple(line["reasons"]), str(line.get("by", "")))
    return None


def endings(model: str) -> list[Ending]:
    """Every shadow that ended without a promotion, in the order of their ending."""
    return [Ending(model, line["version"], line["event"], tuple(line["reasons"]), str(line.get("by", "")))
            for line in journal.read(log_of(model)) if line["event"] in (REFUSED, REJECTED)]


def begin(challenger: Challenger) -> Challenger:
    """Put a version in shadow in place of whoever is. The one that is in it again is a no-op that keeps its nights."""
    with journal.locked(log_of(challenger.model)):
        found = standing(challenger.model)
        if found is not None and (found.version, found.sha256) == (challenger.version, challenger.sha256):
            return found
        journal.append(log_of(challenger.model), {"event": BEGUN, **_plain(asdict(challenger))})
    log.info("shadow model=%s version=%d from=%s", challenger.model, challenger.version, challenger.from_as_of)
    return challenger


def end(model: str, version: int, outcome: str, reasons: Sequence[str], by: str = "") -> None:
    """Record that a shadow ended without a promotion; what has ended stays so."""
    with journal.locked(log_of(model)):
        if ending(model, version) is None:
            journal.append(log_of(model), {
                "event": outcome, "model": model, "version": version, "reasons": list(reasons), "by": by,
            })
    log.info("shadow ended model=%s version=%d %s by=%s: %s", model, version, outcome, by or "-", "; ".join(reasons))


def ask(model: str, version: int, as_of: date) -> bool:
    """Whether this night is the one that asks a person: the first, the same again, or one a week after no answer."""
    with journal.locked(log_of(model)):
        asked = next((parse_day(line["as_of"]) for line in reversed(journal.read(log_of(model)))
                      if line["event"] == ASKED and line["version"] == version), None)
        if asked is not None and asked != as_of and as_of < asked + ASK_AGAIN:
            return False
        if asked != as_of:
            journal.append(log_of(model), {"event": ASKED, "model": model, "version": version,
                                           "as_of": as_of.isoformat()})
    return True


def keep(model: str, comparison: Comparison) -> Path:
    """Store one night's comparison beside its partition; returns the file."""
    key = {"as_of": comparison.as_of.isoformat(), "version": str(comparison.challenger)}
    path = nights_of(model).directory(key) / "comparison.json"
    write_json(path, comparison.as_dict())
    return path


def compared(challenger: Challenger, champion: Champion) -> list[Comparison]:
    """The nights that count, by as_of: from the shadow's first on, each once, beside this very champion."""
    found = []
    for path in nights_of(challenger.model).root.glob(f"as_of=*/version={challenger.version}/comparison.json"):
        night = Comparison.of(json.loads(path.read_text(encoding="utf-8")))
        bound = (night.challenger_sha256, night.champion, night.champion_sha256)
        if night.as_of >= challenger.from_as_of and bound == (challenger.sha256, champion.version, champion.sha256):
            found.append(night)
    return sorted(found, key=lambda night: night.as_of)


def counted(challenger: Challenger, champion: Champion) -> tuple[list[Comparison], list[date]]:
    """The nights the verdict rests on, the first of the spec's number, and those it still waits for.

    Nights are served in any order: one whose features are published and which is not compared yet is waited for, as
    long as no more nights than the spec's number lie between it and the newest. So the verdict rests on the same
    nights whatever the order they ran in.
    """
    wanted, nights = spec_of(challenger.model).shadow.nights, compared(challenger, champion)
    if not nights:
        return [], []
    done, newest = {night.as_of for night in nights}, nights[-1].as_of
    last = nights[min(wanted, len(nights)) - 1].as_of
    waiting = [day for day in _published_nights(challenger) if day < last and day not in done
               and (newest - day).days <= wanted]
    return nights[:wanted], waiting


def _published_nights(challenger: Challenger) -> list[date]:
    """The as_ofs from the shadow's first on whose roster is published."""
    entries = Dataset(settings().features / "roster", ("as_of",)).entries().values()
    days = [parse_day(entry.key["as_of"]) for entry in entries if entry.state == "committed"]
    return [day for day in days if day >= challenger.from_as_of]


def _last(model: str, event: str) -> dict[str, Any] | None:
    return next((line for line in reversed(journal.read(log_of(model))) if line["event"] == event), None)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in fields.items()}
