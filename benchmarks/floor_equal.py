"""Whether benchmarks/floor.py made what the night published: every subscriber, column by column.

    python benchmarks/floor_equal.py --home /data/bench/20000x225 --as-of 2026-06-15 --out /data/floor

Features, scores, reasons and the extract. Numbers may differ by 1e-6 of themselves (at least by 1e-6): both add up
alike but not in the same order. Text, flags and what is missing must be the same. A feature that lies on a tree's
threshold may fall to its other side by its last bit: so many scores may differ as one in EDGE subscribers, told in the
end. Names what differs and ends with 1, else prints what was compared.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

TOLERANCE = 1e-6
EDGE = 20_000
VIEWS = ("ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care")
KEYS = {"subscriber_id", "event_timestamp", "created_at"}
# What the door of the extract adds for whoever calls: the contact policy and a band of the value. The floor does not.
FOR_THE_LIST = {"control_group", "do_not_contact", "do_not_contact_because", "ltv_band"}
NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="the home whose night was run")
    parser.add_argument("--as-of", type=date.fromisoformat, required=True, help="the night")
    parser.add_argument("--out", type=Path, required=True, help="what the floor wrote")
    options = parser.parse_args(words)
    print(compared(options.home, options.as_of, options.out))
    return 0


def compared(home: Path, as_of: date, out: Path) -> str:
    """One line of what was found equal. Raises SystemExit naming every table and column that differs."""
    pairs = {view: (home / f"features/{view}/as_of={as_of}/data.parquet", out / "features.parquet") for view in VIEWS}
    for model in ("churn", "ltv"):
        found = sorted((home / f"scores/{model}/as_of={as_of}").glob("version=*/data.parquet"))
        if not found:
            raise SystemExit(f"{home}: {model} has no scores of {as_of}: run the night before the comparison")
        pairs[f"scores of {model}"] = (found[-1], out / f"{model}.parquet")
    differ, rows, columns = [], [], 0
    with duckdb.connect() as connection:
        connection.execute("create temp table edge (subscriber_id varchar)")
        for name, (ours, theirs) in pairs.items():
            wanted = dict(connection.execute("select column_name, column_type from (describe from read_parquet(?, "
                                             "hive_partitioning = false))",
                                             [str(ours)]).fetchall())
            count, faults = differences(connection, ours, theirs, wanted, may_differ=name.startswith("scores"))
            columns += len(wanted.keys() - KEYS)
            rows.append(count)
            differ += [f"{name}: {fault}" for fault in faults]
        (on_the_edge,), = connection.execute("select count(distinct subscriber_id) from edge").fetchall()
        extract = home / f"extracts/as_of={as_of}/scores.csv"
        is_newest = not (home / f"raw/governance/consents/dt={as_of}").exists()
        if is_newest:  # else who withdrew since is in the floor's alone
            differ += [f"extract: {fault}" for fault in lines(connection, extract, out / "scores.csv")]
    if differ:
        raise SystemExit("not the same:\n  " + "\n  ".join(differ))
    return (f"equal: {columns} columns, features of {rows[0]:,} subscribers and scores of {rows[-1]:,}"
            f"{', and the extract' if is_newest else ''}; {on_the_edge} scores apart by a feature's last bit")


def differences(
    connection: Any, ours: Path, theirs: Path, columns: dict[str, str], may_differ: bool = False
) -> tuple[int, list[str]]:
    """Rows of ours, and what differs: subscribers on one side only, then columns with how many and an example.

    With `may_differ` one subscriber in EDGE may, and goes to the table `edge`.
    """
    connection.execute(f"create or replace temp view a as from read_parquet('{ours}', hive_partitioning = false)")
    connection.execute(f"create or replace temp view b as from read_parquet('{theirs}', hive_partitioning = false)")
    (count, missing, foreign), = connection.execute("""
        select count(a.subscriber_id), count(*) filter (where b.subscriber_id is null),
               count(*) filter (where a.subscriber_id is null)
        from a full join b using (subscriber_id)
    """).fetchall()
    faults = [f"{missing} subscribers missing, {foreign} foreign"] if missing or foreign else []
    told = {name for name, *_ in connection.execute("describe b").fetchall()}
    differ: set[str] = set()
    apart = []
    for name in (one for one in columns if one not in KEYS):
        if name not in told:
            faults.append(f"{name}: is not there")
        elif found := _column(connection, name, columns[name]):
            differ |= {who for who, *_ in found}
            who, night, floor = found[0]
            apart.append(f"{name}: {len(found)} differ, for example {who}: night {night!r}, floor {floor!r}")
    if may_differ and len(differ) <= count // EDGE:
        connection.execute("insert into edge select unnest($1)", [sorted(differ)])
        return int(count), faults
    return int(count), faults + apart


def _column(connection: Any, name: str, kind: str) -> list[tuple[str, Any, Any]]:
    """Who differs in a column, with both values."""
    if kind.endswith("[]"):
        apart = (f"len(a.{name}) != len(b.{name}) or list_max(list_transform(list_zip(a.{name}, b.{name}), "
                 f"lambda pair: abs(pair[1] - pair[2]) / greatest(1, abs(pair[1])))) > {TOLERANCE}")
    elif any(kind.startswith(number) or number in kind for number in NUMBERS):
        apart = f"abs(a.{name} - b.{name}) > {TOLERANCE} * greatest(1, abs(a.{name}))"
    else:
        apart = f"a.{name} != b.{name}"
    found: list[tuple[str, Any, Any]] = connection.execute(f"""
        select subscriber_id, a.{name}, b.{name}
        from a inner join b using (subscriber_id)
        where ({apart}) or (a.{name} is null) != (b.{name} is null)
        order by subscriber_id
    """).fetchall()
    return found


def lines(connection: Any, ours: Path, theirs: Path) -> list[str]:
    """What differs in the extract: rows, then columns of those the floor has too; models without a champion are empty.

    How a moment is written may differ.
    """
    for name, path in (("a", ours), ("b", theirs)):
        connection.execute(f"create or replace temp view {name} as "
                           f"from read_csv('{path}', all_varchar = true, header = true, delim = ',', quote = '\"')")
    told = [{name for name, *_ in connection.execute(f"describe {side}").fetchall()} for side in "ab"]
    (only_a, only_b), = connection.execute("""
        select count(*) filter (where b.subscriber_id is null), count(*) filter (where a.subscriber_id is null)
        from a full join b using (subscriber_id)
    """).fetchall()
    faults = [f"{only_a} rows missing, {only_b} foreign"] if only_a or only_b else []
    for name in sorted(told[0] - KEYS - FOR_THE_LIST):
        if name.endswith("expires_at") or name.startswith("upgrade_"):
            continue
        night, floor = (f"try_cast({side}.{name} as double)" for side in "ab")
        same = (f"a.{name} is not distinct from b.{name} "
                f"or abs({night} - {floor}) <= {TOLERANCE} * greatest(1, abs({night}))")
        if name not in told[1]:
            faults.append(f"{name}: is not there")
            continue
        faults += [f"{name}: {who}: night {one!r}, floor {other!r}" for who, one, other in connection.execute(
            f"select subscriber_id, a.{name}, b.{name} from a inner join b using (subscriber_id) "
            f"where not coalesce({same}, false) "
            "and subscriber_id not in (from edge) order by subscriber_id limit 1").fetchall()]
    return faults


if __name__ == "__main__":
    sys.exit(main())
