"""Every cookbook is done as it is written: its files made, its edits applied, its commands run, its output compared.

One house is made for all pages that begin with one; each gets a copy. `read_a_refusal`, `roll_back` and `add_a_model`
need no house and are held by quick tests.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_world import fix_keys

from pipelines.publish import sha256
from pipelines.settings import PROJECT, settings

sys.path.append(str(PROJECT / "tests" / "docs"))
import cookbook

pytestmark = pytest.mark.live
BOOKS = PROJECT / "docs" / "cookbooks"
HOUSE = """
telco simulate --subscribers 1800 --days 260 --nights 2 --seed 11 --quiet
telco bootstrap --from 2026-01-30 --to 2026-07-19 --initial --quiet
telco train churn --as-of 2026-07-19 --quiet
telco train ltv --as-of 2026-07-19 --quiet
telco night --as-of 2026-07-20 --quiet
"""
PAYMENT = ("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)")
SERVICES = ("OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """1,800 subscribers, 260 days, two champions and the night of 2026-07-20."""
    folder = tmp_path_factory.mktemp("cookbooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(folder / "var"))
        settings.cache_clear()
        fix_keys()
    settings.cache_clear()
    cookbook.run(cookbook.Block("sh", HOUSE), folder, folder / "var")
    yield folder / "var"
    shutil.rmtree(folder)


@pytest.fixture
def folder(house: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder with a copy of the house below it, as `./var`."""
    shutil.copytree(house, tmp_path / "page" / "var", ignore=shutil.ignore_patterns("truth"))
    yield tmp_path / "page"
    shutil.rmtree(tmp_path / "page")


@pytest.mark.mlts("D6")
def test_add_a_feature(folder: Path) -> None:
    before = published(folder / "var")
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(
        ".*", "target", "logs", "var", "__pycache__", "*.egg-info"))
    cookbook.do(BOOKS / "add_a_feature.md", folder, home=folder / "var")
    after = published(folder / "var")
    assert {path: digest for path, digest in after.items() if path in before} == before
    assert {Path(path).parts[1] for path in set(after) - set(before)} == {"ftr_subscriber_rhythm"}
    rhythm = next((folder / "var/features/ftr_subscriber_rhythm").glob("as_of=2026-05-*/data.parquet"))
    ratio = pq.read_table(rhythm, partitioning=None)["weekend_data_ratio_28d"].drop_null().to_pylist()
    assert 0.2 < sum(ratio) / len(ratio) < 0.4  # two days of seven
    bundle = json.loads((folder / "var/models/churn/v2/bundle.json").read_text())
    assert bundle["feature_service"] == "churn_v3"
    assert "weekend_data_ratio_28d" in bundle["columns"]


def published(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): sha256(path) for store in ("features", "labels", "scores")
            for path in sorted((home / store).rglob("data.parquet"))}


@pytest.mark.parametrize("page", ["tune.md", "use_the_extract.md", "backfill.md", "upgrade.md"])
def test_a_page_that_begins_with_a_house(page: str, folder: Path) -> None:
    cookbook.do(BOOKS / page, folder, home=folder / "var", skip=("git ", "make setup", "telco down"))


def test_an_erasure_and_its_proof(folder: Path) -> None:
    cookbook.do(PROJECT / "docs/privacy/erasure_sample.md", folder, home=folder / "var")


@pytest.mark.parametrize("page", ["replay_quarantine.md", "change_a_schema.md"])
def test_a_page_that_begins_with_nothing(page: str, tmp_path: Path) -> None:
    cookbook.do(BOOKS / page, tmp_path, home=tmp_path / "var")


def test_map_your_extract(tmp_path: Path) -> None:
    write_table(tmp_path / "Telco-Customer-Churn.csv", 120)
    # `telco import` of the whole public table is a test of its own.
    cookbook.do(BOOKS / "map_your_extract.md", tmp_path, home=tmp_path / "var", skip=("TELCO_HOME=$PWD/ibm",))
    rows = pq.read_table(tmp_path / "var/features/ftr_subscriber_billing/as_of=2025-07-01/data.parquet",
                         partitioning=None).to_pylist()
    assert len(rows) == 120
    assert {row["internet_technology"] for row in rows} == {"dsl", "fiber", "none"}
    clear = (tmp_path / "Telco-Customer-Churn.csv").read_text().splitlines()[1].split(",")[0].encode()
    assert not [path for path in (tmp_path / "var/raw").rglob("*.parquet") if clear in path.read_bytes()]


def write_table(path: Path, count: int) -> None:
    """Rows of the shape of the public table: its columns, its words, its habits (no add-on without internet)."""
    draw = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(("customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure", "PhoneService",
                      "MultipleLines", "InternetService", *SERVICES, "Contract", "PaperlessBilling", "PaymentMethod",
                      "MonthlyCharges", "TotalCharges", "Churn"))
        for number in range(count):
            phone, internet = draw.choice(("Yes", "No")), ("DSL", "Fiber optic", "No")[number % 3]
            addons = [draw.choice(("Yes", "No")) if internet != "No" else "No internet service" for _ in SERVICES]
            tenure, price = draw.randrange(1, 72), draw.randrange(1825, 11875, 5) / 100
            out.writerow((
                f"{number:04d}-ABCDE", draw.choice(("Female", "Male")), draw.choice("01"), draw.choice(("Yes", "No")),
                draw.choice(("Yes", "No")), tenure, phone,
                draw.choice(("Yes", "No")) if phone == "Yes" else "No phone service", internet, *addons,
                ("Month-to-month", "One year", "Two year")[number // 3 % 3], draw.choice(("Yes", "No")),
                PAYMENT[number % 4], price, round(price * tenure, 2), draw.choice(("Yes", "No")),
            ))
