"""What the last nights cost, from the runs that were recorded, and what the home keeps of one, from its files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from pipelines import cost
from pipelines.clock import DAY, parse_day
from pipelines.publish import Dataset
from pipelines.settings import settings

Run = Mapping[str, Any]

ESSENTIAL = ("land", "unify", "materialize", "score", "extract", "monitor")  # a night without one of them is not whole
STAGES = (*ESSENTIAL[:-1], "push", "monitor", "promote", "purge", cost.PROCESS)
LAST = 7
FEW = 100_000  # below, most of a night is starting: ours takes about as long for 100 subscribers as for 10,000
MILLION = 1_000_000
_SUMMED = ("wall_s", "cpu_s", "read_bytes", "written_bytes", "rows_in", "rows_out", "queries")


@dataclass(frozen=True)
class Stage:
    """Medians over nights, of a night's runs of one step together; `peak_is_bound`: the step stayed below it.

    `wall_s` adds up what may have run side by side. `process` is start, imports, and what lies between steps.
    """

    name: str
    runs: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    peak_is_bound: bool
    read_bytes: int
    written_bytes: int
    rows_in: int
    rows_out: int
    queries: int
    modules: int


@dataclass(frozen=True)
class Kept:
    """Bytes of one store: of a night by itself (median), or standing, whatever the night (`of_a_night` is False)."""

    store: str
    of_a_night: bool
    bytes: int
    gb_per_million: float


@dataclass(frozen=True)
class Costs:
    """Of whole nights, newest last. Per million: divided by the subscribers of the roster, linearly. `note` says in
    words what is missing, or what the figures are not."""

    nights: tuple[str, ...]
    subscribers: int
    stages: tuple[Stage, ...]
    kept: tuple[Kept, ...]
    cpu_s: float
    cpu_s_per_million: float
    gb_per_million: float
    note: str


def costs(last: int = LAST) -> Costs:
    """Of at most so many of the newest nights that are recorded from land to monitor; of none, `note` says why."""
    nights, people = by_night(runs()), dict[str, int]()
    for as_of in list(nights):
        open_then = cost.subscribers(as_of)
        if open_then and set(ESSENTIAL) <= {one["step"] for one in nights[as_of]}:
            people[as_of] = open_then
    whole = sorted(people)[-last:]
    if not whole:
        return Costs((), 0, (), (), 0.0, 0.0, 0.0, _nothing(nights))
    cpu = {as_of: sum(one["cpu_s"] for one in nights[as_of]) for as_of in whole}
    kept = tuple(_kept(whole, people))
    subscribers = int(median(people[as_of] for as_of in whole))
    return Costs(
        tuple(whole), subscribers, tuple(_stages([nights[as_of] for as_of in whole])), kept, median(cpu.values()),
        median(cpu[as_of] / people[as_of] * MILLION for as_of in whole),
        sum(one.gb_per_million for one in kept if one.of_a_night),
        f"{subscribers:,} subscribers: much of this (starting, pages of reports) does not grow with them. No figure "
        "for a million"
        if subscribers < FEW else "",
    )


def runs() -> list[Run]:
    """Every recorded run in the order of their ends. A line that was cut by a full disk or a kill is passed over."""
    found: list[Run] = []
    for path in sorted(cost.folder().glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            try:
                found.append(dict(json.loads(line)))
            except ValueError:
                continue
    return found


def by_night(found: Iterable[Run]) -> dict[str, list[Run]]:
    """By as_of, the first run of each step that was done: another one finds most of its work done."""
    first: dict[tuple[Any, ...], Run] = {}
    for one in found:
        if one["as_of"] and one["ended"] == cost.DONE and one["step"] in STAGES and not one["within"]:
            key = (one["as_of"], one["step"], one.get("model"), one.get("source"), tuple(one.get("steps", ())))
            first.setdefault(key, one)
    nights: dict[str, list[Run]] = defaultdict(list)
    for key, one in first.items():
        nights[key[0]].append(one)
    return nights


def _nothing(nights: Mapping[str, Sequence[Run]]) -> str:
    if not nights:
        return (f"no run of a night is recorded below {cost.folder()} yet; every step writes a line there. "
                "Run: telco night --as-of DAY, or telco up for Airflow")
    newest = max(nights)
    lacking = [step for step in ESSENTIAL if step not in {one["step"] for one in nights[newest]}]
    return (f"no night is recorded from land to monitor yet; of the newest, {newest}, "
            f"{'missing: ' + ', '.join(lacking) if lacking else 'no roster is published'}")


def _stages(nights: Sequence[Sequence[Run]]) -> Iterable[Stage]:
    for name in STAGES:
        by_night = [own for night in nights if (own := [one for one in night if one["step"] == name])]
        if not by_night:
            continue
        sums = {field: median(sum(one.get(field, 0) for one in own) for own in by_night) for field in _SUMMED}
        largest = [max(own, key=lambda one: float(one["peak_mb"])) for own in by_night]
        yield Stage(
            name, int(median(map(len, by_night))), float(sums["wall_s"]), float(sums["cpu_s"]),
            float(median(one["peak_mb"] for one in largest)), all(one["peak_is_bound"] for one in largest),
            int(sums["read_bytes"]), int(sums["written_bytes"]), int(sums["rows_in"]), int(sums["rows_out"]),
            int(sums["queries"]), max(one["modules"] for own in by_night for one in own),
        )


def _kept(nights: Sequence[str], people: Mapping[str, int]) -> Iterable[Kept]:
    home = settings()
    of_a_night: dict[str, Callable[[date], Iterable[Path]]] = {
        "raw": lambda day: home.raw.glob(f"*/*/**/dt={day - DAY}/*"),
        "features": lambda day: home.features.glob(f"*/as_of={day}/*"),
        "labels": _matured,
        "scores": lambda day: home.scores.glob(f"*/as_of={day}/*/*"),
        "extracts": lambda day: home.extracts.glob(f"as_of={day}/*"),
        "reports": lambda day: (
            path for named in home.reports.rglob(f"*{day}*") for path in (named, *named.rglob("*"))),
    }
    for store, files in of_a_night.items():
        sizes = {as_of: _bytes(files(parse_day(as_of))) for as_of in nights}
        yield Kept(store, True, int(median(sizes.values())),
                   median(sizes[as_of] / people[as_of] for as_of in nights) * MILLION / 1e9)
    for store, root in (("warehouse", home.warehouse), ("online store", home.feast)):
        size = _bytes(root.rglob("*"))
        yield Kept(store, False, size, size / people[nights[-1]] * MILLION / 1e9)


def _matured(day: date) -> Iterable[Path]:
    """Labels that became known this night, which are of an older one."""
    for folder in sorted(settings().labels.glob("*/")):
        labels = Dataset(folder, ("as_of",))
        yield from (labels.live(entry.key) for entry in labels.entries().values() if entry.known_on == str(day))


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in set(paths) if path.is_file())
