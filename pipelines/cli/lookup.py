"""The care desk's command: one subscriber, out of the online store."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import Json, day


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Operate")(lookup)


def lookup(
    subscriber: Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="A subscriber_id, sub_...")],
    as_of: Annotated[date | None, typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD",
                                               help="The day the answer is used on; default: today, UTC.")] = None,
    json: Json = False,
) -> None:
    """Scores, reasons and a few facts of one subscriber from the online store. Expired scores are not shown."""
    from pipelines import clock
    from pipelines.features import desk

    answer = desk.ask(subscriber, as_of or clock.utc_now().date())
    if json:
        show.as_json(answer)
        return
    reasons = (answer.churn_reasons or "").split("; ")
    show.table(f"Subscriber {answer.subscriber_id}", ["what", "value"], [
        ("scored as of", answer.as_of), ("may be used until", f"{answer.expires_at:%Y-%m-%d %H:%M} UTC"),
        ("leaves within 30 days", answer.churn_probability), ("risk decile (1 = highest)", answer.churn_decile),
        *(("reason", reason) for reason in reasons if reason),
        ("margin of the next 12 months, EUR", answer.ltv_eur_12m),
        ("model versions", f"churn {answer.churn_version or '-'}, ltv {answer.ltv_version or '-'}"),
        *((f"{name} at {answer.facts_as_of}", value) for name, value in answer.facts.items()),
    ])
