"""Twenty-one nights in a row with nobody acting, and what a month brings planted into them.

    python benchmarks/nights.py                                    # 2,000 subscribers, made here
    python benchmarks/nights.py --home /data/h2000 --weekly churn  # a copy of a home with champions, from where it is

Each night is what `telco night` does, tried as the DAGs do it: at midnight, and once more when a drop that was late is
there. All of them run in one process that stays, so that what leaks adds up. A verdict that asks for a retrain is
followed by one, with its promotion, and so is the week (`--weekly`).
Planted: a mandatory file that comes hours late, an optional feed that does not come at all, a day with ten times the
contacts, a day whose usage is all zeros, a registry that is away, and a correction of an older day. A night counts as
on time when its scores and its extract are published; else it must say why. A HOLD is false when nothing that justifies
one was planted that night or in the seven days before. Prints Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
from history import tree_mb
from house import DAY, ROOT, START, machine, made, telco

DAYS, NIGHTS = 300, 21
USAGE, CARE, VENDOR = "network/usage_daily", "care/interactions", "pm/ericsson"
HELD = 3
NOWHERE = "http://127.0.0.1:9"  # the discard port: closed


@dataclass
class Tried:
    """One try: the exit code a command would have, what it said, why not, and what it used."""

    code: int
    said: dict[str, Any]
    why: str
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass
class Night:
    """A night and everything that was tried for it."""

    as_of: date
    planted: str = ""
    tried: list[Tried] = field(default_factory=list)
    trained: list[str] = field(default_factory=list)
    home_mb: float = 0.0

    @property
    def last(self) -> Tried:
        return self.tried[-1]

    @property
    def is_on_time(self) -> bool:
        """Scores and extract are out, whatever the watch said afterwards."""
        return bool(self.last.code == 0 and self.last.said.get("scored") and self.last.said.get("extract"))


@dataclass(frozen=True)
class Plant:
    """What is done to the drops before a night, undone or not after its first try, and whether a HOLD is then right."""

    words: str
    act: Callable[[Path, date], AbstractContextManager[None]]
    may_hold: bool = False
    retries: bool = False
    environment: tuple[tuple[str, str], ...] = ()


@contextmanager
def late(home: Path, dt: date) -> Iterator[None]:
    """Usage is not there at midnight, and is when the night is tried again."""
    folder = home / "landing" / USAGE / f"dt={dt}"
    aside = home / f"late-{dt}"
    folder.rename(aside)
    yield
    aside.rename(folder)


@contextmanager
def missing(home: Path, dt: date) -> Iterator[None]:
    """One vendor's counters of the day never come."""
    shutil.rmtree(home / "landing" / VENDOR / f"dt={dt}")
    yield


@contextmanager
def tenfold(home: Path, dt: date) -> Iterator[None]:
    """An outage: every contact of the day ten times, each with an id of its own."""
    path = home / "landing" / CARE / f"dt={dt}" / "interactions.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    more = [{**row, "interaction_id": f"{row['interaction_id']}x{number}"} for row in rows for number in range(10)]
    path.write_text("".join(json.dumps(row) + "\n" for row in more), encoding="utf-8")
    restate(path, len(more), dt + DAY)
    yield


@contextmanager
def zeros(home: Path, dt: date) -> Iterator[None]:
    """Usage arrives complete, and says that nobody used anything."""
    (path,) = (home / "landing" / USAGE / f"dt={dt}").glob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    for place, wanted in enumerate(table.schema):
        if pa.types.is_integer(wanted.type):
            table = table.set_column(place, wanted, pa.array([0] * table.num_rows, wanted.type))
    pq.write_table(table, path)
    restate(path, table.num_rows, dt + DAY)
    yield


@contextmanager
def corrected(home: Path, dt: date) -> Iterator[None]:
    """Usage of five days before is sent again, a tenth more; that key of land_sources runs again, as a resend asks."""
    old = dt - 5 * DAY
    (path,) = (home / "landing" / USAGE / f"dt={old}").glob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    place = table.schema.get_field_index("data_kb")
    more = pa.array([None if value is None else int(value * 1.1) for value in table["data_kb"].to_pylist()],
                    table.schema.field(place).type)
    pq.write_table(table.set_column(place, table.schema.field(place), more), path)
    restate(path, table.num_rows, dt)
    telco(home, "land", "--as-of", str(old + DAY))
    yield


@contextmanager
def nothing(home: Path, dt: date) -> Iterator[None]:
    yield


