"""What a shell offers at the tab key: names and days, read from file names alone. A home that cannot be read offers
nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import typer

MOST_DAYS = 30


def models(incomplete: str) -> list[str]:
    """Models with a spec."""
    from pipelines.models import SPECS

    return _fitting(SPECS, incomplete)


def as_ofs(incomplete: str) -> list[str]:
    """Days published in this home, newest first."""
    home = _home()
    found = {path.name.removeprefix("as_of=") for root in ("features/roster", "scores/*") for path in
             home.glob(f"{root}/as_of=????-??-??")}
    return _fitting(sorted(found, reverse=True)[:MOST_DAYS], incomplete)


def versions(context: typer.Context, incomplete: str) -> list[str]:
    """Versions of the model that was named before, newest first."""
    from pipelines.models import SPECS

    # An option without its value ends the parser's work before it comes to the arguments: the words say it then.
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    named = next((word for word in line.split() if word in SPECS), "")
    return _fitting(_versions(str(context.params.get("model") or named)), incomplete)


def model_versions(incomplete: str) -> list[str]:
    """MODEL:VERSION of every version in this home."""
    names = [path.name for path in sorted((_home() / "models").glob("*/"))]
    return _fitting((f"{name}:{version}" for name in names for version in _versions(name)), incomplete)


def feeds(incomplete: str) -> list[str]:
    """Feeds of the estate."""
    from pipelines.errors import TelcoError
    from pipelines.estate import estate

    try:
        return _fitting(estate().feeds, incomplete)
    except TelcoError:
        return []


def drops(context: typer.Context, incomplete: str) -> list[str]:
    """Days of which something of the feed named before lies in quarantine, newest first."""
    source, _, name = str(context.params.get("feed") or "").partition(".")
    found = (_home() / "quarantine").glob(f"{source or '*'}/{name or '*'}/dt=????-??-??")
    return _fitting(sorted({path.name.removeprefix("dt=") for path in found}, reverse=True), incomplete)


def scenarios(incomplete: str) -> list[str]:
    """Scenarios that are shipped."""
    folder = Path(__file__).parents[1] / "simulate" / "scenarios"
    return _fitting((path.stem for path in sorted(folder.glob("*.toml"))), incomplete)


def _versions(model: str) -> list[str]:
    numbers = [path.name[1:] for path in (_home() / "models").glob(f"{model or '*'}/v*/")]
    return [str(number) for number in sorted({int(text) for text in numbers if text.isdigit()}, reverse=True)]


def _home() -> Path:
    from pipelines.settings import home_folder

    return home_folder()


def _fitting(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
