"""What this deployment and its estate are set to, and where each setting came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import Json

if TYPE_CHECKING:
    from pipelines.configuration import Setting

app = typer.Typer(name="config", help="The settings: deployment (environment) and estate (estate.toml).",
                  no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, rich_help_panel="Operate")


@app.callback()
def config() -> None:
    """The settings: deployment (environment) and estate (estate.toml)."""


@app.command("show")
def show_settings(
    all_: Annotated[bool, typer.Option("--all", help="Also every default of every feed, and what keeps the libraries "
                                                     "quiet.")] = False,
    json: Json = False,
) -> None:
    """Every setting, its value and where it came from: environment, estate.toml or default. Secrets are masked.

    Example:  telco config show --json
    """
    from pipelines import configuration

    told, quiet = configuration.deployment(), configuration.libraries()
    if json:
        show.as_json({"deployment": told, "estate": configuration.of_estate(), "libraries": quiet})
        return
    _table("Deployment", told)
    rows = configuration.of_estate()  # after it, as an estate may be broken
    feeds = [one for one in rows if one.name.startswith("feeds.")]
    _table("\nEstate", rows if all_ else [one for one in rows if one not in feeds])
    if all_:
        _table("\nLibraries", quiet)
        return
    show.table("\nFeeds of the estate: what is not at its default", ["feed", "says"], _feeds(feeds))
    print("every key of every feed: telco config show --all")


def _table(title: str, rows: list[Setting]) -> None:
    show.table(title, ["setting", "value", "from"],
               [(one.name, one.value or (f"({one.means})" if one.means else None), _from(one.source)) for one in rows])


def _from(source: str) -> str:
    """The estate's path is a row of its own above."""
    from pipelines.settings import settings

    return "estate.toml" if source == str(settings().estate_file) else source.removeprefix("environment ")


def _feeds(rows: list[Setting]) -> list[tuple[str, str]]:
    """One row for each feed."""
    from pipelines.estate import FeedFacts

    usual = {name: str(field.default).lower() for name, field in FeedFacts.model_fields.items()}
    feeds: dict[str, list[str]] = {}
    for one in rows:
        source, name, key = one.name.removeprefix("feeds.").split(".", 2)
        told = feeds.setdefault(f"{source}.{name}", [])
        if one.value and one.value.lower() != usual.get(key):
            told.append(f"{key}={one.value}")
    return [(feed, ", ".join(told)) for feed, told in feeds.items()]
