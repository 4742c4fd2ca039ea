"""An operator alone: of the second billing system, counters and governance only the empty schemas lie in raw/."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest
from told import MARCH, living_in, tell

from pipelines.settings import PROJECT

OWN = ("billing_alpha.", "network.usage_daily", "care.interactions")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, unify: Any) -> Any:
    home = tmp_path_factory.mktemp("alone")
    (home / "estate.toml").write_text(estate_of_alpha(), encoding="utf-8")
    with living_in(home):
        tell(bravo=False)
    for folder in ("billing_bravo", "pm", "governance", "network/cells", "network/number_events", "care/complaints"):
        shutil.rmtree(home / "raw" / folder)
    return unify(home, [MARCH])


def estate_of_alpha() -> str:
    """The repository's estate without the tables of bravo and of every feed that is not alpha's own."""
    tables = re.split(r"(?m)^(?=\[)", (PROJECT / "estate.toml").read_text(encoding="utf-8"))
    return "".join(
        table for table in tables
        if not table.startswith("[operators.bravo]")
        and (not table.startswith("[feeds.") or table.removeprefix('[feeds."').startswith(OWN))
    )


# What only the feeds it does not have could tell.
UNTOLD = {"is_ported_in", "open_complaints"}


def test_an_operator_alone_gets_the_values_it_gets_beside_another(alone: Any, built: Any) -> None:
    for table in ("roster", "ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care"):
        rows, beside = alone.rows(f"features/{table}", MARCH), built.rows(f"features/{table}", MARCH)
        assert len(rows) > 10
        assert {row[name] for row in rows.values() for name in UNTOLD & set(row)} <= {None}
        assert told(rows) == told({name: row for name, row in beside.items() if name in rows})
        assert {name for name in set(beside) - set(rows) if "bravo" not in name} == {"moved_from_alpha"} & set(beside)


def told(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: row[key] for key in row if key not in UNTOLD} for name, row in rows.items()}


def test_what_is_not_delivered_leaves_empty_tables_and_no_fault(alone: Any) -> None:
    import duckdb

    with duckdb.connect(str(alone.home / "warehouse/warehouse.duckdb"), read_only=True) as connection:
        for table in ("staging.stg_billing_bravo__subscribers", "staging.stg_pm__nokia", "intermediate.int_cell_kpis",
                      "staging.stg_governance__consents"):
            assert connection.execute(f"select count(*) from {table}").fetchall() == [(0,)]
