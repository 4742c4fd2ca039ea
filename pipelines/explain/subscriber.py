"""One subscriber at one as_of: who is asked for, whether the night knows them, and everything behind their scores."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.errors import Held, UsageError
from pipelines.explain.facts import PREFIX, Section, facts, terms
from pipelines.explain.probability import Probability, probability
from pipelines.explain.published import EXCLUSIONS, Unscored
from pipelines.explain.value import Value, value
from pipelines.models import SPECS, spec_of
from pipelines.models.spec import Kind, ModelSpec
from pipelines.publish import Dataset
from pipelines.reasons import said
from pipelines.reasons.phrases import PHRASES
from pipelines.settings import settings

log = logging.getLogger(__name__)

_GOLDEN_ID = re.compile(PREFIX + r"[0-9a-z]{1,64}")
_ROSTER = ("operator", "region", "segment", "contract_type", "tenure_days")  # no age band: it is for fairness alone


@dataclass(frozen=True)
class Feature:
    """One published value. `words` is how a reason would say it."""

    name: str
    theme: str
    value: Any
    words: str


@dataclass(frozen=True)
class Explanation:
    """Everything behind the scores of one night. `unscored` says by model why it has none of this subscriber."""

    subscriber_id: str
    as_of: date
    roster: Mapping[str, Any]
    facts: Sequence[Section]
    features: Sequence[Feature]
    scores: Mapping[str, Probability | Value]
    unscored: Mapping[str, str]


def explain(subscriber_id: str, as_of: date, models: Sequence[str] = ()) -> Explanation:
    """Explain the published scores of these models (all of them by default). Reads raw/ and published partitions only.

    Raises UsageError for what is no golden id or nobody of that night, Held when the night is not published, when the
    subscriber was excluded, or when no model scored them; IntegrityError when a score is not what its bundle gives.
    """
    specs = [spec_of(model) for model in models or SPECS]
    if not _GOLDEN_ID.fullmatch(subscriber_id):  # not echoed: it may be a number somebody is called on
        raise UsageError("explain: a subscriber is named by subscriber_id (sub_... as in the extract), never by a "
                         "number or a name")
    roster = _roster(subscriber_id, as_of)
    values = _features(specs, subscriber_id, as_of)
    scores: dict[str, Probability | Value] = {}
    unscored: dict[str, str] = {}
    for spec in specs:
        try:
            scores[spec.name] = _score(spec, subscriber_id, as_of, values)
        except Unscored as why:
            unscored[spec.name] = str(why)
    if not scores:
        raise Held(f"explain {subscriber_id} {as_of}", list(unscored.values()),
                   f"active on this night, but not scored: telco night --as-of {as_of}, or ask for another night")
    told = facts(subscriber_id, as_of)
    log.info("explained subscriber=%s as_of=%s models=%s", subscriber_id, as_of, ",".join(scores))
    return Explanation(subscriber_id, as_of, roster, told, _said(values), scores, unscored)


def _score(spec: ModelSpec, subscriber_id: str, as_of: date, values: Mapping[str, Any]) -> Probability | Value:
    if spec.kind is Kind.FORMULA:
        return value(spec, subscriber_id, as_of)
    return probability(spec.name, subscriber_id, as_of, values)


def _roster(subscriber_id: str, as_of: date) -> Mapping[str, Any]:
    """What the roster says of an active subscriber; every other case is an error that says why."""
    rosters = Dataset(settings().features / "roster", ("as_of",))
    if rosters.entry({"as_of": as_of.isoformat()}) is None:
        nights = [key[0] for key in rosters.entries()]
        there = f"published are {len(nights)} as_ofs, {nights[0]} to {nights[-1]}" if nights else "none is published"
        raise Held(f"explain {subscriber_id} {as_of}", [f"this as_of is not published; {there}"],
                   f"ask for one of them, or: telco night --as-of {as_of}")
    found = _row("roster", subscriber_id, as_of, [*_ROSTER, "is_active", "exclusion"])
    if found is None:
        why = _why_missing(subscriber_id, as_of)
        raise UsageError(f"explain: {subscriber_id} is not on the roster of {as_of}: {why}")
    if not found["is_active"]:
        why = EXCLUSIONS.get(found["exclusion"], "")
        raise Held(f"explain {subscriber_id} {as_of}",
                   [f"left out that night: {found['exclusion']}{f' ({why})' if why else ''}"],
                   "nobody left out is scored; ask for an as_of on which the subscriber was active")
    return {name: found[name] for name in _ROSTER}


def _why_missing(subscriber_id: str, as_of: date) -> str:
    known = terms(subscriber_id, as_of)
    if known is None:
        return "raw/ holds nothing of such a subscription that was known by then. Take the id from that night's extract"
    if known["ended_on"] is not None:
        return (f"the subscription ended on {known['ended_on']} ({known['end_reason'] or 'no reason given'}). "
                "Ask for an as_of before")
    return f"terms of {known['changed_on']} are known, and the roster was published without them"


def _features(specs: Sequence[ModelSpec], subscriber_id: str, as_of: date) -> dict[str, Any]:
    """Every feature of this subscriber in the partitions the models read, by name; missing is None."""
    tables = dict.fromkeys(table for spec in specs for table in spec.feature_tables if table != "roster")
    found: dict[str, Any] = {}
    for table in tables:
        row = _row(table, subscriber_id, as_of)
        if row is None:
            raise Held(f"explain {subscriber_id} {as_of}", [f"active on the roster, without a row in {table}"],
                       f"rebuild that night: telco unify --as-of {as_of}")
        found |= {name: one for name, one in row.items() if name in PHRASES}
    return found


def _said(values: Mapping[str, Any]) -> list[Feature]:
    return [Feature(name, PHRASES[name].theme, one, said(name, one)) for name, one in values.items()]


def _row(dataset: str, subscriber_id: str, as_of: date, columns: Sequence[str] | None = None) -> dict[str, Any] | None:
    """A subscriber's row of a verified feature partition, as Python values; None when it has none."""
    import pyarrow.parquet as pq

    from pipelines.features.frames import verify

    rows: list[dict[str, Any]] = pq.read_table(
        verify(dataset, as_of), columns=columns and ["subscriber_id", *columns], partitioning=None,
        filters=[("subscriber_id", "=", subscriber_id)],
    ).to_pylist()
    return rows[0] if rows else None
