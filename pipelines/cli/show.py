"""How results reach people and programs: plain progress lines, rich tables on a terminal, JSON on request."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

from pipelines.progress import Report


def reporter(quiet: bool = False) -> Report:
    """Progress on stderr: a dim line with the seconds since the start, so stdout stays the result."""
    from time import monotonic

    started = monotonic()
    on_terminal = sys.stderr.isatty()

    def tell(line: str) -> None:
        if quiet:
            return
        text = f"{monotonic() - started:7.1f}s  {line}"
        print(f"\033[2m{text}\033[0m" if on_terminal else text, file=sys.stderr, flush=True)

    return tell


def plain(value: Any) -> Any:
    """A value as JSON can hold it: dataclasses to objects, dates to ISO, paths and enums to text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, Path)):
        return str(value)
    if isinstance(value, float) and value != value:
        return None
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def as_json(value: Any) -> None:
    print(json.dumps(plain(value), indent=2, sort_keys=True))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, width: int | None = None) -> None:
    """A readable table on stdout; numbers to the right. As wide as the terminal, 120 elsewhere, or `width`."""
    from rich.console import Console
    from rich.table import Table

    body = [list(row) for row in rows]
    drawn = Table(header_style="bold", show_edge=False)
    for place, name in enumerate(columns):
        numeric = bool(body) and all(isinstance(row[place], (int, float)) for row in body)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        drawn.add_row(*(_cell(value) for value in row))
    console = Console(width=width or (None if sys.stdout.isatty() else 120), highlight=False)
    console.print(title if body else f"{title}: nothing yet", markup=False, style="bold")
    if body:
        console.print(drawn)


def checks(rows: Iterable[tuple[str, bool, str, str, str]]) -> None:
    """One line for each check, and below one that failed what to do and what to type. A row: name, whether it passed,
    what was found, what to do, the command."""
    from rich.console import Console
    from rich.text import Text

    told = list(rows)
    wide = max((len(name) for name, *_ in told), default=0) + 2
    console = Console(width=None if sys.stdout.isatty() else 80, highlight=False)
    for name, ok, found, mend, command in told:
        start = Text.assemble(("ok    ", "green") if ok else ("FAIL  ", "bold red"), f"{name:{wide}}")
        more = [] if ok else [Text(f"{mend}:"), Text(command, "bold cyan")]
        for body in [Text(found), *more]:
            for line in body.wrap(console, max(console.width - start.cell_len, 20)):
                line.rstrip()
                console.print(start + line, soft_wrap=True)
                start = Text(" " * start.cell_len)


def interval(bounds: tuple[float, float] | None) -> str:
    """Two bounds as words; a dash where they are not known."""
    if bounds is None or not all(bound == bound for bound in bounds):
        return "-"
    return f"{bounds[0]:,.3f} to {bounds[1]:,.3f}"


def _cell(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
