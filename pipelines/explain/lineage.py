"""Where one score comes from: score -> model version -> training frame -> feature partitions -> raw files, by sha256.

Every file named is read and compared with the digest its manifest states, and every digest one step recorded of the
step before is compared with what stands there now. So a walk that ends says that nothing in between was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.errors import Held, IntegrityError
from pipelines.explain import probability, value
from pipelines.explain.facts import holding
from pipelines.explain.published import Published, Unscored, published
from pipelines.features.frames import verify
from pipelines.landing import raw
from pipelines.landing.contract import Feed
from pipelines.landing.senders import feed as sent_feed
from pipelines.models import spec_of
from pipelines.models.spec import Kind
from pipelines.publish import LIVE, Dataset, Entry
from pipelines.settings import settings


@dataclass(frozen=True)
class Step:
    """One thing the score was made of. `sha256` is what its manifest states and its bytes were found to have."""

    kind: str  # score, model, training, features, raw
    name: str
    sha256: str
    told: str


@dataclass(frozen=True)
class Lineage:
    """The walk from a published measure back to raw files. `raw_files` counts all that were known by as_of."""

    model: str
    version: int
    subscriber_id: str
    as_of: date
    measure: str
    published: float
    steps: tuple[Step, ...]
    raw_files: int


def measure_of(model: str) -> str:
    """The column of a model's scores that a person asks about."""
    return value.MEASURE if spec_of(model).kind is Kind.FORMULA else probability.MEASURE


def lineage(model: str, subscriber_id: str, as_of: date) -> Lineage:
    """Walk back from the published score of the champion in force at as_of.

    Raises Held when there is no such score, IntegrityError naming the first file that is not what was recorded.
    """
    measure = measure_of(model)
    try:
        night = published(model, subscriber_id, as_of, measure)
    except Unscored as why:
        raise Held(f"lineage {subscriber_id} {as_of}", [str(why)]) from None
    score = _entry_of(model, as_of, night)
    drops = list(_drops(as_of))
    steps = (
        Step("score", _place(night.path), score.sha256,
             f"{measure} {night.row[measure]}, one of {score.rows:,} rows"),
        *_model(night), *_features(score, night, as_of, drops),
        *_raw(subscriber_id, as_of, drops),
    )
    return Lineage(model, night.champion.version, subscriber_id, as_of, measure, float(night.row[measure]), steps,
                   len(drops))


def _entry_of(model: str, as_of: date, night: Published) -> Entry:
    from pipelines.scoring.nightly import key_of, scores_of

    entry = scores_of(model).entry(key_of(as_of, night.bundle.version))
    assert entry is not None  # noqa: S101  published() has just read it
    return entry


def _model(night: Published) -> Iterator[Step]:
    champion, facts = night.champion, night.bundle.facts
    yield Step("model", _place(night.bundle.directory), night.bundle.sha256,
               f"{champion.model} v{champion.version}, in force from {champion.from_as_of}: {champion.reason}")
    cutoffs = facts.get("cutoffs") or ["unknown"]
    yield Step("training", f"{facts.get('rows', 0):,} rows, {len(cutoffs)} cut-offs", str(facts.get("frame_digest")),
               f"{cutoffs[0]} to {cutoffs[-1]}, trained as of {facts.get('trained_as_of')}, "
               f"{night.bundle.feature_service}")
    if "ltv" in facts and "churn_version" in facts["ltv"]:
        pinned = facts["ltv"]
        yield Step("model", f"pinned churn v{pinned['churn_version']}", str(pinned["churn_sha256"]),
                   "whose probability is month one")


def _features(score: Entry, night: Published, as_of: date, drops: list[tuple[Feed, Entry]]) -> Iterator[Step]:
    """The partitions the score recorded, each still those bytes, made from the very raw drops that stand now."""
    from pipelines.warehouse.publication import raw_digest

    now = raw_digest(as_of)
    for dataset, recorded in sorted(score.inputs["features"].items()):
        path = verify(dataset, as_of)
        entry = Dataset(settings().features / dataset, ("as_of",)).entry({"as_of": as_of.isoformat()})
        if entry is None or entry.sha256 != recorded:
            raise IntegrityError(f"{path}: {night.path} was made from sha256 {recorded[:12]}, which is not what is "
                                 "published now; restore features and scores from one backup")
        if entry.inputs.get("raw_sha256") != now:
            raise IntegrityError(f"{path}: made from other raw drops than the {len(drops)} that raw/ holds as known by "
                                 f"{as_of}; restore raw/ and features/ from one backup")
        yield Step("features", _place(path), entry.sha256, f"{entry.rows:,} rows, of {len(drops):,} raw drops")


def _drops(as_of: date) -> Iterator[tuple[Feed, Entry]]:
    """Every publication of every delivered feed that was known by as_of."""
    from pipelines.estate import estate

    for feed_id in estate().delivered():
        for entry in raw.dataset(sent_feed(feed_id)).publications():
            if entry.known_on and entry.known_on <= as_of.isoformat():
                yield sent_feed(feed_id), entry


def _raw(subscriber_id: str, as_of: date, drops: list[tuple[Feed, Entry]]) -> Iterator[Step]:
    """The files with rows of this subscriber, or of who held the same numbers or paid; compared with their manifest."""
    rows = holding(subscriber_id, as_of)
    for feed, entry in {(feed.id, entry.key["dt"]): (feed, entry) for feed, entry in drops}.values():
        path = raw.dataset(feed).live(entry.key)
        if not rows.get(path):
            continue
        raw.dataset(feed).verify(entry.key)
        standing = raw.dataset(feed).entry(entry.key)
        files = raw.drops(standing) if standing else []
        dropped = ", ".join(f"v{one['version']} {one['sha256'][:12]}" for one in files) or "unknown"
        yield Step("raw", _place(path), standing.sha256 if standing else "",
                   f"{rows[path]:,} rows read for this subscriber; dropped as {dropped}")


def _place(path: Path) -> str:
    return str(path.relative_to(settings().home))


def as_rows(found: Lineage) -> list[tuple[Any, ...]]:
    """The steps as a table's rows: kind, what (a partition by its folder), sha256 short, words."""
    return [(step.kind, step.name.removesuffix(f"/{LIVE}"), step.sha256[:12], step.told) for step in found.steps]
