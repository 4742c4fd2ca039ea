"""Tokens are keyed hashes, one key per kind, and the house refuses to go on with another key."""

from __future__ import annotations

import hmac
import json
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import IntegrityError
from pipelines.landing.contract import Identifier
from pipelines.landing.tokens import Tokens, linking_key
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
