"""The champion log: which version is in force from which as_of, one append-only file per model.

Lines are appended and never changed. The version in force at D is the LAST APPENDED line whose `from_as_of` is not
after D. So a line dated D supersedes every earlier line dated D or later, which is all a rollback needs, and nights
before D keep the version they were scored with.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from pipelines import journal
from pipelines.clock import parse_day
from pipelines.settings import settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """One line of the log. `sha256` is that of the version's bundle.json; what is loaded must match it.

    `by` is who approved it or rolled back to it; empty where the policy alone decided.
    """

    model: str
    version: int
    from_as_of: date
    sha256: str
    reason: str = ""
    by: str = ""


def in_force(model: str, as_of: date) -> Champion | None:
    """The champion that scores night `as_of`, or None."""
    standing = None
    for champion in history(model):
        if champion.from_as_of <= as_of:
            standing = champion
    return standing


def history(model: str) -> list[Champion]:
    """Every line in the order of appending. IntegrityError when a line is unreadable: guessing would be a decision."""
    path, lines = log_of(model), []
    for number, fields in enumerate(journal.read(path), start=1):
        try:
            lines.append(Champion(**{
                **fields, "version": int(fields["version"]), "from_as_of": parse_day(fields["from_as_of"]),
            }))
        except (ValueError, TypeError, KeyError) as error:
            raise journal.unreadable(path, number, error) from None
    return lines


def succession(model: str) -> list[Champion]:
    """Who followed whom, the last line's version at the end: a version entered again takes its old place.

    So after a rollback from v3 to v2 the one before v2 is v1, and v3 is nobody's predecessor.
    """
    stack: list[Champion] = []
    for line in history(model):
        known = [(one.version, one.sha256) for one in stack]
        who = (line.version, line.sha256)
        stack = [*stack[: known.index(who) if who in known else len(stack)], line]
    return stack


def enter(
    model: str, version: int, from_as_of: date, sha256: str, *, reason: str, by: str = ""
) -> Champion:
    """Append one line and put it on disk. The standing last line again is a no-op, so a retry makes no double."""
    champion = Champion(model, version, from_as_of, sha256, reason, by)
    with locked(model):
        standing = history(model)
        if standing and (standing[-1].version, standing[-1].from_as_of, standing[-1].sha256) == (
            version, from_as_of, sha256,
        ):
            return standing[-1]
        journal.append(log_of(model), {**asdict(champion), "from_as_of": from_as_of.isoformat()})
    log.info("champion model=%s version=%d from=%s by=%s: %s", model, version, from_as_of, by or "-", reason)
    return champion


def log_of(model: str) -> Path:
    return settings().champions / f"{model}.jsonl"


def locked(model: str) -> AbstractContextManager[None]:
    """One writer of a model's log at a time, among the processes of this machine."""
    return journal.locked(log_of(model))
