"""From built tables to published partitions: read in order, counted against the roster, written once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pipelines.errors import Held, TelcoError
from pipelines.estate import estate
from pipelines.landing import raw
from pipelines.landing.senders import feed
from pipelines.progress import Report
from pipelines.publish import Dataset, Entry
from pipelines.settings import settings
from pipelines.warehouse import coverage
from pipelines.warehouse.lock import database
from pipelines.warehouse.plan import Plan

FEATURES = ("ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care")
ROSTER = """
    select subscriber_id, cast(as_of as timestamp) as event_timestamp, cast(as_of as timestamp) as created_at,
           operator, region, segment, age_band, contract_type, tenure_days, is_active, exclusion
    from intermediate.int_subscriber_eligibility
"""
CONSENT = """
    select subscriber_id, cast(as_of as timestamp) as event_timestamp, cast(as_of as timestamp) as created_at,
           operator, has_analytics, has_model_training
    from intermediate.int_subscriber_consent
"""
# Row groups of DuckDB's own size: readers skip by them, and a fixed number keeps the bytes fixed.
_ROW_GROUP = 122_880


@dataclass(frozen=True)
class _Table:
    """A built table, where its partitions go, and how long after as_of its rows are known."""

    name: str
    query: str
    root: Path
    known_after: timedelta = timedelta(0)
    is_roster: bool = False
    is_of_everyone: bool = False  # ever known, also who has left


def publish(plan: Plan, *, report: Report) -> list[Entry]:
    """Publish every partition of the plan, oldest as_of first. Returns the standing entries."""
    import duckdb

    inputs = _Inputs()
    entries = []
    if not database().exists():
        raise TelcoError(f"{database()}: the warehouse was never built. Run: telco unify")
    with duckdb.connect(str(database()), read_only=True, config=settings().duckdb) as connection:
        for table, as_of in _partitions(plan):
            entries.append(_publish_one(connection, table, as_of, inputs))
        coverage.keep(connection, plan.as_ofs, report)
    report(f"published: {len(entries)} partitions, {sum(entry.rows for entry in entries)} rows")
    return entries


def _partitions(plan: Plan) -> Iterator[tuple[_Table, date]]:
    features, labels = settings().features, settings().labels
    roster = _Table("roster", ROSTER, features / "roster", is_roster=True)
    consent = _Table("consent", CONSENT, features / "consent", is_of_everyone=True)
    views = [_Table(name, f"select * from features.{name}", features / name) for name in FEATURES]  # noqa: S608
    for as_of in plan.as_ofs:
        yield from ((table, as_of) for table in (roster, consent, *views))
    for label, days in plan.labels.items():
        query = f"select * from labels.{label.name}"  # noqa: S608  the name of a spec
        yield from ((_Table(label.name, query, labels / label.name, label.known_after), day) for day in days)


def _publish_one(connection: Any, table: _Table, as_of: date, inputs: _Inputs) -> Entry:
    start = datetime.combine(as_of, time())
    # The query is one of the constants above; the day is bound.
    rows = connection.sql(
        f"select * from ({table.query}) where event_timestamp = ? order by subscriber_id", params=[start],  # noqa: S608
    ).to_arrow_table()
    _audit(table, as_of, rows, _expected(connection, as_of, table))
    known_on = as_of + table.known_after
    return Dataset(table.root, ("as_of",)).publish(
        {"as_of": as_of.isoformat()}, _writer(rows), known_on=known_on, inputs={"raw_sha256": inputs.digest(known_on)},
    )


def _writer(rows: Any) -> Callable[[Path], int]:
    import pyarrow.parquet as pq

    def write(path: Path) -> int:
        pq.write_table(rows.combine_chunks(), path, compression="zstd", row_group_size=_ROW_GROUP)
        count: int = rows.num_rows
        return count

    return write


def _expected(connection: Any, as_of: date, table: _Table) -> int:
    (count,), = connection.execute(
        "select count(*) from intermediate.int_subscriber_identity where known_by = ?", [as_of],
    ).fetchall() if table.is_of_everyone else connection.execute(
        "select count(*) from intermediate.int_subscriber_eligibility where as_of = ? and (is_active or ?)",
        [as_of, table.is_roster],
    ).fetchall()
    return int(count)


def _audit(table: _Table, as_of: date, rows: Any, expected: int) -> None:
    """One row for everyone the roster says, nobody twice, and somebody at all."""
    import pyarrow.compute as pc

    subject = f"{table.name} {as_of}"
    if rows.num_rows == 0:
        raise Held(subject, ["no rows were built for this as_of"], f"telco unify --as-of {as_of}; check what landed")
    subscribers = pc.count_distinct(rows["subscriber_id"]).as_py()
    reasons = []
    if rows.num_rows != expected:
        whom = "known" if table.is_of_everyone else "open" if table.is_roster else "active"
        reasons.append(f"{rows.num_rows} rows, but {expected} subscribers are {whom}")
    if subscribers != rows.num_rows:
        reasons.append(f"{rows.num_rows} rows for {subscribers} subscribers")
    if reasons:
        raise Held(subject, reasons, "nothing was published; a join in the model drops or repeats rows")


def raw_digest(known_on: date) -> str:
    """The digest of the raw drops known by a day, as the partitions made from them record it (`raw_sha256`)."""
    return _Inputs().digest(known_on)


class _Inputs:
    """The raw drops a partition was made from, as one digest; the manifests are read once per publication."""

    def __init__(self) -> None:
        self._drops: list[tuple[str, str, int, str, str]] = []
        for feed_id in estate().delivered():
            for entry in raw.dataset(feed(feed_id)).publications():
                self._drops.append((feed_id, entry.key["dt"], entry.version, entry.sha256, entry.known_on or ""))
        self._drops.sort()

    def digest(self, known_on: date) -> str:
        """sha256 over (feed, dt, version, sha256) of every drop known by this day."""
        known = (drop for drop in self._drops if drop[4] and drop[4] <= known_on.isoformat())
        return hashlib.sha256("\n".join(" ".join(map(str, drop[:4])) for drop in known).encode()).hexdigest()
