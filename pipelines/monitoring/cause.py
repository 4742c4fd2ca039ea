"""What triage is told and what it says: causes and actions, known changes, the facts beside a night's measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from pipelines.monitoring.measure import Family, Measure

MISSING = "missing"   # the name of an input's missing share
COUNTED = frozenset({MISSING, "new_categories"})  # of an input: known even where no distance is, and no pass by itself
LEAVERS = frozenset({"leavers", "leavers_month"})  # of a cohort's leading sign: more left than in the weeks before
STORM = 0.5           # of a source's columns, overnight
VENDOR = "vendor"     # the kind of a change of equipment
FAR = 2.0             # times its bound: so much of one column alone is a broken join
SCORE = "score"       # of a cohort's scores against its peers'


class Cause(StrEnum):
    BROKEN_FEED = "broken_feed"
    KNOWN_CHANGE = "known_change"
    SEASON = "season"
    POPULATION_SHIFT = "population_shift"
    CONCEPT_SHIFT = "concept_shift"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What becomes of a night. Only `retrain` starts a training; `hold` stops and waits for a person."""

    HOLD = "hold"
    RETRAIN = "retrain"
    FLAG = "flag"
    NONE = "none"


@dataclass(frozen=True)
class Thresholds:
    """When measures together are a cause. Each measure's own bound is calibrated where it is measured."""

    min_rows: int = 200
    # A share, not any one: of fifty columns some move every month, and each false alarm costs a training.
    drifted_share: float = 0.15
    # A column that lost so much of its values did not lose them by what people do. Less is drift like any other.
    lost_share: float = 0.10
    # With more than half of the columns unmeasured, silence about the rest says little.
    unknown_share: float = 0.5
    # Of what moved, so much must look like last year's same night to be called season, be a known change's to be
    # called that.
    explained_share: float = 0.7
    # PSI against the same night a year ago below which a column is where it was then (Siddiqi 2006: 0.1, no change).
    season_psi: float = 0.1
    new_days: int = 7         # a known change is told on so many nights, whether or not anything moved
    cool_down_days: int = 28  # between two retrains that drift asked for
    window_days: int = 30     # how long the days of a broken feed stay in what is computed from them


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Change:
    """A fact of the published data: `what` in words, known from `known_on`, and what such a change moves.

    `columns` are features; `cohorts`, written `region=north`, are those whose scores and leaving it moves; `feeds`, by
    how their names begin, are those whose rows it changes while it is new. A new operator (`is_everything`) may move
    any column.
    """

    kind: str
    known_on: date
    what: str
    columns: frozenset[str] = frozenset()
    cohorts: frozenset[str] = frozenset()
    feeds: tuple[str, ...] = ()
    is_everything: bool = False

    def explains(self, measure: Measure, *, is_new: bool = True) -> bool:
        """Whether this change moves the measure's feed, column, one of its pair, or its cohort's scores and leaving."""
        if measure.family is Family.QUALITY:
            return is_new and measure.subject.startswith(self.feeds or ("\0",))
        if self.is_everything:
            return measure.family is not Family.PERFORMANCE
        if measure.family is Family.PEERS:
            # A price list moves plans and contracts wherever they are; equipment its own region.
            is_its_own = measure.subject in self.cohorts
            if self.kind == VENDOR or measure.name in (SCORE, *LEAVERS):
                return is_its_own and (self.kind != VENDOR or measure.name in self.columns)
            return measure.name in self.columns
        return any(name in self.columns for name in names(measure))


@dataclass(frozen=True)
class Context:
    """What triage must know beside the measures. `last_year`: PSI of a column tonight against the same night 52 weeks
    ago; None when none is published. `asked`: the other nights on which drift asked for a retrain. `held`: earlier
    nights on which a feed was broken. `sources`: the table of each column. `before`: the columns in alarm on the night
    watched last; None when none was.
    """

    model: str
    as_of: date
    reference_rows: int
    current_rows: int
    changes: tuple[Change, ...] = ()
    last_year: Mapping[str, float | None] | None = None
    asked: tuple[date, ...] = ()
    held: tuple[date, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    before: frozenset[str] | None = None
    thresholds: Thresholds = THRESHOLDS


@dataclass(frozen=True)
class Triage:
    """One cause, what to do, why in words; `columns` and `cohorts` are the subjects that say so."""

    cause: Cause
    action: Action
    reasons: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    cohorts: tuple[str, ...] = ()


def names(measure: Measure) -> list[str]:
    """The columns or cohorts of a subject: a pair is written `a ~ b`."""
    return [part.strip() for part in measure.subject.split("~")]
