"""A third operator by estate.toml alone: the example of the contract's page, and what a wrong mapping is told."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.clock import parse_day
from pipelines.errors import UsageError
from pipelines.estate import estate
from pipelines.landing import reference
from pipelines.settings import settings

FEED = "billing_charlie.accounts"
HEAD = 'name = "x"\nhistory_start = 2026-03-01\n[cost_rates]\nbase = 250\n'


def example() -> tuple[str, str]:
    """The file and the estate of the page's example."""
    section = reference.PAGE.read_text(encoding="utf-8").split("## A sender with files of its own")[1]
    file, toml = re.findall(r"```(?:toml)?\n(.*?)```", section, re.S)[:2]
    return file, toml


def write_estate(text: str) -> None:
    settings().home.mkdir(parents=True, exist_ok=True)
    (settings().home / "estate.toml").write_text(HEAD + text)
    settings.cache_clear()


def deliver(data: bytes, rows: int, name: str = "accounts.csv") -> None:
    path = settings().landing / "billing_charlie" / "accounts" / "dt=2026-03-05" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    said = {"feed": FEED, "dt": "2026-03-05", "rows": rows, "sha256": hashlib.sha256(data).hexdigest(),
            "schema_version": 1, "produced_at": "2026-03-06T01:00:00Z"}
    path.with_name(f"{name}.ctl").write_text(json.dumps(said))


def test_the_pages_example_lands_as_rows_of_the_feed_it_is_like(home: Path) -> None:
    file, toml = example()
    write_estate(toml)
    deliver(file.encode("cp1252"), 1)
    (landed,) = landing.land(parse_day("2026-03-06"))
    assert (landed.feed, landed.state, landed.rows, landed.quarantined) == (FEED, "published", 1, 0)
    path = settings().raw / "billing_alpha" / "accounts" / "from=billing_charlie" / "dt=2026-03-05" / "data.parquet"
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    assert row.items() >= {
        "operator": "charlie", "source": "billing_charlie", "segment": "consumer", "payment_method": "bank_transfer",
        "is_paperless": True, "has_partner": None, "age_band": "unknown",
    }.items()
    assert f"{row['changed_at']}" == "2026-03-05 08:30:00"  # Vienna's winter time, as UTC


def test_a_code_nobody_mapped_and_a_day_of_another_form_wait_in_quarantine(home: Path) -> None:
    file, toml = example()
    write_estate(toml)
    header, row = file.splitlines()
    good = [row.replace("00017", f"{number:05d}") for number in range(198)]
    unmapped, iso = row.replace("00017", "90001"), row.replace("00017", "90002")
    bad = [unmapped.replace(",LS,", ",XX,"), iso.replace("05.03.2026", "2026-03-05")]
    deliver("\n".join([header, *good, *bad, ""]).encode("cp1252"), 200)
    (landed,) = landing.land(parse_day("2026-03-06"))
    assert (landed.rows, landed.quarantined) == (198, 2)


@pytest.mark.parametrize("operator", ["NA", "1E5", "00017", "null"])
def test_an_operator_and_its_identifiers_stay_the_text_they_are(home: Path, operator: str) -> None:
    file, toml = example()
    write_estate(toml.replace("[operators.charlie]", f'[operators."{operator}"]').replace(
        'operator = "charlie"', f'operator = "{operator}"'))
    header, row = file.splitlines()
    rows = [row.replace("00017", number) for number in ("00017", "17", "1E5", "100000", "NA", "nan", "null")]
    deliver("\n".join([header, *rows, ""]).encode("cp1252"), len(rows))
    (landed,) = landing.land(parse_day("2026-03-06"))
    assert landed.rows == len(rows)
    path = settings().raw / "billing_alpha" / "accounts" / "from=billing_charlie" / "dt=2026-03-05" / "data.parquet"
    table = pq.read_table(path, partitioning=None)
    assert set(table["operator"].to_pylist()) == {operator}
    assert len(set(table["account_token"].to_pylist())) == len(rows)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('like = "billing_alpha.accounts"', 'like = "billing_alpha.customers"'), "billing_alpha.customers"),
        (('account_id = "Kundennr"', 'customer_id = "Kundennr"'), "customer_id"),
        (('LS = "bank_transfer"', 'LS = "debit"'), "debit"),
        (('encoding = "cp1252"', 'encoding = "utf-16"'), "utf-16"),
        (('age_band = "unknown"', 'age_band = "old"'), "old"),
        (('region = "Gebiet"', 'region = "Typ"'), "Typ"),
        (('delimiter = ","', 'delimeter = ","'), "delimeter"),
        ((FEED, "../charlie.accounts"), "lower case"),
    ],
)
def test_a_wrong_mapping_is_an_error_that_names_what_is_wrong(
    home: Path, change: tuple[str, str], named: str
) -> None:
    _, toml = example()
    assert change[0] in toml
    write_estate(toml.replace(*change))
    with pytest.raises(UsageError, match=re.escape(named)):
        estate()


