"""Training: from matured labels to a registered, judged version and its bundle; the same call again makes no double."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pipelines.errors import IntegrityError, NotEnoughData
from pipelines.estate import estate
from pipelines.gate import Evaluation, Verdict
from pipelines.models import spec_of
from pipelines.models.spec import Kind, ModelSpec
from pipelines.progress import Report, silent
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.bundle import Bundle
    from pipelines.tracking import Registered
    from pipelines.training.candidate import Candidate
    from pipelines.training.stack import Stack
    from pipelines.training.value import Source

__all__ = ["TrainResult", "train"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainResult:
    """One registered version. `promoted`: it is in the champion log. `reused`: an earlier call had made it."""

    model: str
    version: int
    as_of: date
    verdict: Verdict
    evaluation: Evaluation
    bundle: Path
    promoted: bool
    reused: bool


@dataclass(frozen=True)
class _Work:
    """Everything one training is made of, and the identity that makes a retry the same training."""

    spec: ModelSpec
    as_of: date
    cutoffs: tuple[date, ...]
    frame: Stack | pd.DataFrame  # a classifier's rows; the judged rows of a lifetime value
    frame_digest: str
    arrival: Mapping[str, int]  # feature rows of the cut-offs, and those created after theirs: none
    source: Source | None = None  # of a lifetime value

    @property
    def identity(self) -> str:
        pinned = [self.source.champion.version, self.source.champion.sha256] if self.source else None
        parts = [self.as_of.isoformat(), self.spec.digest, self.frame_digest, pinned]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def train(model: str, as_of: date, *, report: Report = silent) -> TrainResult:
    """Train, register and judge `model` on every cut-off whose label is known at as_of. It promotes nobody.

    Raises MissingHistory (unpublished cut-offs), NotEnoughData (none matured; no rows, unknown labels, one class, too
    few rows or positives; for a formula also no champion to stand on), UsageError (no such model). A version the gate
    refuses is registered like any other, without an alias, with the reasons.
    """
    from pipelines import tracking

    work = _prepare(spec_of(model), as_of, report)
    found = tracking.find(work.spec.registered_name, work.identity)
    if found is not None and found.state == tracking.READY:
        report(f"train {model}: v{found.version} is this very training; nothing to do")
        return _result(work, found, _settled(found, model), reused=True)
    candidate = _fit(work, report)
    registered = tracking.register(
        work.spec.registered_name, tracking.as_tags(_tags(work)), booster=candidate.booster,
        columns=_columns(work.spec), parameters={**work.spec.parameters, "seed": work.spec.seed},
        metrics=_finite(candidate.evaluation.metrics),
    )
    bundle = _bundle(work, registered.version, candidate)
    passed = bool(bundle.facts["verdict"]["passed"])
    tracking.settle(
        registered, bundle.directory,
        tracking.as_tags({
            "sha256": bundle.sha256, "verdict": "passed" if passed else "refused",
            "reasons": bundle.facts["verdict"]["reasons"],
        }),
        alias="challenger" if passed else None,
    )
    result = _result(work, registered, bundle, reused=False)
    outcome = "passed the gate" if passed else "refused by the gate: " + "; ".join(result.verdict.reasons)
    report(f"train {model}: v{result.version} {outcome}")
    log.info("trained model=%s as_of=%s version=%d rows=%d passed=%s", model, as_of, result.version,
             len(work.frame), passed)
    return result


def _prepare(spec: ModelSpec, as_of: date, report: Report) -> _Work:
    from pipelines.training import frames, leakage, stack
    from pipelines.training.cutoffs import matured

    start = estate().training_start
    cutoffs = matured(spec, as_of, start)
    if not cutoffs:
        raise NotEnoughData(
            f"training {spec.name} at {as_of}",
            [f"no cut-off matured: the first is {start}, whose label is known at {spec.known_on(start)}"],
            f"train at {spec.known_on(start)} or later",
        )
    frames.check_published(spec, cutoffs, as_of)
    if spec.kind is Kind.FORMULA:
        return _prepare_value(spec, as_of, cutoffs, report)
    cutoffs = frames.thinned(spec, cutoffs)
    arrival = leakage.arrival(spec, cutoffs)
    rows = frames.labels(spec, cutoffs)
    frames.check_labels(spec, rows)
    report(f"train {spec.name}: reading features of {len(rows)} rows")
    whole = stack.read(spec, rows)
    return _Work(spec, as_of, cutoffs, whole, whole.digest(), arrival)


def _prepare_value(spec: ModelSpec, as_of: date, cutoffs: tuple[date, ...], report: Report) -> _Work:
    """A lifetime value reads one history; the judged rows are those of it whose margin has matured."""
    from pipelines.training import frames, leakage, value

    arrival = leakage.arrival(spec, cutoffs)
    champion = value.pinned(spec, as_of)
    source = value.read(spec, champion, as_of, report)
    labels = value.labels(spec, source, cutoffs, as_of)
    frames.check_labels(spec, labels)
    frame = value.judged(source, labels)
    both = f"{frames.digest(frame[[*frames.KEYS, spec.label_column]])} {frames.digest(source.history.frame)}"
    return _Work(spec, as_of, cutoffs, frame, hashlib.sha256(both.encode()).hexdigest(), arrival, source)


def _fit(work: _Work, report: Report) -> Candidate:
    from pipelines.training import classifier, value

    if work.source is not None:
        return value.fit(work.spec, _judged(work), _columns(work.spec), work.source, report)
    return classifier.fit(work.spec, work.frame, _columns(work.spec), work.cutoffs, report)


def _bundle(work: _Work, version: int, candidate: Candidate) -> Bundle:
    """Judge, then write the bundle with the verdict inside, so that one sha256 binds both. A killed run's is kept."""
    from pipelines import bundle as bundles
    from pipelines.training.card import card, page
    from pipelines.training.judgement import judge

    directory = bundles.path_of(work.spec.name, version)
    if directory.exists():
        standing = bundles.load(directory)
        if standing.facts.get("identity") != work.identity:
            raise IntegrityError(
                f"{directory}: holds another training than the registry's v{version}; the registry was reset. "
                f"Move {settings().models / work.spec.name} away or restore the registry"
            )
        return standing
    verdict = judge(work.spec, candidate, work.as_of)
    columns = _columns(work.spec)
    facts = {
        **_facts(work), "version": version, "columns": columns, "categories": candidate.categories,
        "calibrator": candidate.calibrator, "verdict": verdict.as_dict(), **candidate.facts,
    }
    markdown = card(work.spec, facts, candidate.evaluation, verdict)
    files = {
        "sample.parquet": _reference(work, columns),
        "evaluation.json": _json(candidate.evaluation.as_dict()),
        "verdict.json": _json(verdict.as_dict()),
        "card.md": markdown.encode(),
        "card.html": page(work.spec, markdown, candidate.evaluation).encode(),
        **candidate.files,
    }
    return bundles.save(directory, facts, booster=candidate.booster, files=files)


