"""Commands that bring data in and make features of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import completion, show
from pipelines.cli.options import AsOf, Json, Quiet, day
from pipelines.clock import DAY
from pipelines.errors import UsageError

PANEL = "Data in"


def register(app: typer.Typer) -> None:
    app.command("import", rich_help_panel=PANEL)(import_table)
    app.command(rich_help_panel=PANEL)(simulate)
    app.command(rich_help_panel=PANEL)(land)
    app.command(rich_help_panel=PANEL)(unify)
    app.command(rich_help_panel=PANEL)(materialize)
    app.command(rich_help_panel=PANEL)(bootstrap)


def import_table(
    kind: Annotated[str, typer.Argument(help="What the file is: ibm-telco.")],
    file: Annotated[Path, typer.Argument(help="The table to import.", exists=True, dir_okay=False)],
    as_of: AsOf,
    files_only: Annotated[bool, typer.Option("--files-only", help="Write landing files and stop there.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn a public table into landing files, then load them so that `telco train` can run.

    Example:  telco import ibm-telco Telco-Customer-Churn.csv --as-of 2026-10-01
    """
    from pipelines import importers, night
    from pipelines.models import SPECS
    from pipelines.settings import settings

    if kind != "ibm-telco":
        raise UsageError(f"import: no importer named {kind!r}. There is: ibm-telco")
    tell = show.reporter(quiet)
    imported = importers.ibm_telco(file, as_of, report=tell)
    settings.cache_clear()  # the home has an estate file of its own now
    churn = SPECS["churn"]
    matured = as_of + (churn.horizon_days + churn.grace_days) * DAY
    if not files_only:
        night.bootstrap(as_of, matured, report=tell)
    if json:
        show.as_json(imported)
        return
    show.table("Imported", ["fact", "value"], show.plain(imported).items())
    print(f"\nnext: telco train churn --as-of {matured + DAY}")


def simulate(
    subscribers: Annotated[int, typer.Option(min=1, help="Subscribers on the first day.")] = 4000,
    days: Annotated[int, typer.Option(min=1, help="Days of history in the dump; a churn model needs 225.")] = 300,
    nights: Annotated[int, typer.Option(min=0, help="Daily drops after the dump.")] = 10,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    scenario: Annotated[str, typer.Option(autocompletion=completion.scenarios,
                                          help="A name of --list, or the path of a .toml file.")] = "steady",
    listed: Annotated[bool, typer.Option("--list", help="List the scenarios and what they plant.")] = False,
    daily: Annotated[bool, typer.Option("--daily", help="No dump: every day of history is its own drop.")] = False,
    only: Annotated[date | None, typer.Option(parser=day, metavar="YYYY-MM-DD",
                                              help="Write this day's drops alone; a long run's are the same.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the landing files of two simulated operators, every feed, with the truth kept beside them.

    Example:  telco simulate --scenario price_rise --subscribers 5000 --days 300
    """
    from pipelines.settings import settings
    from pipelines.simulate import scenario as scenarios
    from pipelines.simulate import simulate as run

    if listed:
        found = scenarios.shipped()
        if json:
            show.as_json([one.model_dump(mode="json") for one in found])
        else:
            show.table("Scenarios", ["name", "what it plants"], [(one.name, one.says) for one in found])
        return
    made = run(
        subscribers=subscribers, days=days, nights=nights, seed=seed, day_zero=not daily, scenario=scenario, only=only,
        report=show.reporter(quiet),
    )
    settings.cache_clear()
    if json:
        show.as_json(made)
        return
    show.table("Simulated", ["fact", "value"], show.plain(made).items())


def land(
    as_of: AsOf,
    source: Annotated[str | None, typer.Option(help="Only this source, for example network.")] = None,
    absent: Annotated[str | None, typer.Option(autocompletion=completion.feeds,
                                               help="Declare this feed absent for the day, for example "
                                                    "care.interactions; cannot be undone.")] = None,
    because: Annotated[str, typer.Option(help="The reason of a declared absence.")] = "",
    initial: Annotated[bool, typer.Option("--initial", help="Accept a day-zero dump.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check, tokenise and publish the drops of the day before as_of; bad rows go to quarantine, bad files stop."""
    from pipelines import landing

    if absent:
        if not because:
            raise UsageError("land --absent needs --because 'reason': the declaration is kept for ever")
        landing.declare_absent(absent, as_of - DAY, because)
        print(f"{absent} of {as_of - DAY} declared absent: {because}")
        return
    landed = landing.land(as_of, source=source, initial=initial, report=show.reporter(quiet))
    if json:
        show.as_json(landed)
        return
    show.table(
        f"Landed for {as_of}", ["feed", "drop", "state", "rows", "quarantined"],
        [(item.feed, item.dt, item.state, item.rows, item.quarantined) for item in landed],
    )


def unify(as_of: AsOf, json: Json = False, quiet: Quiet = False) -> None:
    """Build the warehouse with dbt for one as_of and publish its roster, features and matured labels."""
    from pipelines import warehouse

    published = warehouse.unify([as_of], report=show.reporter(quiet))
    if json:
        show.as_json(published)
        return
    show.table(
        f"Published for {as_of}", ["partition", "version", "rows", "sha256"],
        [("/".join(entry.key.values()), entry.version, entry.rows, entry.sha256[:12]) for entry in published],
    )


def materialize(as_of: AsOf, json: Json = False, quiet: Quiet = False) -> None:
    """Bring the online store to as_of; an older as_of than it already holds changes nothing."""
    from pipelines import features

    moved = features.materialize(as_of, report=show.reporter(quiet))
    if json:
        show.as_json({"as_of": as_of, "moved": moved})
        return
    print(f"online store: {'now at' if moved else 'already newer than'} {as_of}")


def bootstrap(
    first: Annotated[date, typer.Option("--from", parser=day, metavar="YYYY-MM-DD", help="First as_of.")],
    last: Annotated[date, typer.Option("--to", parser=day, metavar="YYYY-MM-DD", help="Last as_of.")],
    initial: Annotated[bool, typer.Option("--initial", help="Accept one dump of years as day zero; its knowledge "
                                                            "dates are assumed and marked so.")] = False,
    every_day: Annotated[bool, typer.Option("--every-day", help="Publish every as_of, not only the weekly training "
                                                                "cut-offs and the last.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Load history in bulk: the same steps as the nights, in one build, the same bytes."""
    from pipelines import night

    published = night.bootstrap(first, last, initial=initial, every_day=every_day, report=show.reporter(quiet))
    if json:
        show.as_json(published)
        return
    print(f"published {len(published)} partitions, {sum(entry.rows for entry in published):,} rows")
    print(f"next: telco train churn --as-of {last}")
