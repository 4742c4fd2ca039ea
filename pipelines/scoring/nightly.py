"""Score one night with one model: the champion in force, its verified bundle, one row per active subscriber."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pipelines import bundle as bundles
from pipelines import cost
from pipelines.decisions import record
from pipelines.errors import IntegrityError
from pipelines.governance.population import Population
from pipelines.models import spec_of
from pipelines.models.spec import Kind, ModelSpec
from pipelines.progress import Report, silent
from pipelines.publish import Dataset, Entry
from pipelines.reasons import Stability, stability
from pipelines.scoring.audit import audit
from pipelines.scoring.classifier import classify
from pipelines.scoring.extract import published
from pipelines.scoring.jump import guard
from pipelines.scoring.reading import Reading
from pipelines.scoring.shadow import shadow
from pipelines.scoring.standing import standing
from pipelines.scoring.table import THEMES, write
from pipelines.scoring.value import lifetime_value
from pipelines.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.promotion.comparison import Comparison

log = logging.getLogger(__name__)

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Scored:
    """What a night published for one model. `rows` and the counts of `excluded` add up to the roster.

    `stability` compares its reasons with those published for the night a week before, `shadow` its scores with those
    of the version in shadow; they are told, never published with it.
    """

    model: str
    version: int
    as_of: date
    rows: int
    excluded: dict[str, int] = field(default_factory=dict)
    stability: Stability | None = None
    shadow: Comparison | None = None


def scores_of(model: str) -> Dataset:
    """The published score partitions of a model."""
    return Dataset(settings().scores / model, ("as_of", "version"))


def key_of(as_of: date, version: int) -> dict[str, str]:
    return {"as_of": as_of.isoformat(), "version": str(version)}


@dataclass(frozen=True)
class Computed:
    """A night's scores before they are published. `unscored` counts whom the model left out of `people`."""

    spec: ModelSpec
    bundle: bundles.Bundle
    as_of: date
    table: pa.Table
    people: Population
    unscored: dict[str, int]
    features: dict[str, str]

    @property
    def left_out(self) -> dict[str, int]:
        """Everyone of the roster without a row, by reason."""
        return dict(sorted((self.people.excluded + Counter(self.unscored)).items()))


@cost.counted("score", lambda scored: {
    "rows_in": scored.rows + sum(scored.excluded.values()), "rows_out": scored.rows})
def score(
    model: str, as_of: date, *, reading: Reading | None = None, accept_jump: str = "", by: str = "",
    report: Report = silent,
) -> Scored:
    """Score everyone active at as_of once and publish the partition (as_of, version). Safe to repeat: same bytes.

    The models of a night share a `reading` of it, and read what they have in common once.

    Raises NoChampion when none is in force (the night is skipped, not failed), IntegrityError when no version of the
    champion log is whole (`standing` says who stands in), Held when a subscriber would be missing, doubled or without
    a finite score, or when the scores jumped and `accept_jump` does not say why that is right (`by` whom). The
    version in shadow, if there is one, is scored beside it.
    """
    reading = reading or Reading(as_of)
    if reading.as_of != as_of:
        raise ValueError(f"{model} {as_of}: given a reading of {reading.as_of}")
    spec, found = spec_of(model), standing(model, as_of)
    version = found.champion.version
    report(f"{model}: scoring {as_of} with version {version}")
    computed = compute(spec, found.bundle, reading)
    jumped = guard(spec, version, as_of, computed.table, accept_jump, by)
    if jumped:
        record("approval", f"scores/{model}:{version}", as_of=as_of.isoformat(), by=by, **jumped)
    publish(scores_of(model), computed, {**found.inputs, **jumped})
    log.info("scored model=%s as_of=%s rows=%d version=%d", model, as_of, len(computed.table), version)
    steady = since_last_week(model, as_of) if spec.kind is Kind.CLASSIFIER else None
    if steady is not None:
        report(f"{model}: first reason as a week ago for {steady.same_first:.1%} of {steady.subscribers} subscribers")
    beside = shadow(spec, reading, found.champion, report=report)
    return Scored(model, version, as_of, len(computed.table), computed.left_out, steady, beside)


def compute(spec: ModelSpec, bundle: bundles.Bundle, reading: Reading) -> Computed:
    """Everyone who may be scored that night, with a score of this bundle. Raises Held as `score` does."""
    _check_bundle(bundle, spec, bundle.version)
    # The version's own service, not the spec's: a spec that names a new one trains with it, while the champion of the
    # old one goes on scoring until a version of the new one has had its shadow nights.
    as_of, read = reading.as_of, reading.of(spec.score_purpose, bundle.feature_service)
    if spec.kind is Kind.FORMULA:
        scores, unscored = lifetime_value(bundle, spec, read.table, as_of)
    else:
        scores, unscored = classify(bundle, read.table, as_of), {}
    return Computed(spec, bundle, as_of, _stamped(scores, spec, bundle.version, as_of), read.people, unscored,
                    read.features)


def publish(dataset: Dataset, computed: Computed, inputs: Mapping[str, Any]) -> Entry:
    """Audit and publish the partition (as_of, version) of a dataset in the form of scores."""
    return dataset.publish(
        key_of(computed.as_of, computed.bundle.version),
        lambda path: write(computed.table, computed.spec, path),
        audit=lambda path: audit(path, computed.spec, computed.people, computed.unscored),
        inputs={"bundle": computed.bundle.sha256, "features": computed.features, "excluded": computed.left_out,
                "processing": computed.people.leave.told(), **inputs},
    )


def since_last_week(model: str, as_of: date) -> Stability | None:
    """How many are told the same as seven nights before; None unless both nights are published, with themes."""
    columns = ("subscriber_id", *THEMES)
    before = published(model, as_of - WEEK, columns)
    now = published(model, as_of, columns) if before is not None else None
    return None if before is None or now is None else stability(before, now, THEMES)


def _check_bundle(bundle: bundles.Bundle, spec: ModelSpec, version: int) -> None:
    if (bundle.model, bundle.version) != (spec.name, version):
        raise IntegrityError(f"{bundle.directory}: holds {bundle.model} v{bundle.version}, not {spec.name} v{version}")


def _stamped(table: pa.Table, spec: ModelSpec, version: int, as_of: date) -> pa.Table:
    """Add what a person must know of every row: which night, which model, until when it may be used."""
    import pyarrow as pa

    from pipelines.clock import midnight

    expires = midnight(as_of + timedelta(days=spec.expires_after_days)).replace(tzinfo=None)
    for name, kind, value in (
        ("as_of", pa.date32(), as_of), ("model", pa.string(), spec.name),
        ("model_version", pa.int64(), version), ("expires_at", pa.timestamp("us"), expires),
    ):
        table = table.append_column(name, pa.repeat(pa.scalar(value, kind), len(table)))
    return table