def _facts(work: _Work) -> dict[str, Any]:
    spec = work.spec
    return {
        "model": spec.name, "kind": spec.kind, "feature_service": spec.feature_service,
        "spec_digest": spec.digest, "frame_digest": work.frame_digest, "identity": work.identity,
        "trained_as_of": work.as_of.isoformat(), "cutoffs": [cutoff.isoformat() for cutoff in work.cutoffs],
        "rows": len(work.frame), "positives": 0 if work.source else _stacked(work).positives,
        "expires_after_days": spec.expires_after_days, "arrival": dict(work.arrival),
    }


def _tags(work: _Work) -> dict[str, Any]:
    from pipelines import tracking

    names = ("identity", "feature_service", "spec_digest", "frame_digest", "trained_as_of", "cutoffs", "kind")
    facts = _facts(work)
    pinned = {"churn_version": str(work.source.champion.version)} if work.source else {}
    return {**{name: facts[name] for name in names}, "git_commit": tracking.git_commit(), **pinned}


def _settled(found: Registered, model: str) -> Bundle:
    from pipelines import bundle as bundles

    return bundles.load(bundles.path_of(model, found.version), expected=found.tags["sha256"])


def _result(work: _Work, found: Registered, bundle: Bundle, *, reused: bool) -> TrainResult:
    from pipelines import champions

    stored = json.loads(bundle.file("evaluation.json").read_bytes())
    return TrainResult(
        model=work.spec.name, version=found.version, as_of=work.as_of,
        verdict=Verdict.of(bundle.facts["verdict"]), evaluation=Evaluation.of(stored),
        bundle=bundle.directory, reused=reused,
        promoted=any(line.version == found.version for line in champions.history(work.spec.name)),
    )


def _columns(spec: ModelSpec) -> Sequence[str]:
    from pipelines import features

    return features.feature_columns(spec.feature_service)


def _reference(work: _Work, columns: Sequence[str]) -> bytes:
    from pipelines.training import frames, stack

    if work.source is None:
        return _stacked(work).reference
    return frames.sample(_judged(work), columns, rows=stack.SAMPLE_ROWS, seed=work.spec.seed)


def _stacked(work: _Work) -> Stack:
    return cast("Stack", work.frame)


def _judged(work: _Work) -> pd.DataFrame:
    return cast("pd.DataFrame", work.frame)


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if value == value}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()
