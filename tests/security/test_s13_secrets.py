"""S13: keys, passwords and identifiers are in no log line, no output and no file but those made for them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.errors import IntegrityError, TelcoError
from pipelines.governance import audit
from pipelines.landing import sealed
from pipelines.landing.contract import Identifier
from pipelines.landing.tokens import LINKED, linking_key
from pipelines.settings import settings
from pipelines.stack.environment import load_secrets

USAGE, NOTES, ACCOUNTS = "network.usage_daily", "care.interactions", "billing_alpha.accounts"
NUMBER, ACCOUNT, NAME = "4915199887766", "A9988776", "Kanarius"
MAIL, IBAN = "kanarius.x@mail.example", "DE00123456789012345678"
IDENTIFIERS = (NUMBER, "151 998 877 66", MAIL, IBAN, NAME, ACCOUNT)
CLEAR = ("landing", "quarantine", "vault", "secrets")  # the stores that are made for them
ROWS = 300


def telco(*words: str) -> str:
    """What a command prints, results and errors alike."""
    done = CliRunner().invoke(app, list(words))
    assert done.exception is None or isinstance(done.exception, (TelcoError, SystemExit)), done.exception
    return done.output + (str(done.exception) if done.exception else "")


@pytest.fixture
def said(home: Path, drops: ModuleType, caplog: pytest.LogCaptureFixture) -> str:
    """A day with canaries in good rows, in bad rows and in refused files, and all the commands that speak of it."""
    caplog.set_level(logging.DEBUG)
    drops.estate(USAGE, NOTES, ACCOUNTS)
    usage, notes, accounts = (drops.rows(feed_id, ROWS) for feed_id in (USAGE, NOTES, ACCOUNTS))
    usage[0] |= {"msisdn": f"+{NUMBER}", "data_kb": -1}
    usage[1] |= {"msisdn": NUMBER}
    notes[0] |= {"msisdn": NUMBER, "text": f"{NAME} Weber, 0049 151 998 877 66, mail {MAIL}, pays from {IBAN}."}
    notes[1] |= {"msisdn": f"no number: {NUMBER}", "text": NAME}
    notes[2] |= {"topic": MAIL}
    notes[3] |= {"text": f"no signal, says {NAME}"}
    accounts[0] |= {"account_id": ACCOUNT, "customer_name": NAME}
    accounts[1] |= {"age_band": MAIL, "customer_name": NAME}
    for feed_id, rows in ((USAGE, usage), (NOTES, notes)):
        drops.drop(feed_id, rows)
    drops.drop(ACCOUNTS, accounts, columns=[NUMBER, *drops.rows(ACCOUNTS, 1)[0]][1:], rows=ROWS + 1)
    words = [telco("land", "--as-of", str(drops.AS_OF))]
    words.append(telco("land", "--as-of", str(drops.AS_OF)))
    drops.drop(ACCOUNTS, accounts)
    words.append(telco("land", "--as-of", str(drops.AS_OF), "--json"))
    for feed_id in (USAGE, NOTES, ACCOUNTS):
        where = (feed_id, str(drops.DT))
        words += [telco("quarantine", "show", *where), telco("quarantine", "show", *where, "--json"),
                  telco("quarantine", "replay", *where, "--on", "2026-03-12"),
                  telco("quarantine", "replay", *where, "--on", "2026-03-12", "--json")]
    words += [telco("quarantine", "list"), telco("quarantine", "list", "--all", "--json"), telco("status"),
              telco("status", "--json"), telco("doctor"),
              telco("quarantine", "purge", "--as-of", str(drops.AS_OF), "--json"),
              telco("quarantine", "discard", USAGE, str(drops.DT), "--because", "test")]
    return "\n".join([*words, *(record.getMessage() for record in caplog.records),
                      *(str(record.exc_info) for record in caplog.records)])


def stored(home: Path) -> Iterator[tuple[Path, str]]:
    """Every file outside the stores for clear identifiers: its bytes as text, and the values of Parquet."""
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.relative_to(home).parts[0] not in CLEAR:
            yield path, path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                yield path, str(pq.read_table(path, partitioning=None).to_pylist())


def test_S13_no_command_and_no_log_line_of_the_door_names_a_person(home: Path, said: str) -> None:
    assert "landed network.usage_daily" in said  # the log was listened to
    assert "data_kb is negative" in said  # and the reasons are told
    assert not [canary for canary in IDENTIFIERS if canary in said]


@pytest.mark.mlts("D5")
def test_S13_nothing_that_is_kept_outside_the_sealed_stores_names_a_person(home: Path, said: str) -> None:
    files = list(stored(home))
    assert any(path.suffix == ".parquet" and "no signal, says [word]" in text for path, text in files)
    assert not [(path, canary) for path, text in files for canary in IDENTIFIERS if canary in text]


def test_S13_the_canaries_are_where_they_may_be_and_shown_to_who_asks(home: Path, said: str, drops: ModuleType) -> None:
    shown = telco("quarantine", "show", NOTES, str(drops.DT), "--clear")
    assert NAME in shown
    assert MAIL in shown
    for store in ("landing", "quarantine"):
        text = "".join(path.read_bytes().decode("latin-1") for path in (home / store).rglob("*") if path.is_file())
        assert NAME in text, store
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home / "quarantine").rglob("*"))


def test_S13_no_key_and_no_password_is_said_or_kept_anywhere_else(
    home: Path, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = load_secrets()
    secrets = {keys.fernet, keys.jwt, keys.api, keys.password}
    secrets |= {linking_key(kind).secret.hex() for kind in LINKED}
    logging.getLogger("pipelines").error("%s %r %s", keys, [linking_key(kind) for kind in LINKED], settings())
    everything = said + "".join(record.getMessage() for record in caplog.records) + str([keys])
    assert len(secrets) == 8
    assert not [secret for secret in secrets if secret in everything]
    assert not [path for path, text in stored(home) for secret in secrets if secret in text]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home / "secrets").rglob("*"))


def test_S13_an_address_with_a_password_is_printed_nowhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "c4n4ry-passw0rd"
    caplog.set_level(logging.DEBUG)
    for name, address in {
        "MLFLOW_TRACKING_URI": f"http://user:{canary}@127.0.0.1:1",
        "TELCO_FEAST_REGISTRY": f"postgresql+psycopg://user:{canary}@127.0.0.1:1/feast",
        "TELCO_FEAST_REDIS": f"127.0.0.1:1,password={canary}",
    }.items():
        monkeypatch.setenv(name, address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings.cache_clear()
    assert settings().mlflow_uri.count(canary) == settings().feast_registry.count(canary) == 1
    audit.record("purge", subject="landing", files=1)
    assert audit.anchor() is False  # the registry is out of reach, and that is told
    ours = [record for record in caplog.records if record.name.startswith("pipelines")]
    said = [repr(settings()), str(settings()), telco("status"), telco("status", "--json"), telco("doctor"),
            telco("audit", "verify"), telco("audit", "log", "--json"), audit.log_file().read_text(),
            *(f"{record.getMessage()} {record.exc_info}" for record in ours)]
    assert "is not in the registry" in said[-1]
    assert not [text for text in said if canary in text]


def test_S13_the_refusal_of_a_wrong_key_does_not_show_it(home: Path) -> None:
    linking_key(Identifier.ACCOUNT)
    wrong = "5ec2e7" * 10 + "5ec2"
    sealed.write(settings().secrets / "link_account.json", json.dumps({"key": wrong}).encode())
    with pytest.raises(IntegrityError) as told:
        linking_key(Identifier.ACCOUNT)
    assert wrong not in str(told.value)
