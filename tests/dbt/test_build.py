"""One bulk build of the told world: dbt's own unit tests, the published tables, and the same bytes however built."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from told import APRIL, JULY, MARCH, living_in

from pipelines.errors import Held, TelcoError, UsageError
from pipelines.models import SPECS
from pipelines.warehouse import builder
from pipelines.warehouse.plan import Plan

PROJECT = Path(__file__).parents[2] / "dbt_project"


@pytest.mark.mlts("D7")
def test_every_unit_test_of_the_project_ran_and_passed(built: Any) -> None:
    files = sorted(PROJECT.glob("models/**/_*.yml"))
    written = [test["name"] for file in files for test in yaml.safe_load(file.read_text()).get("unit_tests", ())]
    ran = {r["unique_id"].rsplit(".", 1)[-1]: r["status"] for r in built.results["results"]
           if r["unique_id"].startswith("unit_test.")}
    assert len(written) >= 14
    assert ran == dict.fromkeys(written, "pass")


@pytest.mark.mlts("D1")
def test_every_mart_has_a_contract_and_a_grain(built: Any, told: Path) -> None:
    nodes = json.loads((told / "warehouse/dbt/manifest.json").read_text())["nodes"].values()
    marts = {n["name"]: n for n in nodes if n["resource_type"] == "model" and n["fqn"][1] == "marts"}
    assert len(marts) >= 9
    assert [name for name, n in marts.items() if not n["config"]["contract"]["enforced"]] == []
    with_grain = {n["attached_node"].rsplit(".", 1)[-1] for n in nodes
                  if n["resource_type"] == "test" and n.get("test_metadata", {}).get("name") == "grain"}
    assert set(marts) <= with_grain


def test_a_single_night_publishes_the_bytes_of_the_bulk_build(built: Any, told: Path, unify: Any) -> None:
    alone, bulk = unify(told, [APRIL]).published(), built.published()
    # Roster, consent, three feature tables of April, and the labels of the cut-offs that mature in April.
    with living_in(told):
        labels = {label.name for label, days in Plan.of([APRIL]).labels.items() if days}
    assert "lbl_churn_30d" in labels
    assert sorted(name.split("/")[1] for name in alone) == sorted({
        "consent", "ftr_subscriber_billing", "ftr_subscriber_care", "ftr_subscriber_network", "roster"} | labels)
    assert [name for name, content in alone.items() if bulk[name] != content] == []


def test_a_bulk_build_publishes_the_labels_that_mature_within_it(built: Any) -> None:
    folders = Counter(name.split("/")[1] for name in built.published())
    first = {"roster": 3, "consent": 3, "ftr_subscriber_billing": 3, "ftr_subscriber_network": 3,
             "ftr_subscriber_care": 3, "lbl_churn_30d": 3, "lbl_ltv": 1}
    assert {name: folders[name] for name in first} == first
    assert set(folders) == set(first) | {spec.label for spec in SPECS.values()}


def test_a_partition_names_the_raw_it_was_made_from(built: Any) -> None:
    lines = (built.home / "features/roster/manifest.jsonl").read_text().splitlines()
    digests = {e["key"]["as_of"]: e["inputs"]["raw_sha256"] for e in map(json.loads, lines)}
    assert len(set(digests.values())) == len(digests) == 3


@pytest.mark.parametrize("as_of", [MARCH, APRIL, JULY])
def test_features_and_labels_have_one_row_for_everyone_active(built: Any, as_of: Any) -> None:
    active = {name for name, row in built.rows("features/roster", as_of).items() if row["is_active"]}
    assert active
    for table in ("ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care"):
        assert set(built.rows(f"features/{table}", as_of)) == active
    if as_of != JULY:
        assert set(built.rows("labels/lbl_churn_30d", as_of)) == active


def test_a_repeated_row_holds_the_build_and_names_the_test(built: Any, told: Path) -> None:
    drop = next((told / "raw/governance/consents").glob("dt=*/data.parquet"))
    once = pq.read_table(drop, partitioning=None).slice(0, 1)
    pq.write_table(pa.concat_tables([pq.read_table(drop, partitioning=None), once]), drop)
    with living_in(told), pytest.raises(Held, match="grain_stg_governance__consents") as held:
        builder.build(Plan.of([MARCH]), layer="staging")
    assert "(1 rows)" in str(held.value)
    assert "dbt.log" in str(held.value)


def test_a_broken_source_is_a_fault_that_names_the_model(built: Any, told: Path) -> None:
    drop = told / "raw/care/interactions/dt=2026-02-20/data.parquet"
    pq.write_table(pa.table({"nonsense": [1]}), drop)
    with living_in(told), pytest.raises(TelcoError, match=r"stg_care__interactions: .*Binder Error"):
        builder.build(Plan.of([MARCH]), layer="staging")


def test_an_unknown_layer_is_refused_before_dbt_starts(told: Path) -> None:
    with living_in(told), pytest.raises(UsageError, match="no layer 'gold'"):
        builder.build(Plan.of([MARCH]), layer="gold")
