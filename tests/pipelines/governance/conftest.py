"""A tiny house with people in every store: drops that landed, published nights, scores, an extract, an online store."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.governance.erasure import person
from pipelines.publish import Dataset
from pipelines.settings import settings

FEEDS = ("billing_alpha.accounts", "billing_alpha.subscriptions", "billing_alpha.products", "billing_alpha.invoices",
         "billing_alpha.payments", "billing_bravo.subscribers", "billing_bravo.bills", "billing_bravo.payments",
         "network.usage_daily", "network.number_events", "care.interactions", "governance.consents",
         "governance.erasure_requests")
COUNT = 12


@pytest.fixture(scope="session")
def drops() -> ModuleType:
    path = Path(__file__).parents[1] / "landing" / "drops.py"
    spec = importlib.util.spec_from_file_location("telco_drops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class House:
    """One night of it. Subscription `S0000003` of alpha is line 3 of everything; of bravo it is `0000003`."""

    def __init__(self, drops: ModuleType) -> None:
        self.drops, self.on = drops, drops.AS_OF

    def line(self, number: int = 3) -> str:
        return person.by_subscription("alpha", f"S{number:07d}")

    def requests(self, *numbers: int) -> dict[str, str]:
        return {self.line(number): f"R{number}" for number in numbers}

    def rows(self, store: str) -> dict[str, list[dict[str, Any]]]:
        """Every row of every Parquet file of a store, by path."""
        root = settings().home / store
        return {str(path.relative_to(root)): pq.read_table(path, partitioning=None).to_pylist()
                for path in sorted(root.rglob("*.parquet")) if path.parent.name != "schema"}

    def text(self, *stores: str) -> str:
        """The bytes of every file of these stores, Parquet decoded."""
        found = []
        for store in stores:
            for path in sorted((settings().home / store).rglob("*")):
                if path.is_file():
                    found.append(str(pq.read_table(path, partitioning=None).to_pylist())
                                 if path.suffix == ".parquet" else path.read_bytes().decode("latin-1"))
        return "\n".join(found)

    def drop(self, feed_id: str, rows: list[dict[str, Any]], dt: date | None = None, **said: Any) -> Path:
        path: Path = self.drops.drop(feed_id, rows, dt=dt or self.drops.DT, **said)
        return path

    def land(self, days: int = 0) -> list[Any]:
        return landing.land(self.on + timedelta(days=days))

    def raw(self, feed_id: str, days: int = 0) -> pa.Table:
        return self.drops.raw(feed_id, self.drops.DT + timedelta(days=days))

    def subscribers(self) -> list[str]:
        tokens = pc.unique(pa.concat_arrays([
            self.raw(feed)["subscription_token"].combine_chunks()
            for feed in ("billing_alpha.subscriptions", "billing_bravo.subscribers")])).to_pylist()
        return sorted(f"sub_{token}" for token in tokens)


@pytest.fixture(scope="session")
def built(drops: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house, made once; every test gets a copy."""
    root = tmp_path_factory.mktemp("built") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(root))
        patch.delenv("TELCO_ESTATE", raising=False)
        settings.cache_clear()
        _build(drops)
    settings.cache_clear()
    return root


@pytest.fixture
def house(home: Path, built: Path, drops: ModuleType) -> House:
    shutil.copytree(built, home)
    settings.cache_clear()
    return House(drops)


def _build(drops: ModuleType) -> None:
    drops.estate(*FEEDS)
    for feed_id in FEEDS:
        rows = drops.rows(feed_id, 2 if feed_id == "governance.erasure_requests" else COUNT)
        if feed_id == "network.usage_daily":
            rows += [{**drops.usage(900 + number, drops.DT)} for number in range(188)]
            rows[3]["data_kb"] = -1  # a bad row of line 3 waits in quarantine
        drops.drop(feed_id, rows)
    landing.land(drops.AS_OF)
    _published(House(drops))


def _published(house: House) -> None:
    """Stand-ins for what later steps publish: a row a subscriber, in the form those steps write."""
    everyone = house.subscribers()
    table = pa.table({"subscriber_id": everyone, "value": list(range(len(everyone)))})
    for name in ("features/ftr_a", "labels/lbl_b"):
        Dataset(settings().home / name, ("as_of",)).publish(
            {"as_of": house.on.isoformat()}, lambda path: _write(table, path), known_on=house.on)
    Dataset(settings().scores / "churn", ("as_of", "version")).publish(
        {"as_of": house.on.isoformat(), "version": "1"}, lambda path: _write(table, path))
    extract = settings().extracts / f"as_of={house.on}" / "scores.csv"
    extract.parent.mkdir(parents=True)
    extract.write_text("subscriber_id,value\n" + "".join(f"{one},1\n" for one in everyone))
    _write(table, extract.with_suffix(".parquet"))
    settings().feast.mkdir()
    with sqlite3.connect(settings().feast / "online.db") as store:
        store.execute("create table telco_scores (entity_key blob, feature_name text, value blob)")
        store.executemany("insert into telco_scores values (?, 'x', 'y')",
                          [(b"\x01subscriber_id\x02\x00$\x00" + one.encode(),) for one in everyone])
    store.close()
    (settings().logs / "run.log").parent.mkdir(parents=True, exist_ok=True)
    (settings().logs / "run.log").write_text(f"a fault of {everyone[0]} and {everyone[1]}\n")
    (settings().warehouse).mkdir(exist_ok=True)
    import duckdb

    with duckdb.connect(str(settings().warehouse / "warehouse.duckdb")) as connection:
        connection.execute("create table t as select unnest(?) as subscriber_id", [everyone])


def _write(table: pa.Table, path: Path) -> int:
    pq.write_table(table, path, compression="zstd")
    rows: int = table.num_rows
    return rows
