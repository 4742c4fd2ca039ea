"""One subscriber's row of a night's published scores, and where a measure stands among that night's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines import bundle as bundles
from pipelines.bundle import Bundle
from pipelines.champions import Champion
from pipelines.errors import IntegrityError
from pipelines.publish import Entry
from pipelines.scoring.table import ACTIONABLE, REASONS, THEMES

# What the roster leaves out, and why: it does so before any model is asked.
EXCLUSIONS = {
    "silent_45_days": "the line was not used for 45 days: it counts as gone",
    "tenure_under_one_day": "the subscription began less than a day before",
}


class Unscored(Exception):
    """Why a model has no score of this subscriber for this night; the message is shown to a person."""


@dataclass(frozen=True)
class Reason:
    """A published reason. `theme` and `actionable` are None where the model publishes none."""

    words: str
    theme: str | None
    actionable: bool | None


@dataclass(frozen=True)
class Published:
    """`row` as published, by column; `rank` 1 is the highest `measure` of the `scored` ones, ties by subscriber_id."""

    path: Path
    champion: Champion
    bundle: Bundle
    row: Mapping[str, Any]
    rank: int
    scored: int

    @property
    def reasons(self) -> tuple[Reason, ...]:
        marks = zip(REASONS, THEMES, ACTIONABLE, strict=True)
        return tuple(Reason(self.row[words], self.row.get(theme), self.row.get(mark))
                     for words, theme, mark in marks if self.row[words])


def published(model: str, subscriber_id: str, as_of: date, measure: str) -> Published:
    """The row of who scored as_of, the champion in force or its stand-in, with its verified bundle.

    Raises Unscored saying why there is none, IntegrityError when the night was scored with other bytes of this version.
    """
    from pipelines.scoring.nightly import key_of, scores_of
    from pipelines.scoring.standing import scored_by

    champion = scored_by(model, as_of) or _champion(model, as_of)
    scores, key = scores_of(model), key_of(as_of, champion.version)
    entry = scores.entry(key)
    if entry is None:
        raise Unscored(_not_scored(model, champion, as_of))
    if entry.inputs.get("bundle") != champion.sha256:
        raise IntegrityError(f"{scores.live(key)}: scored with other bytes than {model} v{champion.version} has in the "
                             "champion log; restore the bundle and the log from one backup")
    path = scores.verify(key)
    row, rank = _row(path, subscriber_id, measure)
    if row is None:
        raise Unscored(_left_out(model, champion, entry))
    bundle = bundles.load(bundles.path_of(model, champion.version), expected=champion.sha256)
    return Published(path, champion, bundle, row, rank, entry.rows)


def _row(path: Path, subscriber_id: str, measure: str) -> tuple[Mapping[str, Any] | None, int]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    chosen = pq.read_table(path, filters=[("subscriber_id", "=", subscriber_id)], partitioning=None).to_pylist()
    if not chosen:
        return None, 0
    row: Mapping[str, Any] = chosen[0]
    night = pq.read_table(path, columns=["subscriber_id", measure], partitioning=None)
    level = pc.equal(night[measure], row[measure])
    first = pc.and_(level, pc.less(night["subscriber_id"], subscriber_id))
    above = pc.sum(pc.or_(pc.greater(night[measure], row[measure]), first)).as_py()
    return row, 1 + int(above or 0)


def _champion(model: str, as_of: date) -> Champion:
    from pipelines import champions

    champion = champions.in_force(model, as_of)
    if champion is None:
        later = [one.from_as_of for one in champions.history(model)]
        since = f"the first is in force from {min(later)}" if later else f"train one: telco train {model} --as-of DAY"
        raise Unscored(f"{model}: no champion is in force at {as_of}; {since}")
    return champion


def _not_scored(model: str, champion: Champion, as_of: date) -> str:
    from pipelines.scoring.nightly import scores_of

    others = sorted(one.key["version"] for one in scores_of(model).entries().values()
                    if one.key["as_of"] == as_of.isoformat())
    instead = f" (scored with v{', v'.join(others)}, which is not in force)" if others else ""
    return (f"{model}: the champion v{champion.version} has not scored {as_of}{instead}: "
            f"telco score {model} --as-of {as_of}")


def _left_out(model: str, champion: Champion, entry: Entry) -> str:
    """An active subscriber without a row: which reasons of its own the model counted that night."""
    counted = {why: count for why, count in entry.inputs.get("excluded", {}).items() if why not in EXCLUSIONS}
    told = ", ".join(f"{why} for {count:,} that night" for why, count in counted.items()) or "no reason was counted"
    return f"{model}: v{champion.version} left this subscriber out ({told})"
