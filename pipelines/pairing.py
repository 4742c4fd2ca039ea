"""Models that are read side by side are promoted side by side: a value stands on one churn version and moves with it.

A lifetime value pins the churn version whose probability is its month one. When another churn version is about to be
promoted, every standing value is measured with it; where the two tell one story, the value becomes a new version with
the same heads and the new pin, in force from the same night. So no night finds a value whose churn is not scored.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from pipelines import bundle as bundles
from pipelines import champions, tracking
from pipelines.bundle import Bundle
from pipelines.champions import Champion
from pipelines.gate import Check
from pipelines.gate.evidence import finite_or_none
from pipelines.governance import audit, ledger
from pipelines.models import SPECS
from pipelines.models.spec import ModelSpec

log = logging.getLogger(__name__)

TAGS = ("identity", "feature_service", "spec_digest", "frame_digest", "trained_as_of", "cutoffs", "kind")


def obstacle(spec: ModelSpec, challenger: Bundle) -> str:
    """Why a challenger that stands on another model may not be promoted beside it, or nothing."""
    source = spec.parameters.get("survival_from")
    if source is None:
        return ""
    standing, pinned = champions.history(source), challenger.facts["ltv"]["churn_version"]
    if not standing or standing[-1].version == pinned:
        return ""
    return (f"{spec.name}: challenger v{challenger.version} is pinned to {source} v{pinned} and "
            f"v{standing[-1].version} has been promoted since; train {spec.name} again")


def measured(spec: ModelSpec, challenger: Bundle, as_of: date) -> list[tuple[ModelSpec, Champion, Check]]:
    """Every standing champion that stands on this model, with the coherence check of it beside the challenger."""
    from pipelines.training.value import coherence

    return [(other, last, coherence.of_standing(other, _bundle(last), challenger, as_of))
            for other, last in _dependants(spec)]


def move(other: ModelSpec, last: Champion, churn: Bundle, check: Check, start: date) -> Champion:
    """Enter the standing value again, with its heads as they are and the new churn version pinned, from `start`.

    Safe to repeat: the same pair is the same version. The training's verdict stays in it; `paired` says what was new.
    """
    standing = _bundle(last)
    paired = {"heads_of_version": last.version, "coherence": finite_or_none(asdict(check))}
    pinned = {**standing.facts["ltv"], "churn_version": churn.version, "churn_sha256": churn.sha256}
    identity = hashlib.sha256(json.dumps([standing.sha256, churn.version, churn.sha256]).encode()).hexdigest()
    facts = {**standing.facts, "ltv": pinned, "identity": identity, "paired": paired}
    del facts["files"]
    tags = {**{name: facts[name] for name in TAGS if name in facts}, "churn_version": str(churn.version),
            "paired": paired, "git_commit": tracking.git_commit()}
    found = tracking.register(other.registered_name, tracking.as_tags(tags))
    inherited = ledger.inherit(other.name, last.version, found.version, identity)
    told: dict[str, Any] = {"ledger": inherited.digest} if inherited else {}
    facts |= told
    files = {name: standing.file(name) for name in standing.facts["files"]}
    made = bundles.save(bundles.path_of(other.name, found.version), {**facts, "version": found.version}, files=files)
    if found.state != tracking.READY:
        audit.record("training_registered", subject=f"{other.name}:{found.version}", once=True, bundle=made.sha256,
                     heads_of_version=last.version, churn_version=churn.version, **told)
        tracking.settle(found, made.directory, tracking.as_tags({"sha256": made.sha256, "verdict": "passed", **told}))
    reason = f"v{last.version} with {churn.model} v{churn.version}: {check.sentence}"
    return champions.enter(other.name, found.version, start, made.sha256, reason=reason)


def _dependants(spec: ModelSpec) -> Iterator[tuple[ModelSpec, Champion]]:
    for other in SPECS.values():
        if other.parameters.get("survival_from") == spec.name and (lines := champions.history(other.name)):
            yield other, lines[-1]


def _bundle(champion: Champion) -> Bundle:
    return bundles.load(bundles.path_of(champion.model, champion.version), expected=champion.sha256)
