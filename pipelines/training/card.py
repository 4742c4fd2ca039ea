"""The model card: what a version is, what it was made of, how it did, and why the gate said what it said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.gate import Evaluation, Verdict
from pipelines.models.spec import ModelSpec


def card(spec: ModelSpec, facts: Mapping[str, Any], evaluation: Evaluation, verdict: Verdict) -> str:
    """Markdown. Holds no clock time, so that the same training gives the same card."""
    lines = [
        f"# {spec.name} v{facts['version']}",
        "",
        f"Trained as of {facts['trained_as_of']} on {facts['rows']} rows ({facts['positives']} positives) of "
        f"{len(facts['cutoffs'])} cut-offs, {facts['cutoffs'][0]} to {facts['cutoffs'][-1]}. "
        f"Gate: **{'passed' if verdict.passed else 'refused'}**.",
        "",
        *(f"- {reason}" for reason in verdict.reasons),
        "",
        "## How it was judged",
        "",
        *(f"- {note}" for note in evaluation.notes),
        "",
        *_table(("slice", "cut-offs", "rows", "positives"), (
            (name, _span(part["cutoffs"]), part["rows"], part["positives"]) for name, part in evaluation.slices.items()
        )),
        "",
        "## Figures",
        "",
        *_figures(evaluation),
        "",
        *_reliability(evaluation),
        "## Gate",
        "",
        *_table(("check", "passed", "why"), (
            (check.name, "yes" if check.passed else "NO", check.sentence) for check in verdict.checks
        )),
        "",
        "## Made of",
        "",
        *(f"- {name}: {value}" for name, value in _made_of(spec, facts).items()),
        "",
    ]
    return "\n".join(lines)


def _figures(evaluation: Evaluation) -> list[str]:
    rivals = list(evaluation.baselines)
    return _table(("figure", "this version", *rivals), (
        (name, _number(value), *(_number(evaluation.baselines[rival].get(name, math.nan)) for rival in rivals))
        for name, value in evaluation.metrics.items()
    ))


def _reliability(evaluation: Evaluation) -> list[str]:
    if not evaluation.reliability:
        return []
    rows = ((f"{row['n']:.0f}", _number(row["predicted"]), _number(row["observed"])) for row in evaluation.reliability)
    return ["## Reliability, in bins of equal counts", "", *_table(("rows", "predicted", "observed"), rows), ""]


def _made_of(spec: ModelSpec, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "label": f"{spec.label}.{spec.label_column}, {spec.horizon_days} days, known {spec.grace_days} days later",
        "feature service": f"{spec.feature_service}, {len(facts['columns'])} columns",
        "train purpose": spec.train_purpose,
        "score purpose": spec.score_purpose,
        "seed": spec.seed,
        "parameters": dict(spec.parameters),
        "rounds": facts.get("rounds", "none: a formula"),
        "calibrator": f"{facts['calibrator']} from {facts.get('calibrated_on', 'nothing')}",
        **({"lifetime value": facts["ltv"]} if "ltv" in facts else {}),
        "frame digest": facts["frame_digest"],
        "spec digest": facts["spec_digest"],
    }


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows),
    ]


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "unknown"


def _span(days: list[str]) -> str:
    return days[0] if len(days) == 1 else f"{len(days)}: {days[0]} to {days[-1]}"
