"""Tokens are keyed hashes, one key per kind, and the house refuses to go on with another key."""

from __future__ import annotations

import hmac
import json
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import IntegrityError
from pipelines.landing import tokens
from pipelines.landing.contract import Identifier
from pipelines.landing.tokens import LINKED, Tokens, linking_key, normalised
from pipelines.settings import settings


def one(kind: Identifier, operator: str, clear: str) -> str:
    token: str = Tokens().column(kind, operator, pa.array([clear]))[0].as_py()
    return token


def test_a_token_is_the_hmac_of_operator_and_identifier(home: Path) -> None:
    linking_key(Identifier.ACCOUNT)
    key = json.loads((settings().secrets / "link_account.json").read_text())["key"]
    expected = hmac.digest(bytes.fromhex(key), b"alpha|A1", "sha256").hex()[:32]
    assert one(Identifier.ACCOUNT, "alpha", "A1") == expected


def test_two_operators_with_the_same_account_number_have_two_tokens(home: Path) -> None:
    assert one(Identifier.ACCOUNT, "alpha", "A1") != one(Identifier.ACCOUNT, "bravo", "A1")


def test_a_phone_number_has_one_token_whoever_reports_it(home: Path) -> None:
    assert one(Identifier.MSISDN, "alpha", "+4915155501") == one(Identifier.MSISDN, "bravo", "4915155501")


def test_a_sim_has_one_token_whichever_operator_names_it_and_not_that_of_the_number(home: Path) -> None:
    assert one(Identifier.IMSI, "alpha", "262011234567890") == one(Identifier.IMSI, "bravo", "262011234567890")
    assert one(Identifier.IMSI, "alpha", "262011234567890") != one(Identifier.MSISDN, "alpha", "262011234567890")
    assert Tokens().keep(Identifier.IMSI, "alpha", pa.array(["262011234567890"]), "s") == 1
    assert {Tokens().key_id(kind).rsplit("-", 1)[0] for kind in LINKED} == {kind.value for kind in LINKED}


@pytest.mark.parametrize("written", [
    "4915112345678", "+4915112345678", "004915112345678", "+49 151 1234-5678", "0049 (0)151 12345678",
    "+49 (0) 151 123 456 78", "+49\u00a0151\u201112345678", "49.151.12345678",
])
def test_a_number_is_one_number_however_it_is_written(written: str) -> None:
    assert normalised(Identifier.MSISDN, pa.array([written, None])).to_pylist() == ["4915112345678", None]


def test_what_is_not_a_number_stays_what_it_is_for_the_contract_to_refuse() -> None:
    clear = pa.array(["0151123", "1E5", "abc", "", "+"])
    assert normalised(Identifier.MSISDN, clear).to_pylist() == ["0151123", "1E5", "abc", "", ""]
    assert normalised(Identifier.ACCOUNT, pa.array(["00 17-A"])).to_pylist() == ["00 17-A"]
    assert normalised(Identifier.IMSI, pa.array(["26201 1234567890", "001011234567890"])).to_pylist() == [
        "262011234567890", "001011234567890"]


@given(st.lists(st.one_of(st.none(), st.text("0+ ()-.19\u00a0x", max_size=12), st.text(max_size=5))))
def test_the_form_of_an_identifier_does_not_change_when_it_is_made_again(written: list[str | None]) -> None:
    for kind in LINKED:
        once = normalised(kind, pa.array(written, pa.string()))
        assert normalised(kind, once).equals(once)


def test_each_kind_of_identifier_has_a_key_of_its_own_closed_to_others(home: Path) -> None:
    assert len({linking_key(kind).secret for kind in (Identifier.ACCOUNT, Identifier.SUBSCRIPTION)}) == 2
    for path in settings().secrets.glob("*.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert repr(linking_key(Identifier.ACCOUNT).secret) not in repr(linking_key(Identifier.ACCOUNT))


def test_a_lost_key_stops_the_door_instead_of_making_strangers_of_everyone(home: Path) -> None:
    linking_key(Identifier.ACCOUNT)
    (settings().secrets / "link_account.json").unlink()
    with pytest.raises(IntegrityError, match="Restore it from your backup"):
        linking_key(Identifier.ACCOUNT)


def test_another_key_is_noticed_by_its_id(home: Path) -> None:
    linking_key(Identifier.ACCOUNT)
    (settings().secrets / "link_account.json").write_text(json.dumps({"key": "00" * 32}))
    with pytest.raises(IntegrityError, match="Restore the right key file"):
        linking_key(Identifier.ACCOUNT)


def test_the_vault_gets_every_identifier_once_and_null_stays_null(home: Path) -> None:
    clear = pa.array(["A1", "A2", None, "A1"])
    assert Tokens().keep(Identifier.ACCOUNT, "alpha", clear, "first") == 2
    assert Tokens().keep(Identifier.ACCOUNT, "alpha", pa.array(["A2", "A3"]), "second") == 1
    tables = [pq.read_table(path) for path in sorted((settings().vault / "account").glob("*.parquet"))]
    found = {row["identifier"]: row["token"] for table in tables for row in table.to_pylist()}
    assert found == {name: one(Identifier.ACCOUNT, "alpha", name) for name in ("A1", "A2", "A3")}
    assert Tokens().column(Identifier.ACCOUNT, "alpha", clear).to_pylist()[2] is None


def test_a_column_longer_than_a_slice_and_than_the_memory_gets_the_same_tokens(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_SLICE", 7)
    monkeypatch.setattr(tokens, "_REMEMBERED", 20)
    monkeypatch.setattr(tokens, "_WORTH", 2)
    key = linking_key(Identifier.ACCOUNT).secret
    clear = [f"A{number * number % 61}" for number in range(100)] + [None]
    expected = [hmac.digest(key, f"alpha|{value}".encode(), "sha256").hex()[:32] if value else None for value in clear]
    made = Tokens()
    for start in (0, 50, 3, 99, 0):
        assert made.column(Identifier.ACCOUNT, "alpha", pa.array(clear[start:])).to_pylist() == expected[start:]
    assert made.column(Identifier.ACCOUNT, "alpha", pa.array([], pa.string())).to_pylist() == []


def test_the_chunks_of_one_drop_share_a_segment_and_a_repeat_adds_nothing(home: Path) -> None:
    made = Tokens()
    chunks = [pa.array(["A3", "A1"]), pa.array(["A2", "A3"]), pa.array([f"B{number:03d}" for number in range(90)])]
    assert [made.keep(Identifier.ACCOUNT, "alpha", chunk, "drop") for chunk in chunks] == [2, 1, 90]
    assert [Tokens().keep(Identifier.ACCOUNT, "alpha", chunk, "drop") for chunk in chunks] == [0, 0, 0]
    kept = pq.read_table(settings().vault / "account" / "drop.parquet")
    assert sorted(kept["identifier"].to_pylist()) == sorted({*chunks[0].to_pylist(), "A2", *chunks[2].to_pylist()})
    assert kept["token"].to_pylist() == made.column(
        Identifier.ACCOUNT, "alpha", kept["identifier"].combine_chunks()).to_pylist()
    assert set(kept["key_id"].to_pylist()) == {made.key_id(Identifier.ACCOUNT)}
    assert stat.S_IMODE((settings().vault / "account" / "drop.parquet").stat().st_mode) == 0o600
