"""Training: from matured labels to a registered, judged version and its bundle; the same call again makes no double."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pipelines import cost
from pipelines.errors import Held, IntegrityError, NotEnoughData, RegistryAway
from pipelines.estate import estate
from pipelines.gate import Evaluation, Verdict
from pipelines.models import spec_of
from pipelines.models.spec import Kind, ModelSpec
from pipelines.progress import Report, silent
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.bundle import Bundle
    from pipelines.governance.purpose import Leave
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
    leave: Leave
    arrival: Mapping[str, int]  # feature rows of the cut-offs, and those created after theirs: none
    source: Source | None = None  # of a lifetime value
    by: str = ""

    @property
    def learned_from(self) -> pd.DataFrame:
        """The keys of every row that shapes the version: a lifetime value's heads see the whole history."""
        return self.source.history.frame if self.source else _stacked(self).keys()

    @property
    def identity(self) -> str:
        pinned = [self.source.champion.version, self.source.champion.sha256] if self.source else None
        parts = [self.as_of.isoformat(), self.spec.digest, self.frame_digest, pinned]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@cost.counted("train", lambda result: {"rows_in": result.evaluation.rows})
def train(model: str, as_of: date, *, by: str = "", report: Report = silent) -> TrainResult:
    """Train, register and judge `model` on every cut-off whose label is known at as_of. It promotes nobody.

    `by` is who asked for it: a tag of the version, no part of its identity.

    Raises MissingHistory (unpublished cut-offs), NotEnoughData (none matured; no rows, unknown labels, one class, too
    few rows or positives; for a formula also no champion to stand on), UsageError (no such model). A version the gate
    refuses is registered like any other, without an alias, with the reasons. RegistryAway when MLflow does not answer:
    the fitted candidate is kept, and the same call takes it up again.
    """
    from pipelines import tracking
    from pipelines.governance import audit
    from pipelines.training import waiting

    work = replace(_prepare(spec_of(model), as_of, report), by=by)
    found = _found(work, report)
    if found is not None and found.state == tracking.READY:
        report(f"train {model}: v{found.version} is this very training; nothing to do")
        waiting.forget(model, work.identity)
        return _result(work, found, _settled(found, model), reused=True)
    candidate = waiting.kept(work.spec, work.identity, work.frame) or _fit(work, report)
    try:
        registered, bundle = _register(work, candidate)
    except RegistryAway as away:
        raise _kept(work, candidate, away) from away
    waiting.forget(model, work.identity)
    passed = bool(bundle.facts["verdict"]["passed"])
    audit.anchor()
    result = _result(work, registered, bundle, reused=False)
    outcome = "passed the gate" if passed else "refused by the gate: " + "; ".join(result.verdict.reasons)
    report(f"train {model}: v{result.version} {outcome}; audit log at line {audit.head().sequence}")
    log.info("trained model=%s as_of=%s version=%d rows=%d passed=%s", model, as_of, result.version,
             len(work.frame), passed)
    return result


def _found(work: _Work, report: Report) -> Registered | None:
    """The version this very training made before; none when the registry cannot be asked, and that is told."""
    from pipelines import tracking

    try:
        return tracking.find(work.spec.registered_name, work.identity)
    except RegistryAway as away:
        report(f"train {work.spec.name}: {away}; training all the same")
        return None


def _kept(work: _Work, candidate: Candidate, away: RegistryAway) -> RegistryAway:
    """The error that says where the result of the training waits."""
    from pipelines.training import waiting

    where = waiting.keep(work.spec, work.as_of, work.identity, candidate, work.frame, by=work.by)
    return RegistryAway(f"{away}. {work.spec.name} at {work.as_of} is trained and kept in {where}; the champion "
                        "stands. When MLflow answers: telco register --pending, or the same training again")


def _register(work: _Work, candidate: Candidate) -> tuple[Registered, Bundle]:
    """Register, judge, write the bundle, settle. Raises RegistryAway anywhere; the same again goes on where it was."""
    from pipelines import registration, tracking
    from pipelines.governance.erasure import models as erased
    from pipelines.training import provenance

    registered = tracking.register(
        work.spec.registered_name, tracking.as_tags(_tags(work)), booster=candidate.booster,
        columns=_columns(work.spec), parameters={**work.spec.parameters, "seed": work.spec.seed},
        metrics=_finite(candidate.evaluation.metrics),
    )
    bundle = _bundle(work, registered.version, candidate)
    provenance.record(bundle)
    erased.check(work.spec.name, registered.version)
    registration.settle(registered, bundle)
    return registered, bundle


