"""The ML Test Score of the repository, printed from the markers of its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli import show
from pipelines.cli.options import Json
from pipelines.errors import UsageError


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Operate")(mltestscore)


def mltestscore(
    run: Annotated[bool, typer.Option("--run", help="Run the marked tests that need no server, and count those that "
                                                    "pass; minutes.")] = False,
    page: Annotated[bool, typer.Option("--page", help="The whole sheet as Markdown, with every test.")] = False,
    json: Json = False,
) -> None:
    """The ML Test Score (Breck et al. 2017): 28 items in four sections, the least section is the score.

    Read from the markers of tests/, so it works in a checkout only.
    """
    import subprocess
    import sys

    from pipelines.settings import PROJECT

    score = _read(PROJECT / "tests" / "mltestscore.py")
    if run:
        words = [sys.executable, "-m", "pytest", "-m", "mlts and not live", "--ml-test-score"]
        raise typer.Exit(subprocess.run(words, cwd=PROJECT, check=False).returncode)  # noqa: S603
    tests = score.marked()
    points = {name: score.points(name, tests) for name in score.ITEMS}
    if json:
        totals = score.sections(points)
        show.as_json({"score": min(totals.values()), "sections": totals, "points": points, "tests": tests})
    elif page:
        print(score.page(tests))
    else:
        print("\n".join(score.sheet(tests)))


def _read(path: Path) -> Any:
    """The rubric lies with the tests. Raises UsageError where there are none: an installed copy has no tests."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("telco_mltestscore", path) if path.exists() else None
    if spec is None or spec.loader is None:
        raise UsageError(f"mltestscore: it is read from the tests, and {path.parent} is not here: this telco is "
                         "installed without them. Get a checkout of the repository, make setup, and there: "
                         "telco mltestscore")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
