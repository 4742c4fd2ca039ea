"""One bulk build of the told world: dbt's own unit tests, the published tables, and the same bytes however built."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from told import APRIL, JULY, MARCH

PROJECT = Path(__file__).parents[2] / "dbt_project"


def test_every_unit_test_of_the_project_ran_and_passed(built: Any) -> None:
    files = sorted(PROJECT.rglob("_*__unit_tests.yml"))
    written = [test["name"] for file in files for test in yaml.safe_load(file.read_text())["unit_tests"]]
    ran = {r["unique_id"].rsplit(".", 1)[-1]: r["status"] for r in built.results["results"]
           if r["unique_id"].startswith("unit_test.")}
    assert len(written) >= 14
    assert ran == dict.fromkeys(written, "pass")


def test_every_mart_has_a_contract_and_a_grain(built: Any) -> None:
    nodes = json.loads((built.home / "warehouse/dbt/manifest.json").read_text())["nodes"].values()
    marts = {n["name"]: n for n in nodes if n["resource_type"] == "model" and n["fqn"][1] == "marts"}
    assert len(marts) >= 9
    assert [name for name, n in marts.items() if not n["config"]["contract"]["enforced"]] == []
    with_grain = {n["attached_node"].rsplit(".", 1)[-1] for n in nodes
                  if n["resource_type"] == "test" and n.get("test_metadata", {}).get("name") == "grain"}
    assert set(marts) <= with_grain


def test_a_single_night_publishes_the_bytes_of_the_bulk_build(built: Any, raw: Path, tmp_path: Path, unify: Any) -> None:
    shutil.copytree(raw, tmp_path, dirs_exist_ok=True)
    alone, bulk = unify(tmp_path, [APRIL]).published(), built.published()
    # The roster, three feature tables of April, and the churn label of March that matures in April.
    assert len(alone) == 5
    assert [name for name, content in alone.items() if bulk[name] != content] == []


def test_a_bulk_build_publishes_the_labels_that_mature_within_it(built: Any) -> None:
    folders = Counter(name.split("/")[1] for name in built.published())
    assert folders == {"roster": 3, "ftr_subscriber_billing": 3, "ftr_subscriber_network": 3,
                       "ftr_subscriber_care": 3, "lbl_churn_30d": 3, "lbl_ltv": 1}


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
