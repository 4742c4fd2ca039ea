"""F20: a key sent twice does not multiply rows: the door lets none of its rows in, and each table tests its grain."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path
from types import ModuleType

import duckdb
import jinja2
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from pipelines import landing
from pipelines.errors import Held, RejectedFile
from pipelines.landing import batch, reading
from pipelines.landing.contract import FEEDS

USAGE = "network.usage_daily"
DBT = Path(__file__).parents[2] / "dbt_project"


@pytest.mark.parametrize("feed_id", [feed.id for feed in FEEDS])
def test_F20_rows_out_are_the_distinct_keys_of_every_feed(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    rows = drops.rows(feed_id, 10 if feed_id.startswith("pm.") else 200)
    assert len(rows) >= 200  # two rows of a key are then less than what rejects the file
    drops.drop(feed_id, [*rows, rows[3]])
    (landed,) = landing.land(drops.AS_OF)
    assert landed.quarantined == 2
    assert landed.rows == drops.raw(feed_id).num_rows == len(rows) - 1
    assert all("occurs more than once" in row["reasons"][0] for row in drops.quarantined(feed_id))


def test_F20_copies_in_different_parts_of_a_large_drop_are_found_too(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (reading, batch):
        monkeypatch.setattr(module, "PART_ROWS", 150)
    drops.estate(USAGE)
    rows = drops.rows(USAGE, 400)
    drops.drop(USAGE, [*rows, {**rows[3], "data_kb": 5}])
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (399, 2)
    assert [row["line"] for row in drops.quarantined(USAGE)] == [4, 401]


def test_F20_a_drop_that_holds_itself_twice_is_rejected_and_never_doubled(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, drops.rows(USAGE, 200) * 2)
    with pytest.raises(RejectedFile, match=r"400 of 400 rows are bad.*occurs more than once"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()


def guard(columns: list[str]) -> str:
    """The SQL of the grain test as dbt would compile it for the table `joined`."""
    text = (DBT / "macros" / "tests.sql").read_text(encoding="utf-8")
    body = text.split("{% test grain(model, columns) %}")[1].split("{% endtest %}")[0]
    return jinja2.Template(body).render(model="joined", columns=columns)  # no page: nothing to escape


def test_F20_a_many_to_many_join_is_stopped_by_the_grain_test() -> None:
    con = duckdb.connect()
    con.execute("create table usage as select * from (values ('s1', 10), ('s2', 20)) as t (subscriber_id, mb)")
    con.execute("create table holders as select * from (values ('s1', 'a'), ('s1', 'b'), ('s2', 'c')) as t "
                "(subscriber_id, account)")
    con.execute("create table joined as select * from usage inner join holders using (subscriber_id)")
    assert con.execute(guard(["subscriber_id"])).fetchall() == [("s1", 2)]
    con.execute("create or replace table joined as select * from usage")
    assert con.execute(guard(["subscriber_id"])).fetchall() == []
    con.execute("insert into joined values (null, 1)")
    assert con.execute(guard(["subscriber_id"])).fetchall() == [(None, 1)]


def test_F20_every_table_that_is_joined_or_published_has_a_grain_test() -> None:
    models = {path.stem for path in (DBT / "models").rglob("*.sql")}
    guarded = set()
    for path in (DBT / "models").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            names = {next(iter(test)) if isinstance(test, dict) else test for test in model.get("data_tests", [])}
            if names & {"grain", "grain_of_new_drops"}:
                guarded.add(model["name"])
    assert len(models) > 40
    assert {name for name in models if name.startswith(("stg_", "fct_", "dim_", "ftr_", "lbl_"))} <= guarded
    views = {name for name in models - guarded if name.startswith("int_")}
    assert len(views) < len([name for name in models if name.startswith("int_")]) / 2, views


def test_F20_scores_that_would_multiply_the_roster_stop_the_extract(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly = importlib.import_module("pipelines.scoring.extract")
    ids = ["s1", "s2"]
    roster = pd.DataFrame({"subscriber_id": ids, "operator": "alpha", "region": "north", "segment": "consumer"})
    told = {name: 1 for name in nightly.COLUMNS["churn"]} | {"expires_at": pd.Timestamp("2026-03-14")}
    scores = pd.DataFrame(told | {"subscriber_id": ids}, index=range(2))
    said = {"roster": roster, "scores": scores}
    def table(name: str) -> pa.Table:
        return pa.Table.from_pandas(said[name], preserve_index=False)

    monkeypatch.setattr(nightly, "_roster", lambda as_of: table("roster"))
    monkeypatch.setattr(nightly, "published", lambda model, *asked: table("scores") if model == "churn" else None)
    assert len(pd.read_csv(nightly.extract(date(2026, 3, 11)))) == 2
    for doubled in said:
        whole = said[doubled]
        said[doubled] = pd.concat([whole, whole.iloc[:1]])
        with pytest.raises(Held, match="1 subscribers are there more than once"):
            nightly.extract(date(2026, 3, 11))
        said[doubled] = whole
