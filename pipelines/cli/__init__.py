"""The `telco` command: every step of every DAG from a shell, with the same functions the DAGs call."""

from __future__ import annotations

import sys
import warnings


def main() -> None:
    """Run the command line. Exit codes: 0 ok, 1 fault, 2 usage, 3 held by a gate or a check."""
    if not sys.warnoptions:  # what libraries say to their developers is read in the tests
        warnings.simplefilter("ignore")
    from pipelines import cost
    from pipelines.cli.app import app
    from pipelines.errors import TelcoError
    from pipelines.publish import writing
    from pipelines.settings import home_folder

    try:
        with writing(home_folder()), cost.process():
            app()
    except TelcoError as error:
        print(f"telco: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("telco: interrupted; what was published stands, run the same command again", file=sys.stderr)
        sys.exit(130)
