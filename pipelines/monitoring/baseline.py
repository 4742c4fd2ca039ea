"""Quiet weeks: every measure on the partitions published before a version was trained, kept once per version.

Bounds come from these. They are of the past as it was known then, against the same reference as a night, so that a
trend, a season's usual swing and the many cut-offs in a training sample are in them. A night then costs one comparison.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from pipelines import bundle as bundles
from pipelines.champions import Champion
from pipelines.clock import DAY, parse_day
from pipelines.monitoring import association, classifier, cohorts, comparison, continuity, frames, scores
from pipelines.monitoring.association import Pair
from pipelines.monitoring.calibration import Key
from pipelines.monitoring.frames import Snapshot, Training
from pipelines.monitoring.measure import Measure
from pipelines.publish import write_json
from pipelines.settings import settings

log = logging.getLogger(__name__)

FORMAT: Final = 1  # of the file: another number is built anew
WEEK: Final = timedelta(days=7)
WEEKS: Final = 13      # a quarter of weekly partitions
RECENT: Final = timedelta(days=14)  # of which every published night counts: a grid of weeks knows one weekday only
BACK: Final = timedelta(days=28)    # how far a cohort and the classifier look back
SLACK: Final = timedelta(days=14)   # how much further the nearest published night may lie


@dataclass(frozen=True)
class Baseline:
    """What quiet weeks were like. `points` by measure: (days after training, value); days are negative.

    `pairs` are the associations that are watched, `apart` the columns by which the classifier may tell two nights apart
    (those that tell the date by themselves are left out), `scores` quantiles of the version's scores on the past,
    `leavers` who left of each cohort in each past week. `inputs` are the sha256 of what it was made of.
    """

    trained: date
    points: dict[Key, list[tuple[int, float]]]
    pairs: list[Pair]
    apart: list[str]
    scores: list[float]
    leavers: dict[str, list[list[int]]]
    inputs: dict[str, dict[str, str]]


def baseline(champion: Champion, trained: Training) -> Baseline:
    """The version's baseline: the stored one while its inputs stand, else built from the partitions and stored."""
    path = path_of(champion)
    stored = _read(path, champion)
    if stored is not None and all(frames.digests(parse_day(day)) == said for day, said in stored.inputs.items()):
        return stored
    built = build(champion, trained)
    write_json(path, _as_json(built, champion))
    log.info("baseline model=%s version=%d nights=%d measures=%d", champion.model, champion.version,
             len(built.inputs), len(built.points))
    return built


def path_of(champion: Champion) -> Path:
    return settings().reports / "drift" / champion.model / f"baseline.v{champion.version}.json"


def build(champion: Champion, trained: Training) -> Baseline:
    """Every measure on the quiet weeks before the version was trained. About 1.5 CPU seconds a week of 10,000 rows."""
    end = _trained_on(champion)
    watched, all_days = chosen(frames.published(end + DAY))
    past = {day: frames.snapshot(trained.columns, day) for day in all_days}
    past = _scored(champion, trained, past)
    pairs = association.strongest(trained.sample, past[all_days[-1]].table_of) if past else []
    apart = _apart(trained.columns, [(then, past[day]) for day in watched if (then := _back(past, day))])
    known = scores.quantiles(_all_scores(past))
    points: dict[Key, list[tuple[int, float]]] = {}
    for day in watched:
        for measure in _measures(trained, past, day, pairs, apart, known):
            if measure.value is not None:
                key = (str(measure.family), measure.name, measure.subject)
                points.setdefault(key, []).append(((day - end).days, float(f"{measure.value:.6g}")))
    return Baseline(end, points, pairs, apart, known, _leavers(all_days),
                    {day.isoformat(): frames.digests(day) for day in all_days})


def chosen(published: Sequence[date]) -> tuple[list[date], list[date]]:
    """Which as_ofs are measured, and which are read for them (as what they are compared with), oldest first.

    Back from the newest: a weekly chain, and every other night of the last fortnight.
    """
    if not published:
        return [], []
    chain = [published[-1]]
    for day in reversed(published):
        if chain[-1] - day >= WEEK and len(chain) < WEEKS + BACK // WEEK:
            chain.append(day)
    recent = [day for day in published if published[-1] - day < RECENT]
    return sorted({*chain[:WEEKS], *recent}), sorted({*chain, *recent})


def earlier(days: Sequence[date], as_of: date, back: timedelta) -> date | None:
    """The newest of the days that lies `back` before as_of, at most SLACK further; None without one."""
    found = [day for day in days if back <= as_of - day <= back + SLACK]
    return max(found, default=None)


