"""The warehouse: raw Parquet through one dbt build into published features and labels, for any as_of, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipelines import cost
from pipelines.errors import UsageError
from pipelines.progress import Report, silent
from pipelines.publish import Entry
from pipelines.warehouse import builder, history, publication, size
from pipelines.warehouse.lock import held
from pipelines.warehouse.plan import Plan

__all__ = ["Plan", "build", "check_history", "publish", "unify"]


def check_history(as_of: date, *, report: Report = silent) -> None:
    """Every drop the build of one as_of reads has landed or was declared absent.

    Raises MissingHistory naming each feed and its missing dates.
    """
    history.check(_plan([as_of]))
    report(f"history: complete for {as_of}")


def build(as_ofs: Sequence[date], *, layer: str | None = None, report: Report = silent) -> None:
    """One dbt build, with its tests, of the tables for these as_ofs and the labels that mature with them.

    `layer` (staging, intermediate, core, features, labels) builds one layer on the tables of the layers before it.
    Raises Held when a test fails, TelcoError when a model breaks, Busy when the DuckDB file stays locked.
    """
    plan = _plan(as_ofs)
    with held():
        builder.build(plan, layer=layer, report=report)


def publish(as_ofs: Sequence[date], *, report: Report = silent) -> list[Entry]:
    """Copy roster, features and matured labels of these as_ofs from the built tables to their partitions.

    Raises Held when the counts do not add up, PublishedChanged when a published partition would get other bytes.
    """
    plan = _plan(as_ofs)
    with held():
        return publication.publish(plan, report=report)


@cost.counted("unify", lambda entries: {"rows_out": sum(entry.rows for entry in entries)})
def unify(
    as_ofs: Sequence[date], *, nights: Sequence[date] | None = None, report: Report = silent
) -> list[Entry]:
    """Check history, build, publish. Safe to repeat; the bytes do not depend on which as_ofs share a build.

    `nights`: the as_ofs whose maturing labels are published too; by default all of them. As many as_ofs share a build
    as fit in memory (`size.as_ofs_per_build`).
    """
    plan = _plan(as_ofs, nights)
    entries: list[Entry] = []
    with held():
        history.check(plan)
        report(f"history: complete for {len(plan.as_ofs)} as_ofs")
        for part in plan.parts(size.as_ofs_per_build()):
            builder.build(part, report=report)
            entries += publication.publish(part, report=report)
    return entries


def _plan(as_ofs: Sequence[date], nights: Sequence[date] | None = None) -> Plan:
    if not as_ofs:
        raise UsageError("no as_of given: the warehouse is built for one day or more, for example 2026-03-01")
    return Plan.of(as_ofs, nights=nights)
