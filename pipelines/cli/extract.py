"""The list a retention analyst works from."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import AsOf, Json, day

PANEL = "Models"


class Form(StrEnum):
    csv = "csv"
    parquet = "parquet"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(extract)


def extract(
    as_of: AsOf,
    top: Annotated[int | None, typer.Option(min=1, help="So many of the likeliest; else everybody.")] = None,
    region: Annotated[str | None, typer.Option(help="Of this sales area alone.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to; else extracts/as_of=DAY/call_list.csv.")] = None,
    form: Annotated[Form | None, typer.Option("--format", help="Else as --out ends, or csv.")] = None,
    on: Annotated[
        date | None,
        typer.Option("--on", parser=day, metavar="YYYY-MM-DD", help="The day it is used; else the newest known here."),
    ] = None,
    expired: Annotated[bool, typer.Option("--expired", help="Also when its scores have expired.")] = False,
    json: Json = False,
) -> None:
    """A list to call from: the likeliest to leave, with reasons and value, without whoever is to be left alone.

    Exit 3 when its scores have expired. What each column says: docs/reference/extract.md.
    """
    from pipelines.scoring.call_list import call_list

    made = call_list(as_of, top=top, region=region, out=out, form=form.value if form else None, on=on, expired=expired)
    if json:
        show.as_json(made)
        return
    rows: list[tuple[str, object]] = [
        ("subscribers", made.rows), ("valid until", f"{made.expires_at:%Y-%m-%d %H:%M} UTC")]
    rows += [(f"kept out: {reason}", count) for reason, count in made.kept_out.items()]
    show.table(f"Call list {as_of}" + (f", {region}" if region else ""), ["fact", "value"], rows)
    print(f"list: {made.path}")
