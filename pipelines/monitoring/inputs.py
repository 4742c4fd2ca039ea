"""Everything that is measured of a night without labels: feeds first, then columns, people, cohorts and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from pipelines.champions import Champion
from pipelines.clock import DAY
from pipelines.monitoring import association, classifier, cohorts, comparison, continuity, frames, quality, scores
from pipelines.monitoring.baseline import BACK, SLACK, WEEK, Baseline, baseline, earlier, groups, values
from pipelines.monitoring.calibration import bounded
from pipelines.monitoring.frames import Snapshot, Training
from pipelines.monitoring.measure import Family, Measure

FEWEST_ROWS = 200  # of either sample: below, every measure is unknown (F50)
FIRST_NIGHTS = 7   # whose scores stand for a version that cannot be asked about the past

Bound = Callable[[Measure, int, int], Measure]


def measure_inputs(champion: Champion, as_of: date, report_path: Path) -> list[Measure]:
    """Every measure of a night but those of performance, each with its bound; Evidently's page is written.

    In the order triage reads: QUALITY, INPUT, CONTINUITY, ASSOCIATION, PEERS, CLASSIFIER, SCORE. Raises Held when the
    night's features are not published, IntegrityError when bytes are not those recorded.
    """
    trained = frames.training(champion)
    now = frames.snapshot(trained.columns, as_of, champion)
    quiet = baseline(champion, trained)
    days = (as_of - quiet.trained).days

    def bound(measure: Measure, before: int, rows: int) -> Measure:
        if min(before, rows) < FEWEST_ROWS:
            thin = f"{before} rows before and {rows} tonight, fewer than {FEWEST_ROWS}"
            return Measure(measure.family, measure.name, measure.subject, None, detail=thin)
        past = quiet.points.get((str(measure.family), measure.name, measure.subject), [])
        return bounded(measure, past, days, before, rows)

    return [*quality.measure(as_of), *_against_training(trained, now, quiet, bound, report_path),
            *_against_nights(champion, trained, now, quiet, bound)]


def _against_training(
    trained: Training, now: Snapshot, quiet: Baseline, bound: Bound, report_path: Path
) -> Iterator[Measure]:
    sizes = len(trained.sample), len(now.features)
    for one in comparison.measure(trained.sample, now.features, trained.columns, report_path, trained.categories):
        yield bound(one, *sizes)
    for one in association.measure(now.features, quiet.pairs):
        whole = bound(one, *sizes)
        yield whole if _can_be_lost(whole, quiet) else Measure(
            one.family, one.name, one.subject, whole.value, detail=f"{one.detail}; too weak to be missed")


def _against_nights(
    champion: Champion, trained: Training, now: Snapshot, quiet: Baseline, bound: Bound
) -> Iterator[Measure]:
    """What is compared with an earlier published night: the last one, and the one of four weeks ago."""
    nights = frames.published(now.as_of)
    last, then = earlier(nights, now.as_of, DAY), earlier(nights, now.as_of, BACK)
    rows = len(now.features)
    if last is None:
        yield _unknown(Family.CONTINUITY, continuity.REORDERED, "no published night to compare with")
    else:
        before = frames.snapshot(trained.columns, last)
        for one in continuity.measure(before.features, now.features, trained.columns):
            yield bound(one, len(before.features), rows)
    yield from _scores_and_peers(champion, trained, now, quiet, bound, then, nights)


def _scores_and_peers(
    champion: Champion, trained: Training, now: Snapshot, quiet: Baseline, bound: Bound, then: date | None,
    nights: list[date],
) -> Iterator[Measure]:
    rows = len(now.features)
    who = groups(now)
    told = f"no published night of {BACK.days} to {(BACK + SLACK).days} days ago"
    month_ago = frames.snapshot(trained.columns, then, champion) if then is not None else None
    if month_ago is None:
        yield _unknown(Family.PEERS, "all", told)
    else:
        unscored = values(now).drop(columns=cohorts.SCORE, errors="ignore")
        for one in cohorts.measure(values(month_ago), unscored, who, month_ago.as_of):
            yield bound(one, len(month_ago.features), rows)
    yield from _peers_by_score(champion, now, bound)
    yield from _leavers(now.as_of, quiet, nights)
    if month_ago is None:
        yield _unknown(Family.CLASSIFIER, classifier.AUC, told)
    else:
        found = classifier.measure(month_ago.features, now.features, quiet.apart)
        yield bound(found, len(month_ago.features), rows)
    yield _score(champion, now, quiet, bound)


def _peers_by_score(champion: Champion, now: Snapshot, bound: Bound) -> Iterator[Measure]:
    """Cohorts by the mean score, against the version's own earliest night of the last four weeks."""
    earliest = min((night for night in frames.score_nights(champion)
                    if now.as_of - BACK <= night < now.as_of), default=None)
    if now.score is None or earliest is None:
        yield _unknown(Family.PEERS, cohorts.SCORE, "no earlier night that this version scored")
        return
    before = frames.scores(champion, earliest, now.features.index)
    if before is None:
        return
    past, present = (one.to_frame(cohorts.SCORE) for one in (before, now.score))
    for one in cohorts.measure(past, present, groups(now), earliest):
        yield bound(one, len(before), len(now.score))


def _leavers(as_of: date, quiet: Baseline, nights: list[date]) -> Iterator[Measure]:
    """Who left in a week, and in four: a wave is seen at once where many are expected, a few weeks later elsewhere."""
    now = frames.active(as_of)
    for name, back in ((cohorts.LEAVERS, WEEK), (cohorts.LEAVERS_MONTH, BACK)):
        then = earlier(nights, as_of, back)
        before = frames.active(then) if then is not None else None
        if before is None or now is None or then is None:
            yield _unknown(Family.PEERS, name, f"no published roster of {back.days} days ago")
            continue
        yield from cohorts.more_leavers(cohorts.leavers(before, now, (as_of - then).days), quiet.leavers, name)


def _score(champion: Champion, now: Snapshot, quiet: Baseline, bound: Bound) -> Measure:
    """The scores against the version's own on quiet weeks; one that cannot be asked, against its first nights."""
    import numpy as np

    if now.score is None:
        return _unknown(Family.SCORE, scores.KS, "the version did not score this night")
    known, since = np.array(quiet.scores), "on quiet weeks"
    if not len(known):
        first = [night for night in frames.score_nights(champion) if night < now.as_of][:FIRST_NIGHTS]
        found = [one for night in first if (one := frames.scores(champion, night, now.features.index)) is not None]
        known = np.concatenate([one.to_numpy() for one in found]) if found else known
        since = f"on its first {len(found)} nights"
    return bound(scores.measure(known, now.score.to_numpy(), since), len(known), int(now.score.notna().sum()))


def _can_be_lost(measure: Measure, quiet: Baseline) -> bool:
    """Whether a pair dealt out anew would pass its bound: all it can lose is the correlation it had."""
    had = {pair.subject: abs(pair.correlation) for pair in quiet.pairs}[measure.subject]
    return measure.bound is None or measure.bound < 0.9 * had


def _unknown(family: Family, name: str, why: str) -> Measure:
    return Measure(family, name, "all", None, detail=why)
