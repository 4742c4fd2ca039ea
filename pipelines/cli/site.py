"""The front page of a home, by hand."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import Json, day

PANEL = "Operate"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(site)


def site(
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD", help="Seen from this day; else the newest known."),
    ] = None,
    json: Json = False,
) -> None:
    """Write the front page: nights, champions, drift, quarantine, and links to every report. Opens from disk.

    Every night writes it too. Scores that have expired by --as-of are shown as stale.
    """
    from pipelines import site as front

    path = front.write(as_of)
    if json:
        show.as_json({"page": path})
    else:
        print(path)
