"""Commands that move a version: to a file, from one, back from the registry, and into it when it was away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import completion, show
from pipelines.cli.models import PANEL, Model, models
from pipelines.cli.options import Json, Quiet

Version = Annotated[int, typer.Argument(autocompletion=completion.versions,
                                          help="The version; telco models lists them.")]


def register(app: typer.Typer) -> None:
    models.command("export")(export)
    models.command("import")(take_in)
    models.command("restore")(restore)
    app.command("register", rich_help_panel=PANEL)(register_pending)


def export(
    model: Model,
    version: Version,
    to: Annotated[Path, typer.Option("--to", help="The archive to write; it may not exist yet.")],
    json: Json = False,
) -> None:
    """Write one version to a file: bundle, verdict, ledger, and the sha256 of each. No pickle, nothing that could run.

    The ledger names subscribers by their tokens: treat the file as personal data.
    """
    from pipelines import transfer
    from pipelines.cli.model import known

    done = transfer.export(known(model), version, to)
    if json:
        show.as_json(done)
        return
    show.table(f"{model} version {version}", ["fact", "value"], [
        ("file", done.path), ("sha256", done.sha256), ("bundle", done.bundle), ("ledger", done.ledger)])
    print(f"in the other home: telco models import {done.path.name} --sha256 {done.sha256}")


def take_in(
    file: Annotated[Path, typer.Argument(help="An archive of telco models export.", exists=True, dir_okay=False)],
    sha256: Annotated[str | None, typer.Option(help="What the exporting home told; refused when it differs.")] = None,
    challenger: Annotated[bool, typer.Option(help="Send it into shadow; without it no alias is given.")] = False,
    json: Json = False,
) -> None:
    """Take a version in from a file: verified, registered here as a version of its own, with the verdict it came with.

    It is never put in force by this. Import a churn version before the lifetime value that is pinned to it.
    """
    from pipelines import transfer

    done = transfer.take_in(file, expected=sha256, challenger=challenger)
    if json:
        show.as_json(done)
        return
    show.table(f"{done.model} version {done.version}{' (imported before)' if done.again else ''}", ["fact", "value"], [
        ("imported from", f"version {done.was} of another home"), ("verdict", "passed" if done.passed else "refused"),
        ("ledger", done.ledger), ("bundle", done.bundle)])


def restore(model: Model, version: Version) -> None:
    """Bring a damaged or missing bundle back from the registry's artifacts, after checking all of it."""
    from pipelines import transfer
    from pipelines.cli.model import known

    print(f"restored: {transfer.restore(known(model), version)}")


def register_pending(
    pending: Annotated[bool, typer.Option("--pending", help="Register what waits; without it, say what does.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Register trainings that were kept while MLflow was away, and bring half-made registrations to an end."""
    from pipelines import registration
    from pipelines.models import SPECS
    from pipelines.training.waiting import waiting

    tell = show.reporter(quiet)
    if not pending:
        rows = [(one.model, one.as_of, one.by) for one in waiting()]
        if json:
            show.as_json({"waiting": waiting()})
        elif rows:
            show.table("Trained and kept until MLflow answers", ["model", "as_of", "by"], rows)
        else:
            print("no training waits to be registered")
        return
    tidied = [one for spec in SPECS.values() for one in registration.tidy(spec, report=tell)]
    done = registration.register_waiting(report=tell)
    if json:
        show.as_json({"registered": done, "tidied": tidied})
        return
    for model, as_of, version in done:
        print(f"registered: {model} version {version}, trained at {as_of}")
    for one in tidied:
        print(f"{one.model} version {one.version} was left pending, now {one.state}: {one.why}")
    if not done and not tidied:
        print("nothing was pending")
