"""Our own page of a model's nights: verdicts in a strip, every measure over time with its bound. Static, no script.

One HTML file that loads nothing: it is read without Airflow and without a server, in light and dark, on a desk and on
a phone. Charts are inline SVG. Every value is escaped by Jinja: a plan named `<script>` stays text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.monitoring import history
from pipelines.monitoring.measure import Family, Status
from pipelines.publish import replacing

if TYPE_CHECKING:
    from jinja2 import Template

MOST_NIGHTS = 120   # the newest so many are drawn
MOST_CHARTS = 40    # of a family; what was in alarm comes first, then what came nearest to its bound
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 320, 96, 4, 8, 16

# What a person reads first: the truth, then the scores, then what went in.
ORDER = (Family.PERFORMANCE, Family.ESTIMATE, Family.QUALITY, Family.SCORE, Family.CLASSIFIER, Family.PEERS,
         Family.CONTINUITY, Family.ASSOCIATION, Family.INPUT)
TITLES: Mapping[Family, str] = {
    Family.PERFORMANCE: "Performance on matured labels",
    Family.ESTIMATE: "Performance as estimated without labels (decides nothing)",
    Family.QUALITY: "Feeds",
    Family.SCORE: "Scores",
    Family.CLASSIFIER: "Then and now told apart by a classifier",
    Family.PEERS: "Cohorts beside their peers, and who is leaving",
    Family.CONTINUITY: "Continuity per subscriber, last night and tonight",
    Family.ASSOCIATION: "Association between columns",
    Family.INPUT: "Inputs, tonight against the training sample",
}


@dataclass(frozen=True)
class Night:
    """One night of the strip. `report` is the link to Evidently's page, empty where there is none."""

    as_of: str
    cause: str
    action: str
    reasons: tuple[str, ...]
    report: str


@dataclass(frozen=True)
class Chart:
    """One measure over the nights, already in the coordinates of the drawing."""

    name: str
    subject: str
    detail: str
    newest: str
    bound: str
    line: str
    limit: str
    alarms: tuple[tuple[float, float], ...]
    first: str
    last: str
    status: str


def write(model: str) -> Path:
    """Write reports/drift/<model>/index.html of all nights kept, in one rename; returns its path."""
    path = history.folder(model) / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    nights = read_nights(model)
    page = render(model, nights, history.read(model).to_pylist())
    with replacing(path) as out:
        out.write(page.encode())
    return path


def read_nights(model: str) -> list[Night]:
    """The verdicts on disk, oldest first; an unreadable one is passed over by nobody: it raises."""
    found = []
    for path in sorted(history.folder(model).glob("as_of=*/verdict.json"))[-MOST_NIGHTS:]:
        told = json.loads(path.read_text(encoding="utf-8"))
        report = f"{path.parent.name}/report.html" if (path.parent / "report.html").exists() else ""
        found.append(Night(str(told["as_of"]), str(told.get("cause", "unknown")), str(told.get("action", "none")),
                           tuple(map(str, told["reasons"])), report))
    return found


def render(model: str, nights: Sequence[Night], rows: Iterable[Mapping[str, Any]]) -> str:
    """The page as text. `rows` are those of the history table of this model."""
    series = _series(rows, {night.as_of for night in nights})
    sections = []
    for family in ORDER:
        mine = [_chart(key, points) for key, points in series.items() if key[0] == family.value]
        told = [chart for _, chart in sorted(mine, key=lambda each: each[0]) if chart.line or chart.detail]
        if told:
            sections.append({"title": TITLES[family], "charts": told[:MOST_CHARTS], "left": len(told) - MOST_CHARTS,
                             "open": family is not Family.INPUT or any(c.alarms for c in told)})
    return _template().render(model=model, nights=list(nights), newest=nights[-1] if nights else None,
                              runs=_runs(nights), sections=sections, width=WIDTH, height=HEIGHT)


def _runs(nights: Sequence[Night]) -> list[dict[str, Any]]:
    """Nights of one verdict in a row as one, newest first, with its newest night's reasons; quiet ones left out."""
    runs: list[dict[str, Any]] = []
    for night in nights:
        if runs and (runs[-1]["night"].cause, runs[-1]["night"].action) == (night.cause, night.action):
            runs[-1] |= {"night": night, "count": runs[-1]["count"] + 1}
        else:
            runs.append({"first": night.as_of, "night": night, "count": 1})
    return [run for run in reversed(runs) if run["night"].cause != "quiet"]


Key = tuple[str, str, str]
Points = dict[date, Mapping[str, Any]]


def _series(rows: Iterable[Mapping[str, Any]], nights: set[str]) -> dict[Key, Points]:
    found: dict[Key, Points] = {}
    for row in rows:
        if str(row["as_of"]) in nights:
            found.setdefault((row["family"], row["name"], row["subject"]), {})[row["as_of"]] = row
    return found


def _chart(key: Key, points: Points) -> tuple[tuple[int, float, str, str], Chart]:
    """The chart and its place: most nights in alarm first, then the nearest to its bound."""
    days = sorted(points)
    known = [(day, float(points[day]["value"])) for day in days if points[day]["value"] is not None]
    bounds = [(day, float(points[day]["bound"])) for day in days if points[day]["bound"] is not None]
    levels = [each for _, each in known + bounds] or [0.0]
    low, high = min(0.0, *levels), max(1e-9, *levels)
    first, span = days[0], max((days[-1] - days[0]).days, 1)

    def place(day: date, level: float) -> tuple[float, float]:
        return (round(LEFT + (WIDTH - 2 * LEFT) * (day - first).days / span, 1),
                round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (level - low) / (high - low), 1))

    alarms = tuple(place(day, level) for day, level in known if points[day]["status"] == Status.ALARM.value)
    newest = points[days[-1]]
    nearest = max((level / bound for (_, level), (_, bound) in zip(known, bounds, strict=False) if bound > 0),
                  default=0.0)
    chart = Chart(
        key[1], key[2], str(newest["detail"] or ""), _shown(newest["value"]), _shown(newest["bound"]),
        _path(place(*each) for each in known), _path(place(*each) for each in bounds), alarms, str(first),
        str(days[-1]), str(newest["status"]))
    return (-len(alarms), -nearest, key[1], key[2]), chart


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


@lru_cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        (Path(__file__).parent / "trend.html.j2").read_text(encoding="utf-8"))
