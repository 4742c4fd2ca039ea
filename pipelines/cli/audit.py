"""Commands for whoever answers for the data: what was done, and whose data is in which model."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import Json

app = typer.Typer(
    name="audit",
    help="What was done with whose data: the audit log that cannot be changed unseen, and who trained which model.",
    no_args_is_help=True,
)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, rich_help_panel="Govern")


@app.command("verify")
def verify(
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the model registry for its copy of the "
                                                            "head.")] = False,
    json: Json = False,
) -> None:
    """Check every line of the audit log; exit 1 naming the first one that was edited, moved, taken out or cut off.

    Example:  telco audit verify
    """
    from pipelines.errors import IntegrityError
    from pipelines.governance import audit

    found = audit.verify(ask_registry=not offline)
    if json:
        show.as_json(found)
    if found.bad is not None:
        raise IntegrityError(f"{audit.log_file()}: line {found.bad} {found.why}. Keep the file as it is for whoever "
                             "looks into it, and restore audit/ and anchors/ from one backup")
    if not json:
        show.table("Audit log", ["what", "value"], [
            ("lines", f"{found.lines}, each follows the one before it"), ("head", found.head),
            ("anchors", f"{audit.anchor_file()} agrees"), ("model registry", found.registry),
        ])


@app.command("log")
def log(
    event: Annotated[str | None, typer.Option(help="Only this event, for example promotion.")] = None,
    last: Annotated[int, typer.Option(min=1, help="At most so many lines, the newest.")] = 20,
    json: Json = False,
) -> None:
    """What was done, newest last.

    Example:  telco audit log --event promotion
    """
    from pipelines.governance import audit

    lines = audit.history(event)[-last:]
    if json:
        show.as_json(lines)
        return
    show.table("Audit log", ["line", "at (UTC)", "event", "subject", "facts"], [
        (line.sequence, line.at, line.event, line.subject, ", ".join(f"{k}={v}" for k, v in line.facts.items()))
        for line in lines
    ])
