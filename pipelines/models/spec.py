"""What a model is: one frozen value that training, gate, promotion and scoring read, and nothing else decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal


class Purpose(StrEnum):
    """What a person's data may be used for, in the words of 3GPP TS 29.503, `UcPurpose`."""

    MODEL_TRAINING = "MODEL_TRAINING"
    ANALYTICS = "ANALYTICS"


class Kind(StrEnum):
    """How a version computes its scores: by one booster, or by a formula over another model's scores and its heads."""

    CLASSIFIER = "classifier"
    FORMULA = "formula"


class FirstChampion(StrEnum):
    """What becomes of a passing version while no champion is in force."""

    FIRST_PASSING = "first_passing"  # it becomes champion from its own as_of, the comparison being not applicable
    BY_HAND = "by_hand"              # it waits for a person


@dataclass(frozen=True)
class Floor:
    """A bound one metric must meet: `at_least` or, when `is_ceiling`, at most `bound`."""

    metric: str
    bound: float
    is_ceiling: bool = False


@dataclass(frozen=True)
class Baseline:
    """A simple rival: the candidate's metric must beat it by at least `by` (negative: may lose by that much).

    `by` is absolute unless `is_share`: then it is a share of the baseline's own value.
    """

    name: str
    metric: str
    by: float
    lower_is_better: bool = False
    is_share: bool = False


@dataclass(frozen=True)
class Gate:
    """The statistical bar between a registered candidate and the champion's place."""

    min_rows: int
    min_positives: int
    floors: tuple[Floor, ...]
    baselines: tuple[Baseline, ...]
    compare_on: str                  # the metric of the paired comparison with the champion
    # A feature that ranks better by itself is the label in disguise. On IBM's Cognos telco tables the disguised ones
    # have 1.000 (status, reason, category), .950 (satisfaction) and .939 (another model's churn score), the honest
    # ones at most .766.
    max_alone_auc: float = 0.90
    bootstrap_rounds: int = 400
    confidence: float = 0.975        # one-sided
    # A better candidate is one whose lower bound is above this. Two fits of one configuration on other subscribers
    # differ truly, with a standard deviation of .003 AUC: a bound above 0 handed over in up to 7 % of such pairs.
    superiority: float = 0.003
    refresh_after_days: int = 90     # a champion older than this may be replaced by one that is not worse
    non_inferiority: float = 0.01    # by at most this much of `compare_on`
    # A slice of the rows that lost more than this of `compare_on` refuses, where the loss is no chance: one-sided,
    # Holm over all slices, so that an equal candidate is refused with at most this probability.
    max_slice_loss: float = 0.02
    slice_error: float = 0.025
    calibration: tuple[Floor, ...] = ()     # floors of how far the predicted amounts or probabilities may be off
    calibrated_by: str = "ece"              # the metric of which the champion's may be clearly less by at most ...
    max_calibration_loss: float = 0.005     # ... this
    # The label's mean in the candidate's frame against the champion's, as a ratio either way: frames overlap or follow
    # each other, so half as many leavers again in a quarter is an event a person must have seen, or poison.
    label_rate_band: float = 1.5
    # Scoring, in CPU seconds while training. Churn on a busy machine: 193,000 rows a second, a single row in .035 s.
    min_rows_per_second: float = 10_000
    max_row_seconds: float = 0.25
    max_slowdown: float = 3.0               # of the champion's time on the same rows in the same minute
    first_champion: FirstChampion = FirstChampion.FIRST_PASSING
    # Of the subscribers, how many may be told that they are likelier to leave and worth more, margins being as they
    # were. None: the model is not read beside another one.
    max_incoherent_share: float | None = None


@dataclass(frozen=True)
class Split:
    """How the recipe is evaluated. Windows are in days; the gap between slices is the label's horizon."""

    step_days: int = 7         # the grid of cut-offs
    max_cutoffs: int = 26      # the newest so many are used
    # With more labels, or more than TELCO_MEMORY_LIMIT holds, as many cut-offs as fit are used, evenly spread: their
    # labels overlap anyway.
    max_rows: int = 8_000_000
    max_slice_days: int = 56   # calibrate and test grow to this; what is left is for the fit
    folds: int = 5             # by subscriber, when there is too little history for three slices in time
    min_slice_positives: int = 20
    min_segment_rows: int = 300  # fewer rows of one operator, plan, ... are not judged by themselves
    interval_rounds: int = 200
    # A row whose subscriber a campaign contacted inside the label's window: its outcome is of somebody who was called.
    leave_out_contacted: bool = False


