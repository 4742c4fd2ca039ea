"""The audit log: what was trained, promoted, approved, erased and let out, in lines that cannot be changed unseen.

Every line of `audit/log.jsonl` holds the sha256 of the line before it and of itself, so a line that is edited, taken
out or moved breaks the chain there (Schneier and Kelsey 1998, "Cryptographic support for secure logs on untrusted
machines", without keys). Who rewrites every line after it as well is found by the anchors: the hash of every line is
kept a second time in `anchors/audit.txt`, and the newest one as a tag in the model registry (`anchor`).

One writer at a time. The line is on disk before its anchor, so a kill leaves at most one line more than anchors, or
one line without its end; the next writer settles both.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pipelines.clock import utc_now
from pipelines.errors import IntegrityError, UsageError
from pipelines.publish import writing
from pipelines.settings import settings

log = logging.getLogger(__name__)

EVENTS: Final = frozenset({
    "training_registered", "promotion", "rollback", "approval", "refusal", "erasure", "purge", "consent_veto",
    "key_rotation", "export", "import", "backup", "restore",
})
GENESIS: Final = "0" * 64
TAG: Final = "audit_head"
_FIELDS: Final = ("sequence", "at", "event", "subject", "facts", "previous")
# A subscriber's token, or nine digits and more that stand alone: a number somebody is called on, or a card.
_IDENTIFIER: Final = re.compile(r"sub_[0-9a-z]{8,}|(?<![0-9A-Za-z])\+?\d{9,}(?![0-9A-Za-z])")


@dataclass(frozen=True)
class Line:
    """One thing that was done. `at` is UTC, `hash` is of everything else, `previous` the hash of the line before."""

    sequence: int
    at: str
    event: str
    subject: str
    facts: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class Head:
    """The newest line: how many there are, and the hash that stands for all of them."""

    sequence: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash}"


@dataclass(frozen=True)
class Finding:
    """What `verify` saw. `bad` is the first line that is not what was written, and `why`; None: all are."""

    lines: int
    head: Head
    registry: str
    bad: int | None = None
    why: str = ""


def log_file() -> Path:
    return settings().audit / "log.jsonl"


def anchor_file() -> Path:
    return settings().anchors / "audit.txt"


def record(event: str, *, subject: str, at: datetime | None = None, once: bool = False, **facts: Any) -> Line:
    """Append one line and put it on disk. `subject` is what it was done to: a model, a version, a request, a folder.

    `at` is read from the clock when it is not given. `once`: a line of the same event, subject and facts is returned
    instead of doubled, so that a step may be repeated. Raises UsageError for an event that does not exist and for
    words that hold an identifier or a token, IntegrityError when the end of the log is not the anchored one.
    """
    stated = json.loads(json.dumps(facts, sort_keys=True, default=str, allow_nan=False))
    _check_words(event, subject, stated)
    moment = (at or utc_now()).isoformat(timespec="seconds")
    with _one_writer():
        lines = _settled()
        if once:
            same = (line for line in map(_parsed, lines)
                    if (line.event, line.subject, line.facts) == (event, subject, stated))
            if (standing := next(same, None)) is not None:
                return standing
        previous = _parsed(lines[-1]).hash if lines else GENESIS
        fields = dict(zip(_FIELDS, (len(lines) + 1, moment, event, subject, stated, previous), strict=True))
        line = Line(**fields, hash=_digest(fields))
        _append(log_file(), _text(line))
        _append(anchor_file(), f"{line.sequence} {line.hash}".encode())
    log.info("audit sequence=%d event=%s subject=%s", line.sequence, event, subject)
    return line


def head() -> Head:
    """The newest line that is whole; what every report prints."""
    lines = _whole(log_file())[0]
    return Head(len(lines), _parsed(lines[-1]).hash) if lines else Head()


def history(event: str | None = None) -> list[Line]:
    """Every line, or those of one event, in the order they were written. IntegrityError when one is unreadable."""
    return [line for line in map(_parsed, _whole(log_file())[0]) if event in (None, line.event)]


def anchor() -> bool:
    """Put the head into the model registry. False, with a warning, when the registry is out of reach."""
    from pipelines import tracking

    try:
        standing = _head_of(tracking.note(TAG))
        if standing.sequence < head().sequence:
            tracking.set_note(TAG, str(head()))
    except Exception as error:  # the registry is a server of somebody else's: whatever it says, the log stands
        # Its words may hold the address it was called by, and that a password.
        log.warning("audit head %s is not in the registry: %s", head(), type(error).__name__)
        return False
    return True


def verify(*, ask_registry: bool = True) -> Finding:
    """Compare every line with its own hash, with the line before it and with its anchor. Reads, changes nothing."""
    lines, cut = _whole(log_file())
    anchors = _anchors()
    registry, told = _registry() if ask_registry else (Head(), "not asked")
    newest = Head()
    bad, why = None, ""
    for number, text in enumerate(lines, start=1):
        why = _fault(number, text, newest.hash, anchors)
        if why:
            bad = number
            break
        newest = Head(number, _parsed(text).hash)
    if bad is None:
        bad, why = _tail_fault(lines, cut, anchors, registry)
    return Finding(len(lines), newest, told, bad, why)


def _fault(number: int, text: bytes, previous: str, anchors: list[str]) -> str:
    """What is wrong with one line, or nothing."""
    try:
        line = _parsed(text)
    except IntegrityError as error:
        return str(error)
    if line.sequence != number:
        return f"says it is line {line.sequence}: lines were taken out, put in or moved"
    if line.previous != previous:
        return "does not follow the line before it: one of the two was taken out, put in or moved"
    if line.hash != _digest({name: getattr(line, name) for name in _FIELDS}) or text != _text(line):
        return "was edited: its hash is not that of its words"
    if number <= len(anchors) and anchors[number - 1] != line.hash:
        return "was written anew, with every line after it: its anchor holds another hash"
    return ""


def _tail_fault(lines: list[bytes], cut: bytes, anchors: list[str], registry: Head) -> tuple[int | None, str]:
    """What is wrong behind the last whole line: fewer lines than anchors, or more than a kill can leave."""
    count = len(lines)
    if count < len(anchors):
        end = "is cut off" if cut else "is gone"
        return count + 1, f"{end}: {len(anchors)} lines were anchored, {count} are there"
    if count > len(anchors) + 1:
        return len(anchors) + 1, f"has no anchor: {count} lines are there, {len(anchors)} anchors"
    if registry.sequence > count:
        return count + 1, f"is gone: the model registry has seen {registry.sequence} lines, {count} are there"
    if registry.sequence and _parsed(lines[registry.sequence - 1]).hash != registry.hash:
        return registry.sequence, "or one before it was written anew: the model registry holds another hash"
    return None, ""


def _registry() -> tuple[Head, str]:
    """The head the registry has seen, and how that went, in words."""
    from pipelines import tracking

    try:
        seen = _head_of(tracking.note(TAG))
    except Exception as error:  # as in `anchor`
        return Head(), f"out of reach ({type(error).__name__})"
    return seen, f"has seen line {seen.sequence}" if seen.sequence else "has seen none"


def _head_of(text: str | None) -> Head:
    sequence, _, digest = (text or "").partition(" ")
    return Head(int(sequence), digest) if text else Head()


def _settled() -> list[bytes]:
    """The whole lines, after removing what a kill left of one and anchoring the one it left without."""
    lines, cut = _whole(log_file())
    anchors = _anchors(settle=True)
    if len(lines) not in (len(anchors), len(anchors) + 1) or (
        anchors and _parsed(lines[len(anchors) - 1]).hash != anchors[-1]
    ):
        raise IntegrityError(
            f"{log_file()}: its end is not the one in {anchor_file()}; nothing was recorded and so nothing was done. "
            "See which line: telco audit verify. Then restore both files from one backup"
        )
    if cut:  # a line that was never finished: what it would have told was not done either
        os.truncate(log_file(), log_file().stat().st_size - len(cut))
    if len(lines) > len(anchors):
        _append(anchor_file(), f"{len(lines)} {_parsed(lines[-1]).hash}".encode())
    return lines


def _anchors(*, settle: bool = False) -> list[str]:
    """The hash of every line as kept in the second place."""
    lines, cut = _whole(anchor_file())
    if cut and settle:
        os.truncate(anchor_file(), anchor_file().stat().st_size - len(cut))
    return [line.decode(errors="replace").partition(" ")[2] for line in lines]


def _whole(path: Path) -> tuple[list[bytes], bytes]:
    """The lines that have their end, and what stands behind the last of them."""
    if not path.exists():
        return [], b""
    whole, end, cut = path.read_bytes().rpartition(b"\n")
    return (whole.split(b"\n") if end else []), cut


def _parsed(text: bytes) -> Line:
    try:
        return Line(**json.loads(text))
    except (ValueError, TypeError):
        raise IntegrityError("is not a line of the audit log") from None


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _text(line: Line) -> bytes:
    return json.dumps(asdict(line), sort_keys=True).encode()


def _append(path: Path, text: bytes) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as handle:
            size, data = handle.tell(), text + b"\n"
            try:
                while data:
                    data = data[handle.write(data):]
                os.fsync(handle.fileno())
            except OSError:
                handle.truncate(size)
                raise


def _check_words(event: str, subject: str, facts: Mapping[str, Any]) -> None:
    if event not in EVENTS:
        raise UsageError(f"audit: no event {event!r}; there are {', '.join(sorted(EVENTS))}")
    if any(map(_IDENTIFIER.search, (subject, *_strings(facts)))):  # not echoed: that is the point
        raise UsageError(f"audit: the words of this {event} hold a number or a token of a person; record counts and "
                         "digests, the tokens belong in the ledger")


def _strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names included; counts and shares are numbers and name nobody."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield name
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


@contextmanager
def _one_writer() -> Iterator[None]:
    from pipelines.landing import sealed

    with writing(settings().audit):
        settings().audit.mkdir(parents=True, exist_ok=True)
    with sealed.lock(settings().audit / ".lock"):
        yield
