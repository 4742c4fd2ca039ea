"""Commands for what stands where: versions and their states, promotion, rollback, and what the gate said."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from pipelines.cli import completion, show
from pipelines.cli.options import AsOf, Json, Quiet, day

PANEL = "Models"
Model = Annotated[str, typer.Argument(autocompletion=completion.models, help="churn or ltv.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides; by default this system's user.")]

models = typer.Typer(
    help="What stands where, since when and why: champions, who came before, who is in shadow, who was refused.",
    epilog="telco gate show MODEL VERSION says what was asked of a version, and what to do about a refusal",
)
gate = typer.Typer(help="What the gate asked of a version, and what it found.", no_args_is_help=True)

# What a person can do about a check that failed, by the beginning of its name.
ADVICE = {
    "enough_": "wait for more labels to mature, or bootstrap more history",
    "finite": "look at the figures of the model card; a figure that is not finite is a fault of the data or the code",
    "leakage": "take the feature it names out of the feature service, or show that it is known before the event",
    "floor_": "compare with telco backtest; add history, tune, or change the spec's floor with a reason",
    "baseline_": "the simple rival is as good: look at features and labels before the model",
    "coherence": "train the lifetime value again with this churn version; see docs/reference/lifetime_value.md",
    "champion": "keep the champion; train again when more labels have matured, or when it is past its age",
    "slice": "look at the slice on the card; more rows of it, or a feature that tells it apart",
    "calibration": "look at the reliability table of the card; more calibration rows, or another calibrator",
    "label": "compare the labels with the months before: an event that a person knows of, or wrong rows",
    "speed_": "fewer or shallower trees; or measure again on a quiet machine",
    "consent": "see who gave consent for training: telco status",
    "shadow_nights": "let the nights run; telco models says which are counted",
    "shadow_everyone": "the two scored different people: look at what the version leaves out and why",
    "shadow_": "compare the two model cards: what changed between the trainings? Retrain when it is explained",
}


def register(app: typer.Typer) -> None:
    app.add_typer(models, name="models", rich_help_panel=PANEL)
    app.add_typer(gate, name="gate", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(promote)
    app.command(rich_help_panel=PANEL)(rollback)


@models.callback(invoke_without_command=True)
def standings(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(autocompletion=completion.models, help="Only this model.")] = None,
    json: Json = False,
) -> None:
    """What stands where, since when and why: champions, who came before, who is in shadow, who was refused."""
    if context.invoked_subcommand is not None:
        return
    from pipelines.cli.model import known
    from pipelines.promotion import standings as found

    rows = found.standings(known(model) if model else None)
    if json:
        show.as_json(rows)
        return
    show.table("Models", ["model", "version", "state", "since", "trained at", "why"],
               [(one.model, one.version, one.state, one.since, one.trained_as_of, one.why) for one in rows])


@models.command()
def delete(
    model: Model,
    version: Annotated[int, typer.Option(autocompletion=completion.versions,
                                         help="A version that never scored a night.")],
    by: By = None,
) -> None:
    """Remove a version from the registry and from disk. Refuses champions, former ones too, and who is in shadow."""
    from pipelines.cli.model import known
    from pipelines.promotion import policy
    from pipelines.promotion import standings as found

    found.delete(known(model), version, by=policy.person(by))
    print(f"{model} version {version} is deleted")


@gate.command("show")
def show_verdict(
    model: Model,
    version: Annotated[int, typer.Argument(autocompletion=completion.versions,
                                           help="The version; telco models lists them.")],
    json: Json = False,
) -> None:
    """Every check of the gate, and of the shadow so far, with what to do about those that failed."""
    from pipelines.cli.model import known
    from pipelines.promotion import standings as found

    verdicts = found.verdicts(known(model), version)
    if json:
        show.as_json(dict(verdicts))
        return
    for name, verdict in verdicts:
        passed = "passed" if verdict.passed else "refused" if name == "gate" else "not passed yet"
        show.table(f"{model} version {version}: {name}, {passed}", ["check", "value", "bound", "passed", "why", "next"],
                   [(c.name, c.value if c.value == c.value else None, c.bound, c.passed, c.sentence,
                     None if c.passed else advice(c.name)) for c in verdict.checks])


def advice(check: str) -> str:
    """What to do about a failed check of this name."""
    return next((words for start, words in ADVICE.items() if check.startswith(start)), "read the model card")


def promote(
    model: Model,
    version: Annotated[int, typer.Option(autocompletion=completion.versions,
                                         help="The challenger; telco models says which it is.")],
    as_of: AsOf,
    by: By = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Promote the challenger, by the rules of the DAG: gate, shadow nights, and an approver who is not its trainer.

    Exit 3 with the reason when it may not be. The champion log records who approved.
    """
    from pipelines import promotion
    from pipelines.cli.model import known
    from pipelines.promotion import policy

    entered = promotion.approve(known(model), version, as_of, by=policy.person(by), report=show.reporter(quiet))
    if json:
        show.as_json(entered)
    else:
        print(f"champion: {model} version {entered.version} is in force from {entered.from_as_of}"
              + (f", approved by {entered.by}" if entered.by else ""))


def rollback(
    model: Model,
    to: Annotated[int | None, typer.Option(autocompletion=completion.versions,
                                           help="A former champion; by default the one before the last.")] = None,
    start: Annotated[date | None, typer.Option(
        "--from", parser=day, metavar="YYYY-MM-DD", help="First as_of; by default the first night nobody has scored.",
    )] = None,
    by: By = None,
    why: Annotated[str, typer.Option(help="The reason, kept in the champion log.")] = "",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put a former champion in force again. Nights before keep the version they were scored with.

    A lifetime value goes back with the churn version it is pinned to. Works while MLflow is away.
    """
    from pipelines.cli.model import known
    from pipelines.promotion import policy
    from pipelines.promotion.rollback import rollback as run

    done = run(known(model), to=to, start=start, by=policy.person(by), why=why, report=show.reporter(quiet))
    if json:
        show.as_json(done)
        return
    for one in (done.champion, *done.moved):
        print(f"champion: {one.model} version {one.version} is in force from {one.from_as_of} ({one.reason})")
    print(done.aliases)
