"""What a new version was made of and whose rows made it: its ledger, and its line in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines import tracking
from pipelines.bundle import Bundle
from pipelines.governance import audit, ledger
from pipelines.models import spec_of
from pipelines.models.spec import ModelSpec
from pipelines.publish import Dataset
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.training.value import Source

FACTS = ("identity", "kind", "feature_service", "spec_digest", "frame_digest", "trained_as_of", "processing")


def ledger_of(
    spec: ModelSpec, version: int, frame: pd.DataFrame, facts: Mapping[str, Any], source: Source | None
) -> ledger.Ledger:
    """Write the version's ledger; `frame` has every row it learned from. Before the bundle, which states its digest."""
    from pipelines.clock import parse_day

    labels, stands_on = [spec.label], {}
    if source is not None:
        champion = source.champion
        labels.append(spec_of(champion.model).label)
        stands_on = {"stands_on": {"model": champion.model, "version": champion.version, "sha256": champion.sha256}}
    return ledger.write(spec.name, version, frame, {
        **{name: facts[name] for name in FACTS}, **stands_on, "parameters": dict(spec.parameters), "seed": spec.seed,
        "git_commit": tracking.git_commit(), "raw": ledger.raw_digests(parse_day(facts["trained_as_of"])),
        "partitions": _partitions(spec, labels, frame),
    })


def record(bundle: Bundle) -> None:
    """Into the audit log, before the version counts as ready: one that is ready was recorded."""
    facts = bundle.facts
    audit.record(
        "training_registered", subject=f"{bundle.model}:{bundle.version}", once=True, bundle=bundle.sha256,
        ledger=facts["ledger"], trained_as_of=facts["trained_as_of"], rows=facts["rows"],
        verdict="passed" if facts["verdict"]["passed"] else "refused", basis=facts["processing"]["basis"],
        consent_sha256=facts["processing"]["consent_sha256"], regions=facts["processing"]["regions"],
    )


def _partitions(spec: ModelSpec, labels: list[str], frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    """By dataset and cut-off of the frame the sha256 of the published partition; a label where one is published."""
    days = sorted({stamp.date().isoformat() for stamp in frame["event_timestamp"].unique()})
    datasets = [*((settings().labels, name) for name in labels),
                *((settings().features, name) for name in spec.feature_tables)]
    found = {}
    for root, name in datasets:
        entries = Dataset(root / name, ("as_of",)).entries()
        found[name] = {day: entries[(day,)].sha256 for day in days if (day,) in entries}
    return found
