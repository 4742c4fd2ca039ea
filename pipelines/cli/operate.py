"""Commands that run the whole, and tell how it stands."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import AsOf, Json, Quiet

PANEL = "Operate"


def register(app: typer.Typer) -> None:
    for command in (night, status, doctor, demo, up, down):
        app.command(rich_help_panel=PANEL)(command)


def night(as_of: AsOf, json: Json = False, quiet: Quiet = False) -> None:
    """All steps of one night without Airflow: land, unify, materialize, score, extract, monitor."""
    from pipelines import night as steps

    outcome = steps.night(as_of, report=show.reporter(quiet))
    if json:
        show.as_json(outcome)
        return
    rows: list[tuple[str, object]] = [
        ("drops landed", len(outcome.landed)), ("partitions published", len(outcome.published))]
    rows += [(f"{model} scored", f"{item.rows:,} rows with version {item.version}")
             for model, item in outcome.scored.items()]
    rows += [(f"{model} skipped", why) for model, why in outcome.skipped.items()]
    rows += [(f"{model} watched", f"{verdict.cause}, action {verdict.action}")
             for model, verdict in outcome.monitored.items()]
    rows.append(("extract", outcome.extract))
    show.table(f"Night {as_of}", ["step", "result"], rows)


def status(
    cost: Annotated[bool, typer.Option("--cost", help="What the last nights cost instead, from recorded runs: time, "
                                                      "memory, bytes, and all of it per million subscribers.")] = False,
    json: Json = False,
) -> None:
    """Where things stand: what has landed, what is published, which champions are in force, the last verdicts."""
    if cost:
        from pipelines.cli import costs

        costs.tell(json)
        return
    from pipelines import status as standing

    now = standing.status()
    if json:
        show.as_json(now)
        return
    show.table(f"Home {now.home}", ["fact", "value"], [
        ("estate", now.estate), ("history from", now.history_start), ("history ends before", now.history_end),
        ("next step", now.next_step), ("audit log, line and hash", now.audit_head)])
    show.table("\nLanded", ["feed", "drops", "newest", "rows"],
               [(f.name, f.partitions, f.newest, f.rows) for f in now.feeds])
    show.table("\nPublished", ["dataset", "partitions", "newest", "rows in newest"],
               [(d.name, d.partitions, d.newest, d.rows) for d in now.datasets])
    show.table("\nChampions", ["model", "version", "in force from", "trained at", "what it measured"],
               [(c.model, c.version, c.from_as_of, c.trained_as_of, c.headline) for c in now.champions])
    if now.flagged:
        show.table("\nNot as it should be: the newest scores", ["model", "as_of", "what"],
                   [(f.model, f.as_of, f.flag) for f in now.flagged])
    show.table("\nNewest drift verdicts", ["model", "as_of", "status", "reason"],
               [(v.model, v.as_of, v.status, v.reason) for v in now.verdicts])


def doctor(json: Json = False) -> None:
    """Check this machine and home, and the servers it names; what fails says how to mend it, with a command.

    Exit 1 when something fails. Nothing is written or started.
    """
    from pipelines import doctor as examination
    from pipelines.errors import TelcoError

    findings = examination.examine()
    failed = [one for one in findings if not one.ok]
    if json:
        show.as_json(findings)
    else:
        show.checks([(one.name, one.ok, one.found, one.mend, one.command) for one in findings])
    if failed:
        raise TelcoError(f"doctor: {len(failed)} of {len(findings)} checks failed: "
                         f"{', '.join(one.name for one in failed)}\n  next: {failed[0].command}, then: telco doctor")


def demo(
    subscribers: Annotated[int, typer.Option(min=500, help="Subscribers of the simulated operator.")] = 4000,
    keep: Annotated[bool, typer.Option("--keep", envvar="KEEP", help="Leave Airflow running at the end.")] = False,
) -> None:
    """The whole story on a simulated operator: real Airflow, history, first champions, three nights backfilled."""
    from pipelines import demo as story

    story.run(subscribers=subscribers, keep=keep)


def up() -> None:
    """Start Airflow (api-server, scheduler, dag-processor, triggerer) on loopback for this home."""
    from pipelines import stack

    stack.up(report=show.reporter())


def down() -> None:
    """Stop what `telco up` started, by pid. Safe to repeat."""
    from pipelines import stack

    stack.down(report=show.reporter())
