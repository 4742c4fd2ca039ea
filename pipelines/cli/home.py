"""`telco` alone: where this home stands on one screen, and the one command to type next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pipelines.site import Page
    from pipelines.site.models import Model
    from pipelines.site.nights import Night
    from pipelines.site.waiting import Waiting

HELP = (
    "Churn and lifetime value for telecom operators, from dropped files to tonight's scores.\n\n"
    "Every command is a step of the nightly DAGs, runnable by hand and safe to repeat. "
    "State lives under TELCO_HOME (default: ./var). Alone, `telco` says where that home stands and what to do next.\n\n"
    "Exit codes: 0 ok, 1 fault, 2 usage, 3 held by a gate or a check."
)
NIGHTS = 5
WIDTH = 80  # where there is no terminal
WIDEST = 100
LABEL = 12
STYLES = {"ok": "green", "flagged": "yellow", "unknown": "yellow", "held": "bold red", "stale": "bold red",
          "alarm": "bold red"}


def register(app: typer.Typer) -> None:
    app.callback(invoke_without_command=True, help=HELP,
                 epilog="Start here:  telco   |   telco demo   |   telco doctor")(home)


def home(context: typer.Context) -> None:
    """Where this home stands, unless a command was named."""
    if context.invoked_subcommand is None:
        from pipelines import site

        draw(site.stand())


def draw(page: Page) -> None:
    """Print the screen; what is too long goes on below its own beginning."""
    import sys

    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    width = min(console.width, WIDEST)
    for label, told in sections(page):
        head = f"{label:{LABEL}}"
        for lead, body in told:
            start = Text.assemble((head, "bold"), *lead)
            for line in Text.assemble(*body).wrap(console, max(width - start.cell_len, 20)):
                line.rstrip()
                console.print(start + line, soft_wrap=True)
                start = Text(" " * start.cell_len)
            head = " " * LABEL
        console.print()
    console.print(Text("more: telco status, telco models, telco site    all commands: telco --help", "dim"))


Part = str | tuple[str, str]  # words, or words and their style
Line = tuple[list[Part], list[Part]]  # what stands in front, and what may be wrapped


def sections(page: Page) -> Iterator[tuple[str, list[Line]]]:
    """The screen: labels, each with its lines."""
    from pipelines.settings import settings

    made = "" if settings().home.exists() else " (not made yet)"
    seen = f"{page.estate}, seen from the start of {page.as_of} UTC" if page.as_of else f"{page.estate}, no night yet"
    yield "Home", [([], [f"{settings().home}{made}"]), ([], [seen])]
    if page.nights:
        yield "Nights", [line for night in page.nights[:NIGHTS] for line in _night(night)]
    if champions := [line for model in page.models if model.champion for line in _champion(model)]:
        yield "Champions", champions
    if shadows := [one for model in page.models for one in model.versions if one.state == "shadow"]:
        yield "In shadow", [([f"{one.model} v{one.version}  "], [one.why]) for one in shadows]
    if page.as_of:
        yield "Quarantine", [_waits(one) for one in page.waiting[:3]] or [([], ["nothing waits"])]
    if page.step:
        others: list[Line] = [(["or  "], [other]) for other in page.step.others]
        yield "Next", [([], [(page.step.command, "bold cyan")]), ([], [page.step.why]), *others]


def _night(night: Night) -> Iterator[Line]:
    scored = ", ".join(f"{one.model} v{one.version} {one.rows:,} scored" for one in night.seen.scores.values())
    lead: list[Part] = [f"{night.seen.as_of}  ", (f"{night.state:8}", STYLES[night.state])]
    for words in [*([scored] if scored else []), *night.why[:2]]:
        yield lead, [words]
        lead = [" " * 20]


def _champion(model: Model) -> Iterator[Line]:
    champion = model.champion
    if champion is None:
        return
    age = f" ({champion.age_days} days old)" if champion.age_days is not None else ""
    figure = "".join(f", {one.title} {one.value}" for one in champion.figures[:1])
    yield [f"{model.name} v{champion.version}  "], [f"trained as of {champion.trained_as_of}{age}{figure}"]
    served = "valid until" if model.serving == "ok" else model.served
    yield ["  scores  "], [(model.serving, STYLES[model.serving]), f", {served} {model.until}".rstrip()]
    if model.watched:
        newest = model.watched[-1]
        why = "".join(f": {reason}" for reason in newest.reasons[:1])
        yield ["  watch   "], [(newest.verdict.replace("_", " "), STYLES[newest.tone]), f" on {newest.as_of}{why}"]


def _waits(one: Waiting) -> Line:
    counts = [f"{one.rows:,} rows" if one.rows else "", f"{one.files} file{'s' * (one.files > 1)}" if one.files else ""]
    return [], [f"{' and '.join(filter(None, counts))} of {one.feed} since {one.oldest}: {'; '.join(one.reasons)}"]
