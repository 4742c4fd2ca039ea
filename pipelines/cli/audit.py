"""Commands for whoever answers for the data: what was done, and whose data is in which model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli import completion, show
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
    """What was done, newest last; digests cut to twelve characters, `--json` has them whole.

    Example:  telco audit log --event promotion
    """
    from pipelines.governance import audit

    lines = audit.history(event)[-last:]
    if json:
        show.as_json(lines)
        return
    show.table("Audit log", ["line", "at (UTC)", "event", "subject", "facts"], [
        (line.sequence, line.at, line.event, line.subject, _told(line.facts))
        for line in lines
    ])


def _told(facts: Mapping[str, Any]) -> str:
    """Facts in a line."""
    from re import sub

    words = (f"{name}={', '.join(map(str, value)) if isinstance(value, list) else value}"
             for name, value in facts.items())
    return ", ".join(sub(r"=([0-9a-f]{12})[0-9a-f]{52}$", r"=\1", word) for word in words)


@app.command("trained-by")
def trained_by(
    version: Annotated[str, typer.Argument(metavar="MODEL:VERSION", autocompletion=completion.model_versions,
                                           help="For example churn:3.")],
    list_: Annotated[bool, typer.Option("--list", help="Print every subscriber's token, one a line.")] = False,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the tokens there, 0600.")] = None,
    json: Json = False,
) -> None:
    """Whose rows made this version: how many subscribers and rows, at which cut-offs, of what; and who.

    Example:  telco audit trained-by churn:3 --to tokens.txt
    """
    from pipelines.governance import ledger
    from pipelines.landing import sealed

    found = ledger.read(*_version(version))
    if list_:
        print("\n".join(found.subscribers()))
        return
    if to is not None:
        sealed.write(to, ("\n".join(found.subscribers()) + "\n").encode())
    if json:
        show.as_json({**found.facts, "digest": found.digest})
        return
    facts = found.facts
    show.table(f"{found.model} v{found.version}", ["what", "value"], [
        ("subscribers", facts["subscribers"]), ("rows", f"{facts['rows']:,}, a subscriber at a cut-off each"),
        ("cut-offs", f"{len(found.cutoffs)}, {found.cutoffs[0]} to {found.cutoffs[-1]}"),
        ("trained as of", facts["trained_as_of"]), ("feature service", facts["feature_service"]),
        ("by what right", f"{facts['processing']['purpose']} in {', '.join(facts['processing']['regions'])}, "
                          f"by {facts['processing']['basis']}"),
        ("consents, sha256", facts["processing"]["consent_sha256"] or "none were asked"),
        ("frame digest", facts["frame_digest"]), ("commit", facts["git_commit"]), ("ledger digest", found.digest),
        *([("inherited from", f"v{facts['inherited_from']}, whose heads it has")] if "inherited_from" in facts else []),
        *([("tokens", f"written to {to}")] if to is not None else []),
    ])


@app.command("models-of")
def models_of(
    subscriber: Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="A subscriber_id (sub_...), or the number "
                                                                         "billing knows the subscription by.")],
    json: Json = False,
) -> None:
    """Which model versions a subscriber's rows have trained, and at how many cut-offs.

    A number of billing's is looked up for every operator with the linking key; it is neither printed nor kept.

    Example:  telco audit models-of sub_1f0c...
    """
    from pipelines.governance import ledger

    found = {one: ledger.models_of(one) for one in ledger.subscriber_of(subscriber)}
    if json:
        show.as_json(found)
        return
    rows = [(one, version, len(cutoffs), f"{cutoffs[0]} to {cutoffs[-1]}")
            for one, versions in found.items() for version, cutoffs in versions.items()]
    searched = len(ledger.kept())
    show.table(f"Models this subscriber trained, of {searched} versions with a ledger",
               ["subscriber", "version", "cut-offs", "from, to"], rows)


def _version(text: str) -> tuple[str, int]:
    """`churn:3` as a model and a number."""
    from pipelines.cli.model import known

    model, _, number = text.partition(":")
    if not number.removeprefix("v").isdigit():
        raise typer.BadParameter(f"{text!r} is no version: write MODEL:VERSION, for example churn:3")
    return known(model), int(number.removeprefix("v"))
