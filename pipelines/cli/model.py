"""Commands that make, use and watch models."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import completion, show
from pipelines.cli.options import AsOf, Json, Quiet
from pipelines.errors import Held, UsageError

PANEL = "Models"
Model = Annotated[str, typer.Argument(autocompletion=completion.models, help="A model with a spec, for example churn.")]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(train)
    app.command(rich_help_panel=PANEL)(backtest)
    app.command(rich_help_panel=PANEL)(tune)
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
    promote: Annotated[bool, typer.Option(help="Send a passing version on its way: first champion, or shadow.")] = True,
    by: Annotated[str | None, typer.Option(
        "--by", metavar="NAME", help="Who trains, and so may not approve; by default this system's user.",
    )] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on all matured cut-offs, register in MLflow, judge at the gate; what passes is champion when there is none,
    else it is scored beside the champion for the spec's nights.

    Exit 3 when the gate refuses; the version stays registered with its verdict, the champion stays in force.
    """
    from pipelines import promotion, training
    from pipelines.promotion import policy

    tell = show.reporter(quiet)
    result = training.train(known(model), as_of, by=policy.person(by), report=tell)
    champion = promotion.promote(model, as_of, report=tell) if promote and result.verdict.passed else None
    if json:
        show.as_json({"result": result, "champion": champion})
    else:
        where = "again: this version was trained before" if result.reused else "registered"
        told = result.evaluation
        baselines = sorted(told.baselines)
        print(f"evaluated on {told.rows:,} rows with {told.positives:,} positives, {told.design.replace('_', ' ')}")
        show.table(
            f"{model} version {result.version} at {as_of} ({where})",
            ["metric", "candidate", "95 % interval", *baselines],
            [(name, value, show.interval(told.intervals.get(name)),
              *(told.baselines[rival].get(name) for rival in baselines)) for name, value in told.metrics.items()],
        )
        print()
        show.table("Gate", ["check", "value", "bound", "passed", "why"],
                   [(c.name, c.value, c.bound, c.passed, c.sentence) for c in result.verdict.checks])
        if champion is not None:
            print(f"\nchampion: {model} version {champion.version} is in force from {champion.from_as_of}")
        print(f"bundle and model card: {result.bundle}")
    if not result.verdict.passed:
        raise Held(f"{model} version {result.version}", result.verdict.reasons,
                   f"telco gate show {model} {result.version}; the champion stays in force")


