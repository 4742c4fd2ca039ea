"""Ten days of sixty simulated subscribers after a history of 220, two of which their senders correct afterwards.

Raw is files and manifest, and a correction is known from the day after it was produced only if no later night was
published before it landed. So an order here is any order in which each correction lands before the nights that may
know it: the manifest is then the same, and everything below raw must be.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.clock import DAY
from pipelines.errors import Held
from pipelines.publish import sha256
from pipelines.settings import settings

SUBSCRIBERS, HISTORY_DAYS, DAYS = 60, 220, 10
MB = 1024  # in the kB of usage
SAID_TOO_LITTLE = 500 * MB
PUBLISHED = ("raw", "features", "labels")
HELD = 3

# A step is a process of its own, so that it can be killed; forked from one that has paid the imports already.
_SERVER: ForkServerContext = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([
    "great_expectations", "pandas", "duckdb", "pyarrow.parquet", "pipelines.landing", "pipelines.warehouse",
    "pipelines.quality", "expectations.raw", "expectations.drops", "expectations.counters",
])


@dataclass(frozen=True)
class Correction:
    """The drop of one day sent again: `file` is the new one, `day` and `produced` count from the first of the ten."""

    source: str
    feed: str
    day: int
    produced: int
    folder: Path

    def deliver(self, world: TenDays, home: Path) -> None:
        there = home / "landing" / self.source / self.feed / f"dt={world.dt(self.day)}"
        for path in self.folder.iterdir():
            shutil.copy(path, there)


@dataclass
class TenDays:
    """`template`: a home with all drops delivered and the history landed. `straight`: the same after its ten nights."""

    template: Path
    straight: Path
    first_dt: date
    corrections: list[Correction] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def dt(self, day: int) -> date:
        return self.first_dt + day * DAY

    def as_of(self, night: int) -> date:
        """Night n reads the drops up to day n."""
        return self.dt(night) + DAY


@contextmanager
def living_in(home: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(home))
        for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        settings.cache_clear()
        yield
    settings.cache_clear()


def _step(home: str, what: str, days: Sequence[date], told: str) -> None:
    """In a process of its own: land or unify, every word of progress appended to `told`; exit 3 when held."""
    os.setsid()
    os.environ["TELCO_HOME"] = home
    for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    settings.cache_clear()
    from pipelines import landing, warehouse

    with open(told, "a", encoding="utf-8") as file:
        def report(line: str) -> None:
            print(line, file=file, flush=True)

        try:
            if what == "land":
                landing.land_range(min(days), max(days), report=report)
            elif what == "initial":
                landing.land_range(min(days), max(days), initial=True, report=report)
            else:
                warehouse.unify(days, report=report)
        except Held as held:
            report(str(held))
            os._exit(HELD)
        except BaseException as error:
            report(repr(error))
            os._exit(1)
    os._exit(0)


@dataclass(frozen=True)
class Kill:
    """When a step dies: so long after it said `after`; `alone` if what it started outlives it."""

    seconds: float
    after: str = ""
    alone: bool = False


def step(home: Path, what: str, days: Sequence[date], kill: Kill | None = None) -> tuple[int, str]:
    """Run one step, perhaps killed; returns its exit code (-9 when killed) and what it said."""
    told = home / "told.txt"
    told.unlink(missing_ok=True)
    process = _SERVER.Process(target=_step, args=(str(home), what, list(days), str(told)))
    process.start()
    if kill:
        _strike(process, told, kill)
    process.join()
    assert process.exitcode is not None
    return process.exitcode, told.read_text(encoding="utf-8") if told.exists() else ""


def _strike(process: multiprocessing.process.BaseProcess, told: Path, kill: Kill) -> None:
    assert process.pid is not None
    while kill.after and process.is_alive() and not (told.exists() and kill.after in told.read_text(encoding="utf-8")):
        time.sleep(0.005)
    process.join(kill.seconds)
    if not process.is_alive():
        return
    try:
        (os.kill if kill.alone else os.killpg)(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # struck before it had a group of its own, and so before it started anything
        os.kill(process.pid, signal.SIGKILL)


def done(home: Path, what: str, days: Sequence[date]) -> None:
    code, said = step(home, what, days)
    assert code == 0, said


def fingerprint(home: Path) -> dict[str, str]:
    """sha256 of every published file, and of the standing entry of every partition, by its path."""
    found = {}
    for path in (path for name in PUBLISHED for path in sorted((home / name).rglob("*"))):
        name = str(path.relative_to(home))
        if path.name == "data.parquet":
            found[name] = sha256(path)
        elif path.name == "manifest.jsonl":
            for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
                if line["state"] != "prepared":
                    words = json.dumps(line, sort_keys=True)
                    found[f"{name} {line['key']}"] = hashlib.sha256(words.encode()).hexdigest()
    return found


def straight_run(folder: Path) -> TenDays:
    """Simulate, land the history, keep that as the template, then every night in its turn, corrections in theirs."""
    from pipelines.simulate import simulate

    template, straight = folder / "template", folder / "straight"
    with living_in(template):
        # Four drops more than the nights asked for are written: ten days in all.
        made = simulate(subscribers=SUBSCRIBERS, days=HISTORY_DAYS, nights=DAYS - 4, seed=5)
    world = TenDays(template, straight, made.first_night)
    done(template, "initial", [made.start, made.first_night - DAY])
    world.corrections = [_more_use(world, folder), _other_care(world, folder)]
    copy_home(template, straight)
    for night in range(DAYS):
        started = time.monotonic()
        for correction in world.corrections:
            if correction.produced == night:
                correction.deliver(world, straight)
                done(straight, "land", [world.dt(correction.day)])
        done(straight, "land", [world.dt(night)])
        landed = time.monotonic()
        done(straight, "unify", [world.as_of(night)])
        world.seconds = {"land": landed - started, "unify": time.monotonic() - landed}
    return world


def copy_home(source: Path, target: Path) -> None:
    """A home as it stands, without its database and its reports."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("truth", "told.txt", "reports", "*.duckdb"))


