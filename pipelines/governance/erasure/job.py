"""One erasure as a piece of work that can be killed anywhere: its plan, what it has done, and its steps in order.

`tombstones/jobs/<job>/plan.json` is written before anything is touched and holds tokens, never clear identifiers.
Beside it `done.jsonl` has one line a file that was changed, written just before the file takes its place. Every step
looks for the person anew, so running it again finds only what is left; a job is done when its proof is written and
found nothing; its plan is then removed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.clock import parse_day
from pipelines.governance.erasure.matching import Marks
from pipelines.governance.erasure.person import Persons
from pipelines.governance.tombstones import PREFIX, Tombstone
from pipelines.landing import sealed
from pipelines.landing.contract import Identifier
from pipelines.landing.tokens import GLOBAL
from pipelines.progress import Report, silent
from pipelines.publish import sha256
from pipelines.settings import settings


@dataclass(frozen=True)
class Change:
    """What was taken out of one file. Hashes are sha256 of the whole file; empty after: the file is gone."""

    store: str
    path: str
    rows_before: int
    rows_after: int
    sha256_before: str
    sha256_after: str

    @property
    def removed(self) -> int:
        return self.rows_before - self.rows_after


@dataclass(frozen=True)
class Job:
    """An erasure under way. `requests`: request id by subscription token. `dry`: look, and change nothing."""

    name: str
    on: date
    requests: Mapping[str, str]
    persons: Persons
    dry: bool = False
    report: Report = field(default=silent, compare=False)

    @property
    def folder(self) -> Path:
        return jobs() / self.name

    @cached_property
    def marks(self) -> Marks:
        return Marks.of(self.persons.stones)

    @cached_property
    def subscribers(self) -> pa.Array:
        return pa.array(sorted(PREFIX + token for token in self.requests), pa.string())

    @cached_property
    def tokens(self) -> frozenset[str]:
        """What must be found nowhere any more: every token but those of numbers others have or had, and of invoices."""
        return frozenset(stone.token for stone in self.persons.stones
                         if stone.kind != "invoice" and stone.token not in self.persons.kept_numbers)

    @cached_property
    def clear(self) -> dict[tuple[Identifier, str], dict[str, str]]:
        """Clear identifiers by token, by kind and operator (none for numbers and SIMs), where the vault has them."""
        found: dict[tuple[Identifier, str], dict[str, str]] = {}
        wanted = pa.array(sorted({stone.token for stone in self.persons.stones}), pa.string())
        for segment in sorted(settings().vault.glob("*/*.parquet")):
            kind = Identifier(segment.parent.name)
            table = pq.read_table(segment, partitioning=None)
            for row in table.filter(pc.is_in(table["token"], wanted)).to_pylist():
                owner = "" if kind in GLOBAL else row["operator"]
                found.setdefault((kind, owner), {})[row["token"]] = row["identifier"]
        return found

    def write(self) -> None:
        """Write the plan, sealed; from now on the job can be resumed."""
        sealed.folder(self.folder, settings().tombstones)
        plan = {
            "name": self.name, "on": self.on.isoformat(), "requests": dict(self.requests),
            "stones": [asdict(stone) for stone in self.persons.stones],
            "kept_numbers": sorted(self.persons.kept_numbers), "shares_account": self.persons.shares_account,
        }
        sealed.write(self.folder / "plan.json", (json.dumps(plan, indent=1) + "\n").encode())

    def changes(self) -> list[Change]:
        """What was done, by this run and by those that were killed before it; the last word on each file."""
        path = self.folder / "done.jsonl"
        if not path.exists():
            return []
        found: dict[tuple[str, str], Change] = {}
        for text in path.read_text(encoding="utf-8").splitlines():
            change = Change(**json.loads(text))
            first = found.get((change.store, change.path))
            if first is not None:  # killed after the line and before the file, or touched in two rounds
                change = Change(**{**asdict(change), "rows_before": first.rows_before,
                                   "sha256_before": first.sha256_before})
            found[change.store, change.path] = change
        return list(found.values())

    def note(self, change: Change) -> Change:
        """Put a change on disk, before it is made."""
        if not self.dry:
            with (self.folder / "done.jsonl").open("a", encoding="utf-8") as out:
                out.write(json.dumps(asdict(change)) + "\n")
                out.flush()
        return change

    def changed(self, store: str, path: Path, rows: tuple[int, int], after: Path | None) -> Change:
        """The change that would put `after` (None: nothing) in the place of a file."""
        return Change(store, str(path.relative_to(settings().home)), *rows, sha256(path),
                      sha256(after) if after is not None else "")


def jobs() -> Path:
    return settings().tombstones / "jobs"


def read(name: str, report: Report = silent) -> Job:
    """A job by its plan."""
    plan = json.loads((jobs() / name / "plan.json").read_bytes())
    persons = Persons(tuple(Tombstone(**stone) for stone in plan["stones"]), frozenset(plan["kept_numbers"]),
                      plan["shares_account"])
    return Job(plan["name"], parse_day(plan["on"]), plan["requests"], persons, report=report)


def unfinished() -> list[str]:
    """Jobs whose plan is still there, oldest first."""
    plans = sorted(jobs().glob("*/plan.json"), key=lambda path: path.stat().st_mtime_ns)
    return [path.parent.name for path in plans]


def finish(job: Job) -> None:
    """The plan goes: its tokens stand in the tombstones. What was done stays."""
    (job.folder / "plan.json").unlink()


def taken(name: str) -> bool:
    return (jobs() / name).exists()


@contextmanager
def alone() -> Iterator[None]:
    """One erasure at a time; another waits."""
    folder = sealed.folder(settings().tombstones, settings().tombstones)
    with sealed.lock(folder / ".erasing"):
        yield


Step = Callable[[Job], list[Change]]
