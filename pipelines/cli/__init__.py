"""The `telco` command: every step of every DAG from a shell, with the same functions the DAGs call."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.errors import TelcoError

NEXT = re.compile(r"\btelco [a-z]")


def main() -> None:
    """Run the command line. Exit codes: 0 ok, 1 fault, 2 usage, 3 held by a gate or a check."""
    if not sys.warnoptions:  # what libraries say to their developers is read in the tests
        warnings.simplefilter("ignore")
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """One command, by its words; what went wrong is told on stderr and ends with the next command. The exit code."""
    from pipelines import cost
    from pipelines.cli.app import app
    from pipelines.errors import TelcoError
    from pipelines.publish import writing
    from pipelines.settings import home_folder

    try:
        with writing(home_folder()), cost.process():
            app(list(words), prog_name="telco")  # by this name, whatever Python was called with: completion goes by it
    except TelcoError as error:
        print(f"telco: {told(error, words)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("telco: interrupted; what was published stands, run the same command again", file=sys.stderr)
        return 130
    except SystemExit as ended:  # typer's way to end, after a usage error too
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    return 0


def told(error: TelcoError, words: Sequence[str]) -> str:
    """An error's words; a next command is put below those that name none."""
    text = str(error)
    return text if NEXT.search(text) else f"{text}\n  next: {_next(error, words)}"


def _next(error: TelcoError, words: Sequence[str]) -> str:
    from pipelines.errors import Busy, Held, NoChampion, UsageError

    if isinstance(error, UsageError) and (path := _named(words)):
        return f"telco {' '.join(path)} --help"
    return "telco status" if isinstance(error, (Held, Busy, NoChampion)) else "telco doctor"


def _named(words: Sequence[str]) -> list[str]:
    """The command among the words: `telco quarantine show care.complaints` is `quarantine show`."""
    import typer.main

    from pipelines.cli.app import app

    path, below = [], getattr(typer.main.get_command(app), "commands", {})
    for word in words:
        if word not in below:
            break
        path.append(word)
        below = getattr(below[word], "commands", {})
    return path
