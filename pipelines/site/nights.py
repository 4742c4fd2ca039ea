"""What a home's files say of each night, and the state that follows from it: a pure judgement over what was read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from pipelines import champions
from pipelines.clock import DAY, midnight, parse_day
from pipelines.estate import estate
from pipelines.models import SPECS
from pipelines.publish import Dataset, Entry
from pipelines.settings import settings

SHOWN = 14  # nights


class State(StrEnum):
    """Of a night, worst last. `flagged`: scored, but not as it should be (a stand-in, a registry that was away)."""

    OK = "ok"
    FLAGGED = "flagged"
    UNKNOWN = "unknown"
    HELD = "held"
    STALE = "stale"


@dataclass(frozen=True)
class Scores:
    """One model's published scores of a night. `expires_at` is naive UTC, as published."""

    model: str
    version: int
    rows: int
    expires_at: datetime
    flags: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What was found of one night. `expected`: the models with a champion in force; `troubles`: the door's words."""

    as_of: date
    landed: int = 0
    rows: int = 0
    troubles: tuple[str, ...] = ()
    is_checked: bool = False  # the door wrote its page
    is_unified: bool = False  # the roster is published
    scores: Mapping[str, Scores] = field(default_factory=dict)
    expected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Night:
    seen: Seen
    state: State
    why: tuple[str, ...] = ()


def judge(seen: Seen, valid_until: datetime | None) -> Night:
    """The state of one night; `valid_until` is when the scores of the nights before expire, None: there are none."""
    missing = [model for model in seen.expected if model not in seen.scores]
    flags = tuple(f"{one.model}: {flag}" for one in seen.scores.values() for flag in one.flags)
    if seen.scores and not missing:
        return Night(seen, State.FLAGGED if flags else State.OK, flags)
    if seen.scores or seen.landed or seen.is_checked or seen.is_unified:
        return Night(seen, State.HELD, seen.troubles or (_where_it_stopped(seen, missing),))
    if valid_until is not None and valid_until <= midnight(seen.as_of).replace(tzinfo=None):
        return Night(seen, State.STALE, (f"nothing came, and the last scores expired on {valid_until:%Y-%m-%d}",))
    return Night(seen, State.UNKNOWN, ("nothing is known of this night",))


def _where_it_stopped(seen: Seen, missing: list[str]) -> str:
    if seen.scores:
        return f"{', '.join(missing)} has no scores"
    if seen.is_unified:
        return "unified, not scored" if missing else "unified; no champion is in force"
    return f"{seen.landed} drops landed, not unified"


def judged(found: Iterable[Seen]) -> list[Night]:
    """Every night, oldest first, each with what the ones before it left valid."""
    nights: list[Night] = []
    valid_until: datetime | None = None
    for seen in sorted(found, key=lambda one: one.as_of):
        nights.append(judge(seen, valid_until))
        ends = [one.expires_at for one in seen.scores.values()]
        valid_until = max(filter(None, [valid_until, *ends]), default=None)
    return nights


# --- reading ---------------------------------------------------------------------------------------------------------


def read(as_of: date, most: int = SHOWN) -> list[Seen]:
    """The last nights up to as_of, from the first one that was ever scored; oldest first."""
    from pipelines.landing import raw
    from pipelines.landing.senders import feed

    scores = {model: _scores_by_night(model) for model in SPECS}
    first = min((night for found in scores.values() for night in found), default=None)
    if first is None:
        return []
    feeds = [raw.dataset(feed(name)).entries() for name in estate().delivered()]
    rosters = Dataset(settings().features / "roster", ("as_of",)).entries()
    days = [as_of - timedelta(days=back) for back in range(most)]
    return [_seen(day, feeds, rosters, scores) for day in reversed(days) if day >= first]


def _seen(
    day: date, feeds: list[dict[tuple[str, ...], Entry]], rosters: Mapping[tuple[str, ...], Entry],
    scores: Mapping[str, Mapping[date, Scores]],
) -> Seen:
    drops = [found[key] for found in feeds if (key := ((day - DAY).isoformat(),)) in found]
    landed = [entry for entry in drops if entry.state == "committed"]
    troubles, is_checked = _troubles(day)
    return Seen(
        day, len(landed), sum(entry.rows for entry in landed), troubles, is_checked, (day.isoformat(),) in rosters,
        {model: found[day] for model, found in scores.items() if day in found},
        tuple(model for model in SPECS if champions.in_force(model, day) is not None),
    )


def _troubles(day: date) -> tuple[tuple[str, ...], bool]:
    """What the door did not take of a night's drops, in its own words; and whether it wrote its page at all."""
    folder = settings().reports / "landing" / day.isoformat()
    said = []
    for path in sorted(folder.glob("*.json")):
        try:
            verdict = str(json.loads(path.read_text(encoding="utf-8")).get("verdict", ""))
        except (ValueError, AttributeError):
            verdict = "held: its record of the checks is unreadable"
        if verdict.startswith(("rejected", "held", "not taken")):
            said.append(f"{path.stem} {verdict}")
    return tuple(said), (folder / "index.html").exists()


def _scores_by_night(model: str) -> dict[date, Scores]:
    """Of every night whoever scored it: the champion in force or the stand-in its partition names."""
    from pipelines.scoring.standing import scored_by

    dataset = Dataset(settings().scores / model, ("as_of", "version"))
    entries = dataset.entries()
    found = {}
    for day in sorted({parse_day(as_of) for as_of, _ in entries})[-3 * SHOWN:]:
        champion = scored_by(model, day)
        entry = entries.get((day.isoformat(), str(champion.version))) if champion else None
        if champion is not None and entry is not None and entry.state == "committed":
            found[day] = Scores(model, champion.version, entry.rows, _expiry(dataset, entry, model, day),
                                tuple(entry.inputs.get("flags", ())), entry.inputs.get("excluded", {}))
    return found


def _expiry(dataset: Dataset, entry: Entry, model: str, day: date) -> datetime:
    """When a partition says it expires, from its statistics; from the spec where it cannot be read any more."""
    import pyarrow.parquet as pq

    try:
        about = pq.ParquetFile(dataset.live(entry.key))
        place = about.schema_arrow.names.index("expires_at")
        columns = [about.metadata.row_group(0).column(number) for number in range(about.metadata.num_columns)]
        told = next(one for one in columns if one.path_in_schema == about.schema_arrow.names[place])
        return datetime.fromisoformat(str(told.statistics.max))
    except (OSError, ValueError, AttributeError, StopIteration):
        return midnight(day + timedelta(days=SPECS[model].expires_after_days)).replace(tzinfo=None)