def _prepare(spec: ModelSpec, as_of: date, report: Report) -> _Work:
    from pipelines.governance.purpose import leave
    from pipelines.training import frames, leakage, stack
    from pipelines.training.cutoffs import matured

    start = estate().training_start
    cutoffs = matured(spec, as_of, start)
    if not cutoffs:
        raise NotEnoughData(
            f"training {spec.name} at {as_of}",
            [f"no cut-off matured: the first is {start}, whose label is known at {spec.known_on(start)}"],
            f"train at {spec.known_on(start)} or later: telco train {spec.name} --as-of {spec.known_on(start)}",
        )
    frames.check_published(spec, cutoffs, as_of)
    may = leave(spec.train_purpose, as_of)
    if spec.kind is Kind.FORMULA:
        return _prepare_value(spec, as_of, cutoffs, may, report)
    cutoffs = frames.thinned(spec, cutoffs, report)
    arrival = leakage.arrival(spec, cutoffs)
    rows = frames.labels(spec, cutoffs, may)
    frames.check_labels(spec, rows)
    report(f"train {spec.name}: reading features of {len(rows)} rows")
    whole = stack.read(spec, rows)
    return _Work(spec, as_of, cutoffs, whole, whole.digest(), may, arrival)


def _prepare_value(
    spec: ModelSpec, as_of: date, cutoffs: tuple[date, ...], leave: Leave, report: Report
) -> _Work:
    """A lifetime value reads one history; the judged rows are those of it whose margin has matured."""
    from pipelines.training import frames, leakage, value

    arrival = leakage.arrival(spec, cutoffs)
    champion = value.pinned(spec, as_of)
    source = value.read(spec, champion, leave, report)
    labels = value.labels(spec, source, cutoffs, leave)
    frames.check_labels(spec, labels)
    frame = value.judged(source, labels)
    both = f"{frames.digest(frame[[*frames.KEYS, spec.label_column]])} {frames.digest(source.history.frame)}"
    return _Work(spec, as_of, cutoffs, frame, hashlib.sha256(both.encode()).hexdigest(), leave, arrival, source)


def _fit(work: _Work, report: Report) -> Candidate:
    """The candidate, with the count of rows nobody may train with as evidence for the gate.

    Raises Held before anything is fitted when a row of another region is among them.
    """
    from pipelines.training import classifier, value

    forbidden = work.leave.count(work.learned_from["subscriber_id"].to_numpy(dtype=object))
    if forbidden["region"]:
        raise Held(f"training {work.spec.name} at {work.as_of}",
                   [f"{forbidden['region']} rows are of subscribers outside {', '.join(work.leave.regions)}"],
                   "nothing was fitted; train where these rows may be processed, or set TELCO_REGIONS")
    if work.source is not None:
        made = value.fit(work.spec, _judged(work), _columns(work.spec), work.source, report)
    else:
        made = classifier.fit(work.spec, work.frame, _columns(work.spec), work.cutoffs, report)
    return replace(made, evaluation=replace(
        made.evaluation, rows_without_consent=forbidden["no_consent"], rows_outside_region=forbidden["region"],
    ))


def _bundle(work: _Work, version: int, candidate: Candidate) -> Bundle:
    """Judge, then write the bundle with the verdict inside, so that one sha256 binds both. A killed run's is kept."""
    from pipelines import bundle as bundles
    from pipelines.training import provenance
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
    columns = _columns(work.spec)
    draft = {
        **_facts(work), "version": version, "columns": columns, "categories": candidate.categories,
        "ledger": provenance.ledger_of(work.spec, version, work.learned_from, _facts(work), work.source).digest,
        "calibrator": candidate.calibrator, **candidate.facts,
    }
    verdict = judge(work.spec, candidate, work.as_of, draft, _few(work))
    facts = {**draft, "verdict": verdict.as_dict()}
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
        "label_mean": float((_judged(work)[spec.label_column] if work.source else _stacked(work).label).mean()),
        "expires_after_days": spec.expires_after_days, "processing": work.leave.told(), "arrival": dict(work.arrival),
    }


def _tags(work: _Work) -> dict[str, Any]:
    from pipelines import tracking

    names = ("identity", "feature_service", "spec_digest", "frame_digest", "trained_as_of", "cutoffs", "kind")
    facts = _facts(work)
    pinned = {"churn_version": str(work.source.champion.version)} if work.source else {}
    pinned |= {"regions": ",".join(work.leave.regions), "consent_sha256": work.leave.snapshot}
    by = {"trained_by": work.by} if work.by else {}
    return {**{name: facts[name] for name in names}, "git_commit": tracking.git_commit(), **pinned, **by}


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


def _few(work: _Work) -> pd.DataFrame:
    """Rows to measure the speed of scoring on."""
    from pipelines.training.speed import BATCH_ROWS

    return _judged(work) if work.source else _stacked(work).drawn(BATCH_ROWS, work.spec.seed).table()


def _stacked(work: _Work) -> Stack:
    return cast("Stack", work.frame)


def _judged(work: _Work) -> pd.DataFrame:
    return cast("pd.DataFrame", work.frame)


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if value == value}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()
