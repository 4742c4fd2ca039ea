"""Score one night with one model: the champion in force, its verified bundle, one row per active subscriber."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pipelines import bundle as bundles
from pipelines.errors import Held, IntegrityError, NoChampion
from pipelines.governance.population import population
from pipelines.models import spec_of
from pipelines.models.spec import Kind, ModelSpec
from pipelines.progress import Report, silent
from pipelines.publish import Dataset
from pipelines.reasons import Stability, stability
from pipelines.scoring.audit import audit
from pipelines.scoring.classifier import classify
from pipelines.scoring.extract import published_scores
from pipelines.scoring.table import THEMES, write
from pipelines.scoring.value import lifetime_value
from pipelines.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Scored:
    """What a night published for one model. `rows` and the counts of `excluded` add up to the roster.

    `stability` compares its reasons with those published for the night a week before; it is told, never published.
    """

    model: str
    version: int
    as_of: date
    rows: int
    excluded: dict[str, int] = field(default_factory=dict)
    stability: Stability | None = None


def scores_of(model: str) -> Dataset:
    """The published score partitions of a model."""
    return Dataset(settings().scores / model, ("as_of", "version"))


def key_of(as_of: date, version: int) -> dict[str, str]:
    return {"as_of": as_of.isoformat(), "version": str(version)}


def score(model: str, as_of: date, *, report: Report = silent) -> Scored:
    """Score everyone active at as_of once and publish the partition (as_of, version). Safe to repeat: same bytes.

    Raises NoChampion when none is in force (the night is skipped, not failed), IntegrityError when the bundle is not
    the one the champion log recorded, Held when a subscriber would be missing, doubled or without a finite score.
    """
    from pipelines import champions, features

    spec = spec_of(model)
    champion = champions.in_force(model, as_of)
    if champion is None:
        raise NoChampion(f"{model} {as_of}: no champion is in force; train one first: telco train {model} --as-of DAY")
    bundle = bundles.load(bundles.path_of(model, champion.version), expected=champion.sha256)
    _check_bundle(bundle, spec, champion.version)
    report(f"{model}: scoring {as_of} with version {champion.version}")
    people = population(spec.score_purpose, as_of)
    everyone = features.scoring_frame(spec.feature_service, as_of)
    features.prove_equal(spec.feature_service, as_of, everyone)
    frame = people.only(everyone)
    if spec.kind is Kind.FORMULA:
        table, unscored = lifetime_value(bundle, spec, frame, as_of)
    else:
        table, unscored = classify(bundle, frame, as_of), {}
    left_out = people.excluded + Counter(unscored)
    stamped = _stamped(table, spec, champion.version, as_of)
    scores_of(model).publish(
        key_of(as_of, champion.version),
        lambda path: write(stamped, spec.kind, path),
        audit=lambda path: audit(path, spec.kind, people, unscored),
        inputs={
            "bundle": bundle.sha256,
            "features": features.partition_digests(spec.feature_service, as_of),
            "excluded": dict(sorted(left_out.items())),
            "processing": people.leave.told(),
        },
    )
    log.info("scored model=%s as_of=%s rows=%d version=%d", model, as_of, len(stamped), champion.version)
    steady = since_last_week(model, as_of) if spec.kind is Kind.CLASSIFIER else None
    if steady is not None:
        report(f"{model}: first reason as a week ago for {steady.same_first:.1%} of {steady.subscribers} subscribers")
    return Scored(model, champion.version, as_of, len(stamped), dict(sorted(left_out.items())), steady)


def since_last_week(model: str, as_of: date) -> Stability | None:
    """How many are told the same as seven nights before; None unless both nights are published, with themes."""
    columns = ("subscriber_id", *THEMES)
    before, now = (published_scores(model, day, columns) for day in (as_of - WEEK, as_of))
    return None if before is None or now is None else stability(before, now, THEMES)


def _check_bundle(bundle: bundles.Bundle, spec: ModelSpec, version: int) -> None:
    if (bundle.model, bundle.version) != (spec.name, version):
        raise IntegrityError(f"{bundle.directory}: holds {bundle.model} v{bundle.version}, not {spec.name} v{version}")
    if bundle.feature_service != spec.feature_service:
        raise Held(f"{spec.name} v{version}",
                   [f"trained with {bundle.feature_service}, the spec now says {spec.feature_service}"],
                   "train a version with this service; until it is promoted keep the old service in the spec")


def _stamped(table: pa.Table, spec: ModelSpec, version: int, as_of: date) -> pa.Table:
    """Add what a person must know of every row: which night, which model, until when it may be used."""
    import pyarrow as pa

    from pipelines.clock import midnight

    expires = midnight(as_of + timedelta(days=spec.expires_after_days)).replace(tzinfo=None)
    for name, kind, value in (
        ("as_of", pa.date32(), as_of), ("model", pa.string(), spec.name),
        ("model_version", pa.int64(), version), ("expires_at", pa.timestamp("us"), expires),
    ):
        table = table.append_column(name, pa.array([value] * len(table), type=kind))
    return table
