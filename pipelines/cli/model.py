"""Commands that make, use and watch models."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import AsOf, Json, Quiet
from pipelines.errors import Held, UsageError

PANEL = "Models"
Model = Annotated[str, typer.Argument(help="churn or ltv.")]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(train)
    app.command(rich_help_panel=PANEL)(score)
    app.command(rich_help_panel=PANEL)(monitor)


def known(model: str) -> str:
    """The name of a model that has a spec. Raises UsageError listing those that have."""
    from pipelines.models import SPECS

    if model not in SPECS:
        raise UsageError(f"no model named {model!r}. There are: {', '.join(SPECS)}")
    return model


def train(
    model: Model,
    as_of: AsOf,
    promote: Annotated[bool, typer.Option(help="Enter a passing version in the champion log.")] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on all matured cut-offs, register in MLflow, judge at the gate, promote what passes.

    Exit 3 when the gate refuses; the version stays registered with its verdict, the champion stays in force.
    """
    from pipelines import promotion, training

    tell = show.reporter(quiet)
    result = training.train(known(model), as_of, report=tell)
    champion = promotion.promote(model, as_of) if promote and result.verdict.passed else None
    if json:
        show.as_json({"result": result, "champion": champion})
    else:
        where = "again: this version was trained before" if result.reused else "registered"
        told = result.evaluation
        baselines = sorted(told.baselines)
        print(f"evaluated on {told.rows:,} rows with {told.positives:,} positives, {told.design.replace('_', ' ')}")
        show.table(
            f"{model} version {result.version} at {as_of} ({where})", ["metric", "candidate", *baselines],
            [(name, value, *(told.baselines[rival].get(name) for rival in baselines))
             for name, value in told.metrics.items()],
        )
        print()
        show.table("Gate", ["check", "value", "bound", "passed", "why"],
                   [(c.name, c.value, c.bound, c.passed, c.sentence) for c in result.verdict.checks])
        if champion is not None:
            print(f"\nchampion: {model} version {champion.version} is in force from {champion.from_as_of}")
        print(f"bundle and model card: {result.bundle}")
    if not result.verdict.passed:
        raise Held(f"{model} version {result.version}", result.verdict.reasons,
                   "read the model card; the champion stays in force")


def score(model: Model, as_of: AsOf, json: Json = False, quiet: Quiet = False) -> None:
    """Score every active subscriber once with the champion in force at as_of, with three reasons in words each."""
    from pipelines import scoring

    tell = show.reporter(quiet)
    scored = scoring.score(known(model), as_of, report=tell)
    extract = scoring.extract(as_of)
    if json:
        show.as_json({"scored": scored, "extract": extract})
        return
    rows: list[tuple[str, object]] = [("rows", scored.rows), ("version", scored.version), *(
        (f"left out: {reason}", count) for reason, count in scored.excluded.items())]
    if scored.stability is not None:
        rows.append(("first reason as a week ago", f"{scored.stability.same_first:.1%}"))
    show.table(f"{model} scores for {as_of}", ["fact", "value"], rows)
    print(f"extract: {extract}")


def monitor(model: Model, as_of: AsOf, json: Json = False, quiet: Quiet = False) -> None:
    """Compare tonight's features with the champion's training sample; exit 3 when the verdict is unknown."""
    from pipelines import monitoring

    verdict = monitoring.monitor(known(model), as_of, report=show.reporter(quiet))
    if json:
        show.as_json(verdict)
    else:
        print(f"{model} at {as_of}: {verdict.status}")
        for reason in verdict.reasons:
            print(f"  - {reason}")
    if verdict.status == "unknown":
        raise Held(f"drift of {model} at {as_of}", verdict.reasons, "an unknown is no all-clear: mend the input, rerun")
