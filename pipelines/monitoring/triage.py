"""From the measures of a night to one cause and one action: a pure function, with the columns and cohorts that say so.

Read in this order, and the first that speaks is the cause:

1. broken feed: a feed, a join or the missing shares are off, or one source moved overnight and the others did not, and
   no known change says why. It holds: what follows was computed from broken data, and a version trained on it would
   learn the fault.
2. unknown: too few rows, no measure, a crash, most columns not comparable.
3. concept shift: on matured labels the version is off by more than their noise, or more people leave than did.
4. known change: prices, a region's vendor or an operator changed, and what moved is what such a change moves.
5. season: what moved looks like the same night a year ago.
6. population shift: enough inputs moved, or a few did and the scores or the classifier say so too.
7. quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pipelines.monitoring.cause import (
    COUNTED,
    FAR,
    LEAVERS,
    MISSING,
    STORM,
    THRESHOLDS,
    Action,
    Cause,
    Change,
    Context,
    Thresholds,
    Triage,
    names,
)
from pipelines.monitoring.measure import Family, Measure, Status

__all__ = ["THRESHOLDS", "Action", "Cause", "Change", "Context", "Thresholds", "Triage", "triage"]


@dataclass(frozen=True)
class _Night:
    """The measures in alarm, those a known change explains apart from the rest."""

    measures: tuple[Measure, ...]
    context: Context
    explained: tuple[Measure, ...] = field(init=False)
    alarms: tuple[Measure, ...] = field(init=False)

    def __post_init__(self) -> None:
        alarmed = [each for each in self.measures if each.status is Status.ALARM]
        is_told = {id(each) for each in alarmed for change in self.context.changes
                   if change.explains(each, is_new=self.is_new(change))}
        object.__setattr__(self, "explained", tuple(each for each in alarmed if id(each) in is_told))
        object.__setattr__(self, "alarms", tuple(each for each in alarmed if id(each) not in is_told))

    def is_new(self, change: Change) -> bool:
        """Whether it became known within the last nights."""
        age = self.context.as_of - change.known_on
        return timedelta(0) <= age < timedelta(days=self.context.thresholds.new_days)

    def of(self, *families: Family) -> tuple[Measure, ...]:
        return tuple(each for each in self.alarms if each.family in families)


def triage(measures: Sequence[Measure], context: Context) -> Triage:
    """The cause of a night and what to do. Pure; the order of the measures does not matter."""
    ordered = sorted(measures, key=lambda each: (each.family, each.name, each.subject))
    night = _Night(tuple(ordered), context)
    for judge in (_broken_feed, _unknown, _concept_shift, _known_change, _season, _population_shift):
        found = judge(night)
        if found is not None:
            return _cooled(found, context)
    moved = night.of(Family.INPUT, Family.PEERS)
    return _told(Cause.QUIET, Action.NONE, moved, ["within bounds together"] if moved else [])


def _broken_feed(night: _Night) -> Triage | None:
    """Data first. A column that lost values, values that changed their owners overnight: a feed's or a join's doing."""
    feeds = night.of(Family.QUALITY)
    joins = _sure(night.of(Family.CONTINUITY, Family.ASSOCIATION))
    lost = tuple(each for each in night.of(Family.INPUT)
                 if each.name == MISSING and (each.value or 0.0) >= night.context.thresholds.lost_share)
    if feeds or joins or lost:
        return _told(Cause.BROKEN_FEED, Action.HOLD, (*feeds, *lost, *joins))
    storm = _storm(night)
    if storm is None:
        return None
    return _told(Cause.BROKEN_FEED, Action.HOLD, [each for each in night.of(Family.INPUT) if each.subject in storm[1]],
                 [f"most of {storm[0]} moved overnight and the other sources did not"], first=True)


def _sure(joins: tuple[Measure, ...]) -> tuple[Measure, ...]:
    """A wrong join deals out all columns of a source: one column just beyond its bound is chance."""
    far = any((each.value or 0.0) >= FAR * (each.bound or 0.0) for each in joins)
    return joins if far or len({each.subject for each in joins}) > 1 else ()


def _storm(night: _Night) -> tuple[str, frozenset[str]] | None:
    """The source most of whose columns moved since the night before while the others stood, and those columns.

    People change over the weeks of a window, and in more than one source; a feed that sends zeros does it overnight.
    """
    context, tables = night.context, night.context.sources
    if context.before is None:
        return None
    moved = {each.subject for each in night.of(Family.INPUT)}
    measured = set(_columns(night.measures))
    for source in sorted(set(tables.values())):
        own = {name for name in measured if tables.get(name) == source}
        fresh, others = (moved & own) - context.before, measured - own
        if own and len(fresh) > STORM * len(own) and others and (
                len(moved - own) < context.thresholds.drifted_share * len(others)):
            return source, frozenset(fresh)
    return None


def _unknown(night: _Night) -> Triage | None:
    context, bounds = night.context, night.context.thresholds
    thin = [f"{rows} rows in {where}, fewer than {bounds.min_rows}"
            for rows, where in ((context.reference_rows, "the training sample"), (context.current_rows, "the night"))
            if rows < bounds.min_rows]
    if thin:
        return Triage(Cause.UNKNOWN, Action.NONE, tuple(thin))
    inputs = _columns(night.measures)
    if not inputs:
        return Triage(Cause.UNKNOWN, Action.NONE, ("no input was measured",))
    blind = [name for name, of in inputs.items()
             if all(each.status is Status.UNKNOWN for each in of if each.name not in COUNTED)]
    if len(blind) > bounds.unknown_share * len(inputs):
        why = sorted({f"{name}: {of.detail}" for name in blind for of in inputs[name] if of.detail})
        return Triage(Cause.UNKNOWN, Action.NONE,
                      (f"{len(blind)} of {len(inputs)} columns could not be compared", *why), tuple(blind))
    return None


def _concept_shift(night: _Night) -> Triage | None:
    """What was learned no longer holds. Matured labels are worth a training; a leading sign is told before them."""
    matured = night.of(Family.PERFORMANCE)
    leaving = tuple(each for each in night.of(Family.PEERS) if each.name in LEAVERS)
    if matured:
        changes = [f"since a known change: {change.what}" for change in night.context.changes]
        return _told(Cause.CONCEPT_SHIFT, Action.RETRAIN, (*matured, *leaving), changes)
    if leaving and not any(map(night.is_new, night.context.changes)):
        return _told(Cause.CONCEPT_SHIFT, Action.FLAG, leaving, [
            "a leading sign: a training would learn nothing of it before its labels mature"])
    return None


def _known_change(night: _Night) -> Triage | None:
    """Flagged: its rows have no labels yet. Once they have, matured performance says whether to train."""
    moved = _count(night.explained)
    is_most = moved > 0 and moved >= night.context.thresholds.explained_share * _count(
        (*night.explained, *night.of(Family.INPUT, Family.SCORE, Family.PEERS, Family.CLASSIFIER)))
    if not (is_most or any(map(night.is_new, night.context.changes))):
        return None
    told = [f"{change.what} (known from {change.known_on})" for change in night.context.changes]
    return _told(Cause.KNOWN_CHANGE, Action.FLAG, night.explained, told, first=True)


def _season(night: _Night) -> Triage | None:
    last_year, bounds = night.context.last_year, night.context.thresholds
    moved = sorted({name for each in night.of(Family.INPUT) for name in names(each)})
    if last_year is None or not moved or not _is_shift(night):
        return None
    alike = [name for name in moved if _is_alike(last_year.get(name), bounds.season_psi)]
    if len(alike) < bounds.explained_share * len(moved):
        return None
    told = f"{len(alike)} of {len(moved)} moved columns are where they were 52 weeks ago"
    return _told(Cause.SEASON, Action.FLAG, [e for e in night.of(Family.INPUT) if set(names(e)) & set(alike)], [told],
                 first=True)


def _population_shift(night: _Night) -> Triage | None:
    """A retrain when the shift is surely not the season's, or when it reaches the scores; a cohort's alone is told.

    Without last year's night nobody can tell season from shift by the inputs alone. Then a shift that leaves the
    scores where they were costs nothing until the weekly training; one that moves them may already decide wrongly.
    """
    alarms = night.of(Family.INPUT, Family.SCORE, Family.CLASSIFIER, Family.PEERS)
    if not _is_shift(night):
        cohorts = _moved_cohorts(night)
        if not cohorts:
            return None
        return _told(Cause.POPULATION_SHIFT, Action.FLAG, cohorts, ["a cohort moved and its peers did not"])
    moved = {each.subject for each in night.of(Family.INPUT)}
    told = [f"{len(moved)} of {len(_columns(night.measures))} columns moved"]
    broken = [day for day in night.context.held
              if timedelta(0) < night.context.as_of - day <= timedelta(days=night.context.thresholds.window_days)]
    if broken:
        told.append(f"a feed was broken on {max(broken)}: its days are still in what was computed tonight")
        return _told(Cause.POPULATION_SHIFT, Action.FLAG, alarms, told, first=True)
    if night.context.last_year is None:
        told.append("no same weeks last year")
        if not night.of(Family.SCORE):
            told.append("the scores are where they were: no training before the weekly one")
            return _told(Cause.POPULATION_SHIFT, Action.FLAG, alarms, told, first=True)
    return _told(Cause.POPULATION_SHIFT, Action.RETRAIN, alarms, told, first=True)


def _moved_cohorts(night: _Night) -> list[Measure]:
    """Of cohorts that moved in two columns or more: one alone is a cell under repair more often than people."""
    alarms = night.of(Family.PEERS)
    columns: dict[str, set[str]] = {}
    for each in alarms:
        columns.setdefault(each.subject, set()).add(each.name)
    return [each for each in alarms if len(columns[each.subject]) > 1]


def _is_shift(night: _Night) -> bool:
    """Enough columns, or some together with the classifier or the scores."""
    moved = {each.subject for each in night.of(Family.INPUT)}
    inputs = _columns(night.measures)
    if not moved:
        return False
    return len(moved) >= night.context.thresholds.drifted_share * len(inputs) or bool(
        night.of(Family.SCORE, Family.CLASSIFIER))


def _cooled(found: Triage, context: Context) -> Triage:
    """One retrain per so many days, whichever night is judged first: a storm of drift makes one."""
    if found.action is not Action.RETRAIN:
        return found
    near = [day for day in context.asked
            if day != context.as_of and abs((day - context.as_of).days) < context.thresholds.cool_down_days]
    if not near:
        return found
    why = f"drift asked for a retrain on {max(near)}; the next may be asked for {context.thresholds.cool_down_days} " \
          "days from it"
    return Triage(found.cause, Action.FLAG, (*found.reasons, why), found.columns, found.cohorts)


def _told(
    cause: Cause, action: Action, because: Iterable[Measure], words: Sequence[str] = (), *, first: bool = False
) -> Triage:
    """The verdict with its sentences: `words` before the measures when `first`, else after them."""
    alarms = list(because)
    sentences = tuple(dict.fromkeys(sentence(each) for each in sorted(alarms, key=_worst_first)))
    reasons = (*words, *sentences) if first else (*sentences, *words)
    columns = {name for each in alarms for name in names(each) if not _is_cohort(each, name)}
    cohorts = {name for each in alarms for name in names(each) if _is_cohort(each, name)}
    return Triage(cause, action, tuple(reasons), tuple(sorted(columns)), tuple(sorted(cohorts)))


def sentence(measure: Measure) -> str:
    """One alarm in words: `data_mb_30d: psi 0.61, bound 0.18 (detail)`; a cohort's names its column second."""
    value = "unknown" if measure.value is None else f"{measure.value:.3g}"
    bound = "" if measure.bound is None else f", bound {measure.bound:.3g}"
    return f"{measure.subject}: {measure.name} {value}{bound}" + (f" ({measure.detail})" if measure.detail else "")


def _worst_first(measure: Measure) -> tuple[int, float, str]:
    first = (Family.QUALITY, Family.PERFORMANCE)
    order = first.index(measure.family) if measure.family in first else len(first) + list(Family).index(measure.family)
    return order, -(measure.value or 0.0) / (measure.bound or 1.0), measure.subject


def _columns(measures: Iterable[Measure]) -> dict[str, list[Measure]]:
    """The measures of each input column."""
    found: dict[str, list[Measure]] = {}
    for each in measures:
        if each.family is Family.INPUT:
            found.setdefault(each.subject, []).append(each)
    return found


def _is_cohort(measure: Measure, name: str) -> bool:
    return measure.family is Family.PEERS or "=" in name


def _count(measures: Iterable[Measure]) -> int:
    return len({each.subject for each in measures})


def _is_alike(psi: float | None, bound: float) -> bool:
    return psi is not None and 0 <= psi < bound