def restate(path: Path, rows: int, produced: date) -> None:
    """The control file of a file that was changed."""
    control = path.with_name(f"{path.name}.ctl")
    told = json.loads(control.read_text(encoding="utf-8"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    control.write_text(json.dumps({**told, "rows": rows, "sha256": digest, "produced_at": f"{produced}T02:00:00Z"}),
                       encoding="utf-8")


PLANTED = {
    3: Plant("usage comes hours late", late, retries=True),
    6: Plant("no Ericsson counters (optional feed)", missing),
    9: Plant("ten times the contacts", tenfold),
    12: Plant("usage is all zeros", zeros, may_hold=True),
    15: Plant("MLflow away", nothing, environment=(("MLFLOW_TRACKING_URI", NOWHERE),)),
    18: Plant("usage of five days before corrected", corrected),
}
QUIET = Plant("", nothing)


class House:
    """The process that stays: a request is a line of JSON, so is its answer; its whole tree is watched meanwhile."""

    PROGRAM = """
import json, logging, os, sys
from datetime import date
from pipelines import night, promotion, training
from pipelines.cli.show import plain
from pipelines.errors import TelcoError
from pipelines.settings import settings
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    asked, code, said = json.loads(line), 0, {}
    os.environ.update(asked["environment"])
    settings.cache_clear()
    try:
        day = date.fromisoformat(asked["as_of"])
        if asked["train"]:
            said = {"passed": training.train(asked["train"], day, by="airflow").verdict.passed}
            if said["passed"]:
                promotion.promote(asked["train"], day)
        else:
            said = plain(night.night(day))
    except TelcoError as error:
        code, said = error.exit_code, {"why": str(error)}
    except Exception as error:
        code, said = 1, {"why": f"{type(error).__name__}: {error}"}
    for name in asked["environment"]:
        os.environ.pop(name)
    print(json.dumps({"code": code, "said": said}), file=answers, flush=True)
"""

    def __init__(self, home: Path) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(home / "nights.log").open("w"), text=True,
            env={**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)})

    def ask(self, as_of: date, train: str = "", environment: tuple[tuple[str, str], ...] = ()) -> Tried:
        child, began, used, peak = self._child, time.monotonic(), self._cpu_s(), 0.0
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps({"as_of": str(as_of), "train": train, "environment": dict(environment)}) + "\n")
        child.stdin.flush()
        while not select.select([child.stdout], [], [], 0.2)[0]:
            peak = max(peak, tree_mb(child.pid))
        line = child.stdout.readline()
        if not line:
            raise SystemExit(f"the process of the nights died at {as_of}: exit {child.wait()}")
        answer = json.loads(line)
        said = answer["said"]
        return Tried(answer["code"], said, str(said.get("why", "")), time.monotonic() - began, self._cpu_s() - used,
                     max(peak, tree_mb(child.pid)))

    def _cpu_s(self) -> float:
        """Of the process and of every child it has waited for; Linux only."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()


def run(house: House, home: Path, as_of: date, plant: Plant) -> Night:
    night = Night(as_of, plant.words)
    with plant.act(home, as_of - DAY):
        night.tried.append(house.ask(as_of, environment=plant.environment))
    if plant.retries and night.last.code == HELD:
        night.tried.append(house.ask(as_of))
    return night


def wanted(night: Night, weekly: list[str]) -> list[str]:
    """Models to train after a night: those a verdict asks for, and on Mondays those of the week."""
    asked = [model for model, verdict in (night.last.said.get("monitored") or {}).items()
             if verdict.get("action", verdict.get("status")) in ("retrain", "drift")]
    return list(dict.fromkeys([*asked, *(weekly if night.as_of.weekday() == 0 else [])]))


def verdicts(night: Night) -> str:
    found = (night.last.said.get("monitored") or {}).items()
    return ", ".join(f"{model} {verdict.get('cause', verdict.get('status'))}" for model, verdict in found) or "-"


def ended(night: Night) -> str:
    """How the night ended, in one cell."""
    held = f"{len(night.tried) - 1} time held, then " if len(night.tried) > 1 else ""
    if night.is_on_time:
        return f"{held}on time"
    lines = [line for line in night.last.why.splitlines() if line.strip()]
    return held + ("HELD: " if night.last.code == HELD else f"exit {night.last.code}: ") + " ".join(lines[-3:])[:160]


def size_mb(home: Path) -> float:
    """What the system wrote, MB: everything but landing/ and truth/, which are the simulator's."""
    return sum(path.stat().st_size for top in home.iterdir() if top.name not in ("landing", "truth")
               for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()) / 2**20