def test_a_column_with_a_list_of_values_may_be_left_empty_where_the_contract_lets_it(home: Path) -> None:
    write_estate("""
[operators.charlie]
currency = "EUR"
time_zone = "UTC"
region = "EU"
legal_basis = "contract"
[feeds."billing_charlie.lines"]
operator = "charlie"
like = "billing_alpha.subscriptions"
[feeds."billing_charlie.lines".constants]
end_reason = ""
""")
    assert estate().feeds["billing_charlie.lines"].constants == {"end_reason": ""}


def test_amounts_in_major_units_with_a_decimal_comma_become_minor_units_exactly(home: Path) -> None:
    write_estate("""
[operators.charlie]
currency = "EUR"
time_zone = "UTC"
region = "EU"
legal_basis = "contract"
[feeds."billing_charlie.accounts"]
operator = "charlie"
like = "billing_alpha.payments"
decimal_mark = ","
amounts = "major"
""")
    header = "payment_id;invoice_id;account_id;paid_at;amount_cents;status"
    rows = [f"P{number};I1;A1;2026-03-05 10:00:00;{amount};ok"
            for number, amount in enumerate(["29,99", "0,1", "1000000,00", "7"])]
    deliver("\n".join([header, *rows, ""]).encode(), len(rows))
    landing.land(parse_day("2026-03-06"))
    path = settings().raw / "billing_alpha" / "payments" / "from=billing_charlie" / "dt=2026-03-05" / "data.parquet"
    table = pq.read_table(path, partitioning=None)
    assert table["amount_cents"].to_pylist() == [2999, 10, 100_000_000, 700]
    assert [str(value) for value in table["amount_house"].to_pylist()] == [
        "29.9900", "0.1000", "1000000.0000", "7.0000"]


@pytest.mark.parametrize(
    ("form", "written", "utc"),
    [("%d.%m.%Y %H:%M:%S", "05.03.2026 10:00:00", "2026-03-05 09:00:00"),
     ("%d.%m.%Y %H:%M:%S%z", "05.03.2026 10:00:00-0500", "2026-03-05 15:00:00")],
)
def test_times_of_a_declared_form_are_the_operators_unless_they_say_their_offset(
    home: Path, form: str, written: str, utc: str
) -> None:
    write_estate(f"""
[operators.charlie]
currency = "EUR"
time_zone = "Europe/Vienna"
region = "EU"
legal_basis = "contract"
[feeds."billing_charlie.accounts"]
operator = "charlie"
like = "billing_bravo.payments"
form = "csv"
time_format = "{form}"
""")
    header = "payment_no;bill_no;customer_no;booked_at;total;currency;result"
    deliver(f"{header}\nP1;B1;C1;{written};1.50;EUR;OK\n".encode(), 1)
    landing.land(parse_day("2026-03-06"))
    path = settings().raw / "billing_bravo" / "payments" / "from=billing_charlie" / "dt=2026-03-05" / "data.parquet"
    assert f"{pq.read_table(path, partitioning=None)['booked_at'][0]}" == utc


def test_a_time_zone_and_a_form_that_do_not_exist_are_named_when_the_estate_is_read(home: Path) -> None:
    _, toml = example()
    for change, named in (
        (("Europe/Vienna", "Europe/Wien"), "Europe/Wien"),
        (("%d.%m.%Y %H:%M:%S", "DD.MM.YYYY"), "DD.MM.YYYY"),
        (('is_paperless = "Rechnung_per_Mail"', 'is_paperless = "Rechnung_per_Mail"\nzone = "x"'), "zone"),
        (('age_band = "unknown"', 'age_band = ""'), "age_band"),
    ):
        assert change[0] in toml
        write_estate(toml.replace(*change))
        with pytest.raises(UsageError, match=re.escape(named)):
            estate()