def backtest(
    model: Model,
    as_of: AsOf,
    origins: Annotated[int, typer.Option(help="Trainings of the past to repeat, at least 4.")] = 6,
    step_days: Annotated[int, typer.Option(help="Days between them.")] = 28,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train as of several days of the past and score what came after: is the recipe good every time, how does it age?

    Each training sees what was known on its day and no more. Nothing is registered. The figures are kept in
    reports/backtest/MODEL/as_of=DAY/backtest.json.
    """
    from pipelines.publish import write_json
    from pipelines.settings import settings
    from pipelines.training.backtest import backtest as run

    found = run(known(model), as_of, origins=origins, step_days=step_days, report=show.reporter(quiet))
    kept = settings().reports / "backtest" / model / f"as_of={as_of}" / "backtest.json"
    write_json(kept, show.plain(found.as_dict()))
    if json:
        show.as_json(found.as_dict())
        return
    show.table(
        f"{model}: trained as of, scored on the four weeks after",
        ["as of", "rows", "positives", "auc", "95 % interval", "logistic", "pr_auc", "ece", "lift_at_10"],
        [(row["origin"], row["rows"], row["positives"], row["auc"], show.interval((row["auc_low"], row["auc_high"])),
          row["logistic_auc"], row["pr_auc"], row["ece"], row["lift_at_10"]) for row in found.origins],
    )
    print()
    show.table(
        "Age: a model so many weeks old, and what it loses against the youngest on the same cut-offs",
        ["weeks", "models", "auc", "ece", "lift_at_10", "auc against youngest"],
        [(row["age_weeks"], row["models"], row["auc"], row["ece"], row["lift_at_10"],
          None if not row["pairs"] else row["auc_against_youngest"]) for row in found.ages],
    )
    print(f"kept: {kept}")


def tune(
    model: Model,
    as_of: AsOf,
    trials: Annotated[int, typer.Option(help="Sets of parameters to try in all; a study goes on where it was.")] = 30,
    minutes: Annotated[float, typer.Option(help="No new trial is begun after so long.")] = 20.0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look for better parameters and print them as lines for the model's spec; no model changes by it.

    Judged on the calibration slice; the test slice stays unseen, for the gate. The study is kept in
    reports/tuning/MODEL/as_of=DAY/study.db, trial 0 being the spec as it stands.
    """
    from pipelines.training.tuning import tune as run

    found = run(known(model), as_of, trials=trials, minutes=minutes, report=show.reporter(quiet))
    if json:
        show.as_json(found)
        return
    show.table(
        f"{model}: {len(found.tried)} trials, fitted on {found.rows:,} rows, judged on {found.judged_rows:,}",
        ["trial", "log loss", "auc", "rounds", *found.tried[0].parameters],
        [(one.number, f"{one.log_loss:.5f}", f"{one.auc:.4f}", one.rounds,
          *(f"{value:.3g}" for value in one.parameters.values())) for one in found.tried[:10]],
    )
    best, standing = found.tried[0], found.standing
    print(f"the spec stands at log loss {standing.log_loss:.5f}; the best trial gains "
          f"{standing.log_loss - best.log_loss:.5f}")
    if best.number:
        print(f"to adopt it, in pipelines/models/{model}.py:")
        for name, value in best.parameters.items():
            print(f'        "{name}": {value:.3g},')
    print(f"study: {found.study}")


def score(
    model: Model,
    as_of: AsOf,
    accept_jump: Annotated[str, typer.Option(metavar="REASON", help="Why scores that jumped are right.")] = "",
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who accepts it.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score every active subscriber once with the champion in force at as_of, with three reasons in words each.

    Exit 3 when the scores left the band of the version's last published night: look, then say why with --accept-jump.
    A version in shadow is scored beside it and told of.
    """
    from pipelines import scoring
    from pipelines.promotion import policy

    tell = show.reporter(quiet)
    who = policy.person(by) if accept_jump else ""
    scored = scoring.score(known(model), as_of, accept_jump=policy.reason(accept_jump), by=who, report=tell)
    extract = scoring.extract(as_of)
    if json:
        show.as_json({"scored": scored, "extract": extract})
        return
    rows: list[tuple[str, object]] = [("rows", scored.rows), ("version", scored.version), *(
        (f"left out: {reason}", count) for reason, count in scored.excluded.items())]
    if scored.stability is not None:
        rows.append(("first reason as a week ago", f"{scored.stability.same_first:.1%}"))
    if scored.shadow is not None:
        rows += [("in shadow beside it", f"version {scored.shadow.challenger}"),
                 ("in the same tenth", f"{scored.shadow.agreement:.1%}"),
                 ("rank correlation", f"{scored.shadow.rank_correlation:.3f}")]
    show.table(f"{model} scores for {as_of}", ["fact", "value"], rows)
    print(f"extract: {extract}")


def monitor(model: Model, as_of: AsOf, json: Json = False, quiet: Quiet = False) -> None:
    """Watch a night: its inputs, scores and matured labels; exit 3 when it holds or the verdict is unknown."""
    from pipelines import monitoring

    verdict = monitoring.monitor(known(model), as_of, report=show.reporter(quiet))
    if json:
        show.as_json(monitoring.as_dict(verdict))
    else:
        print(f"{model} at {as_of}: {verdict.cause}, {verdict.action}")
        for reason in verdict.reasons:
            print(f"  - {reason}")
    if not verdict.is_all_clear:
        raise monitoring.held(verdict)