def table(nights: list[Night]) -> str:
    lines = ["| night | planted | ended | drift verdicts | trained | wall s | CPU s | peak MB | home MB |",
             "|---|---|---|---|---|--:|--:|--:|--:|"]
    lines += [f"| {one.as_of} | {one.planted} | {ended(one)} | {verdicts(one)} | {', '.join(one.trained)} "
              f"| {sum(try_.wall_s for try_ in one.tried):.0f} | {sum(try_.cpu_s for try_ in one.tried):.0f} "
              f"| {max(try_.peak_mb for try_ in one.tried):.0f} | {one.home_mb:.0f} |" for one in nights]
    return "\n".join(lines)


def summary(nights: list[Night], may_hold: set[date]) -> str:
    on_time = [night for night in nights if night.is_on_time]
    explained = [night for night in nights if not night.is_on_time and night.last.code == HELD]
    false = [night for night in nights if night.last.code == HELD and night.as_of not in may_hold]
    peaks = [night.last.peak_mb for night in nights]
    grown = nights[-1].home_mb - nights[0].home_mb
    first, last = sum(peaks[:5]) / 5, sum(peaks[-5:]) / 5
    return "\n".join([
        f"- on time: {len(on_time)} of {len(nights)}; held and saying why: {len(explained)}; neither: "
        f"{len(nights) - len(on_time) - len(explained)}",
        f"- false HOLDs: {len(false)}" + (f" ({', '.join(str(night.as_of) for night in false)})" if false else ""),
        f"- trainings started: {sum(len(night.trained) for night in nights)}",
        f"- the home grew by {grown:.0f} MB, {grown / (len(nights) - 1):.1f} MB a night (landing/ not counted)",
        f"- peak memory of a night's process tree: {first:.0f} MB in the first five nights, {last:.0f} MB in the last "
        f"five; {max(peaks):.0f} MB at the most",
    ])


def prepare(home: Path, subscribers: int) -> date:
    """A home with history and champions; returns the day before the first night."""
    made(home, subscribers, DAYS, 0) if (home / "estate.toml").exists() else _simulated(home, subscribers)
    last = START + timedelta(days=DAYS)
    for model in ("churn", "ltv"):
        if not (home / "champions" / f"{model}.jsonl").exists():
            telco(home, "train", model, "--as-of", str(last))
    scored = [date.fromisoformat(path.name.removeprefix("as_of=")) for path in (home / "scores/churn").glob("as_of=*")]
    return max([last, *scored])


def _simulated(home: Path, subscribers: int) -> None:
    home.mkdir(parents=True, exist_ok=True)
    telco(home, "simulate", "--subscribers", str(subscribers), "--days", str(DAYS), "--nights", str(NIGHTS))
    made(home, subscribers, DAYS, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home to copy; by default one is made")
    parser.add_argument("--subscribers", type=int, default=2000)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--weekly", default="churn,ltv", help="models trained every Monday, comma separated")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.home.parent if asked.home else None) as scratch:
        home = Path(scratch) / "home"
        if asked.home:
            shutil.copytree(asked.home, home)
        last = prepare(home, asked.subscribers)
        nights: list[Night] = []
        house = House(home)
        for number in range(1, asked.nights + 1):
            night = run(house, home, last + number * DAY, PLANTED.get(number, QUIET))
            for model in wanted(night, [one for one in asked.weekly.split(",") if one]):
                ended_as = house.ask(night.as_of, train=model)
                night.trained.append(f"{model}: {'passed' if ended_as.said.get('passed') else 'not passed'}")
            night.home_mb = size_mb(home)
            nights.append(night)
            print(f"{night.as_of}: {ended(night)}; {verdicts(night)}; {night.last.wall_s:.0f} s", file=sys.stderr,
                  flush=True)
        house.close()
        # Features look back 90 days, but a jump and a storm are told against the last nights.
        faults = {last + number * DAY for number, plant in PLANTED.items() if plant.may_hold}
        may_hold = {day + offset * DAY for day in faults for offset in range(8)}
        print(f"{asked.subscribers:,} subscribers, {asked.nights} nights, on {machine()}\n")
        print(table(nights) + "\n\n" + summary(nights, may_hold))


if __name__ == "__main__":
    main()