def copy_template(world: TenDays, target: Path) -> None:
    """The history landed and nothing published, with what dbt read of the project: 7 CPU seconds a home."""
    copy_home(world.template, target)
    (target / "warehouse/dbt").mkdir(parents=True)
    shutil.copy(world.straight / "warehouse/dbt/partial_parse.msgpack", target / "warehouse/dbt")


def _more_use(world: TenDays, folder: Path) -> Correction:
    """Day 2 of usage, produced again on day 5: three numbers used 500 MB more."""
    def change(source: Path, target: Path) -> int:
        table = pq.read_table(source, partitioning=None)
        more = pa.array([SAID_TOO_LITTLE if row < 3 else 0 for row in range(table.num_rows)], pa.int64())
        place = table.schema.get_field_index("data_kb")
        said = pc.add(table["data_kb"], more).cast(table.schema.field(place).type)
        pq.write_table(table.set_column(place, table.schema.field(place), said), target)
        return int(table.num_rows)

    return _corrected(world, folder, "network", "usage_daily", 2, 5, change)


def _other_care(world: TenDays, folder: Path) -> Correction:
    """The first of day 3 and day 4 with a contact, produced again two days later: everyone waited 1,000 s longer."""
    from pipelines.landing.contract import BY_ID

    name = BY_ID["care.interactions"].file_name
    day = next(day for day in (3, 4)
               if (world.template / f"landing/care/interactions/dt={world.dt(day)}" / name).exists())

    def change(source: Path, target: Path) -> int:
        rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
        for row in rows:
            row["wait_seconds"] = 1000 + (row["wait_seconds"] or 0)
        target.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return len(rows)

    return _corrected(world, folder, "care", "interactions", day, day + 2, change)


def _corrected(
    world: TenDays, folder: Path, source: str, feed: str, day: int, produced: int, change: Callable[[Path, Path], int],
) -> Correction:
    from pipelines.landing.contract import BY_ID

    name = BY_ID[f"{source}.{feed}"].file_name
    first = world.template / "landing" / source / feed / f"dt={world.dt(day)}" / name
    target = folder / "corrections" / feed
    target.mkdir(parents=True)
    count = change(first, target / name)
    control = json.loads(first.with_name(f"{name}.ctl").read_text(encoding="utf-8"))
    control |= {"rows": count, "sha256": sha256(target / name), "produced_at": f"{world.dt(produced)}T10:00:00Z"}
    (target / f"{name}.ctl").write_text(json.dumps(control), encoding="utf-8")
    return Correction(source, feed, day, produced, target)