def _measures(
    trained: Training, past: dict[date, Snapshot], day: date, pairs: Sequence[Pair], apart: Sequence[str],
    known: Sequence[float],
) -> Iterator[Measure]:
    import numpy as np

    now = past[day]
    yield from comparison.measure_quickly(trained.sample, now.features, trained.columns, trained.categories)
    yield from association.measure(now.features, pairs)
    before = earlier(list(past), day, DAY)
    if before is not None:
        yield from continuity.measure(past[before].features, now.features, trained.columns)
    then = _back(past, day)
    if then is not None:
        yield from cohorts.measure(values(then), values(now), groups(now), then.as_of)
        yield classifier.measure(then.features, now.features, apart)
    if now.score is not None:
        yield scores.measure(np.array(known), now.score.to_numpy(), "on quiet weeks")


def values(night: Snapshot) -> Any:
    """What a cohort is compared by: the key columns the model has, as numbers, and the score."""
    found = night.features[[name for name in cohorts.COLUMNS if name in night.features
                            and night.features[name].dtype == "float64"]]
    return found if night.score is None else found.assign(**{cohorts.SCORE: night.score})


def groups(night: Snapshot) -> Any:
    """Who is in which cohort: by the roster, and by the model's own columns."""
    own = [name for name in cohorts.GROUPS if name in night.features and night.features[name].dtype == object]
    return night.cohorts.join(night.features[own], rsuffix="_of_model")


def _back(past: dict[date, Snapshot], day: date) -> Snapshot | None:
    found = earlier(list(past), day, BACK)
    return past[found] if found is not None else None


def _apart(columns: Sequence[str], pairs: Sequence[tuple[Snapshot, Snapshot]]) -> list[str]:
    """The columns that do not tell two quiet nights apart by themselves, neither usually nor on the newest pair."""
    import numpy as np

    if not pairs:
        return list(columns)
    found = [classifier.alone(then.features, now.features, columns) for then, now in pairs]
    distance = {name: [one[name] for one in found] for name in columns}
    return [name for name in columns
            if max(float(np.median(distance[name])), distance[name][-1]) <= classifier.TELLS_TIME]


def _scored(champion: Champion, trained: Training, past: dict[date, Snapshot]) -> dict[date, Snapshot]:
    """The snapshots with what the version would have given: a model that is a formula cannot say it of the past."""
    import pandas as pd

    if trained.kind != "classifier" or not past:
        return past
    bundle = bundles.load(bundles.path_of(champion.model, champion.version), expected=champion.sha256)
    flags = {"True": 1.0, "False": 0.0}

    def score(night: Snapshot) -> Any:
        raw = night.features.assign(**{str(name): night.features[name].map(flags).astype("float64")
                                       for name in night.features if night.features[name].dtype == object
                                       and name not in bundle.categories})
        return pd.Series(bundle.predict(raw), index=raw.index)

    return {day: replace(night, score=score(night)) for day, night in past.items()}


def _all_scores(past: dict[date, Snapshot]) -> Any:
    import numpy as np

    found = [night.score.to_numpy() for night in past.values() if night.score is not None]
    return np.concatenate(found) if found else np.empty(0)


def _leavers(all_days: Sequence[date]) -> dict[str, list[list[int]]]:
    """Who left in each week of the chain, by cohort: [leavers, person-days], oldest first."""
    found: dict[str, list[list[int]]] = {}
    before: tuple[date, Any] | None = None
    for day in all_days:
        if before is not None and day - before[0] < WEEK:
            continue
        now = frames.active(day)
        if before is not None and now is not None and before[1] is not None:
            for cohort, counted in cohorts.leavers(before[1], now, (day - before[0]).days).items():
                found.setdefault(cohort, []).append(list(counted))
        before = (day, now)
    return found


def _trained_on(champion: Champion) -> date:
    """Until when the past counts: the version's own training date, whenever it came into force."""
    said = json.loads((bundles.path_of(champion.model, champion.version) / bundles.MANIFEST).read_bytes())
    return parse_day(said["trained_as_of"]) if "trained_as_of" in said else champion.from_as_of


def _as_json(built: Baseline, champion: Champion) -> dict[str, Any]:
    return {
        "format": FORMAT, "model": champion.model, "version": champion.version, "bundle": champion.sha256,
        "trained": built.trained.isoformat(), "inputs": built.inputs, "apart": built.apart, "scores": built.scores,
        "leavers": built.leavers, "pairs": [[one.left, one.right, one.correlation] for one in built.pairs],
        "points": [[*key, points] for key, points in sorted(built.points.items())],
    }


def _read(path: Path, champion: Champion) -> Baseline | None:
    """The stored baseline of exactly this version; None when there is none, or it is damaged or of another format."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if (said["format"], said["bundle"]) != (FORMAT, champion.sha256):
            return None
        return Baseline(
            parse_day(said["trained"]),
            {(one[0], one[1], one[2]): [(int(day), float(value)) for day, value in one[3]] for one in said["points"]},
            [Pair(*one) for one in said["pairs"]], said["apart"], said["scores"], said["leavers"], said["inputs"],
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
