"""What a dead registry or a kill left of registrations, brought to an end: settled, or marked as what it is.

Between any two calls of a registration the world is whole: no alias points at what is not stored, and the night is
scored from the champion log. What can be left is a run without a version, a version without its files, or one without
its verdict's tags; the same training again, or `tidy`, ends them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from pipelines import bundle as bundles
from pipelines import champions, tracking
from pipelines.bundle import Bundle
from pipelines.errors import IntegrityError
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report, silent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tidied:
    """A version found pending, and what became of it."""

    model: str
    version: int
    state: str
    why: str


def alias_of(bundle: Bundle) -> str | None:
    """`challenger` for a training that passed; none for one refused, imported, or moved beside another model."""
    is_ours = not {"paired", "imported"} & set(bundle.facts)
    passed = (bundle.facts.get("verdict") or {}).get("passed") is True
    was_champion = any(line.version == bundle.version for line in champions.history(bundle.model))
    return "challenger" if is_ours and passed and not was_champion else None


def settle(found: tracking.Registered, bundle: Bundle) -> None:
    """Store the bundle in the registry with what its verdict says, and mark the version ready."""
    verdict = bundle.facts.get("verdict") or {}
    tags = {"sha256": bundle.sha256, "verdict": "passed" if verdict.get("passed") is True else "refused",
            "reasons": verdict.get("reasons", [])}
    if "ledger" in bundle.facts:
        tags["ledger"] = bundle.facts["ledger"]
    tracking.settle(found, bundle.directory, tracking.as_tags(tags), alias=alias_of(bundle))


def tidy(spec: ModelSpec, *, report: Report = silent) -> list[Tidied]:
    """Settle every pending version whose bundle is whole on disk, mark the others abandoned, end runs without one.

    Raises RegistryAway. Safe to repeat; a registration under way in another process is done over by its own end.
    """
    from pipelines.training import provenance

    done = []
    for found in tracking.versions(spec.registered_name):
        if found.state != tracking.PENDING:
            continue
        try:
            bundle = bundles.load(bundles.path_of(spec.name, found.version))
            if bundle.facts.get("identity") != found.tags.get("identity"):
                raise IntegrityError(f"{bundle.directory} holds another training")
        except IntegrityError as error:
            tracking.abandon(found, str(error))
            done.append(Tidied(spec.name, found.version, tracking.ABANDONED, str(error)))
        else:
            if "processing" in bundle.facts and not {"paired", "imported"} & set(bundle.facts):
                provenance.record(bundle)  # a training that is ready was recorded
            settle(found, bundle)
            done.append(Tidied(spec.name, found.version, tracking.READY, "its bundle was whole on disk"))
        report(f"{spec.name}: v{found.version} was left pending, now {done[-1].state}: {done[-1].why}")
    for run in tracking.end_orphan_runs():
        report(f"run {run} had no version and was ended")
    return done


def register_waiting(*, report: Report = silent) -> list[tuple[str, date, int]]:
    """Register every training that was kept while the registry was away; model, as_of, version of each."""
    from pipelines import training
    from pipelines.training.waiting import waiting

    return [(one.model, one.as_of, training.train(one.model, one.as_of, by=one.by, report=report).version)
            for one in waiting()]