@dataclass(frozen=True)
class Slice:
    """A column by whose values the figures are told apart; a number by bands between `edges`, lower end included."""

    column: str
    edges: tuple[float, ...] = ()


@dataclass(frozen=True)
class Label:
    """A label mart: the label of cut-off D looks at [D, D + horizon) and is known, for ever, `grace_days` after that.

    `lookback_days`: how many days of drops before D its model reads beside those of the window.
    """

    name: str
    horizon_days: int
    grace_days: int
    lookback_days: int = 0

    @property
    def known_after(self) -> timedelta:
        """From a cut-off to the first as_of at which its label is known."""
        return timedelta(days=self.horizon_days + self.grace_days)


@dataclass(frozen=True)
class Shadow:
    """How many nights a passing version is scored beside the champion, and how far the two may differ on the worst.

    A better model orders people otherwise, so the bounds catch what is broken, not what is better: a share of 0.10
    in the same tenth and a rank correlation of 0 would be no relation at all.
    """

    nights: int = 3                     # 0: no shadow
    min_agreement: float = 0.15         # share in the same tenth
    min_rank_correlation: float = 0.5   # Spearman
    max_top_decile_churn: float = 0.7   # share of the champion's top tenth that is not in the challenger's
    max_shift: float = 0.75             # of the champion's mean: how far the distribution moved, per subscriber


@dataclass(frozen=True)
class Jump:
    """How far a version's scores may move from one published night to the next before a person must look."""

    max_mean_change: float = 0.5        # of the earlier night's mean
    max_ks: float = 0.25                # Kolmogorov-Smirnov distance of the two nights
    max_age_days: int = 7               # an older night says nothing of tonight
    min_rows: int = 100                 # of either night; fewer jump by themselves


@dataclass(frozen=True)
class ModelSpec:
    """One model. Everything that changes a fitted version is in here, and so in its digest."""

    name: str
    kind: Kind
    entity: str
    feature_service: str
    feature_tables: tuple[str, ...]  # published feature sets the service reads; checked before training
    label: str
    label_column: str
    horizon_days: int
    grace_days: int
    train_purpose: Purpose
    score_purpose: Purpose
    gate: Gate
    split: Split = Split()
    slices: tuple[Slice, ...] = ()
    seed: int = 20_260
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    intended_use: str = ""         # for the model card: what its scores are for
    limits: tuple[str, ...] = ()   # and what they are not good for
    expires_after_days: int = 3
    # What its reasons raise or lower. Retention has levers against a risk; against a chance nobody wants any.
    outcome: Literal["risk", "chance"] = "risk"
    label_lookback_days: int = 0   # of drops that the label's model reads from before the cut-off
    shadow: Shadow = Shadow()      # between gate and champion
    jump: Jump = Jump()            # between one night and the next

    @property
    def registered_name(self) -> str:
        return f"telco_{self.name}"

    def known_on(self, cutoff: date) -> date:
        """The first as_of at which the label of a cut-off is known: cut-off + horizon + grace."""
        return cutoff + self.label_mart.known_after

    @property
    def label_mart(self) -> Label:
        """What the warehouse must know to build the label."""
        return Label(self.label, self.horizon_days, self.grace_days, self.label_lookback_days)

    @property
    def digest(self) -> str:
        """Hex sha256 over every field that changes a version, stable across processes and machines."""
        # Words, the drops a label waits for, and what is watched afterwards fit no other version.
        told = ("intended_use", "limits", "outcome", "label_lookback_days", "shadow", "jump")
        content = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in told}
        content |= {"gate": asdict(self.gate), "split": asdict(self.split), "parameters": dict(self.parameters),
                    "slices": [asdict(part) for part in self.slices]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
