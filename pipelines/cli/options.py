"""Words that several commands share."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from pipelines.cli import completion
from pipelines.clock import parse_day
from pipelines.errors import UsageError


def day(text: str) -> date:
    """Parse a day for typer, so that a bad one is a usage error (exit 2) that shows the form."""
    try:
        return parse_day(text)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None


AsOf = Annotated[
    date,
    typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD", autocompletion=completion.as_ofs,
                 help="Everything known at the start of this day, UTC."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress lines.")]
