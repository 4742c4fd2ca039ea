"""The doctor: what a machine, a home and its servers lack, and a command for each."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines import doctor
from pipelines.cli.app import app
from pipelines.doctor import Finding, examine
from pipelines.errors import TelcoError
from pipelines.landing import tokens
from pipelines.landing.contract import Identifier
from pipelines.settings import settings

WORD = "geheim"  # apart from the addresses, or they would look like a secret that somebody committed


def failed() -> dict[str, Finding]:
    settings.cache_clear()
    return {one.name: one for one in examine() if not one.ok}


@pytest.fixture
def port() -> int:
    """One on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_empty_home_is_well_and_nothing_is_made_by_looking(home: Path) -> None:
    assert failed() == {}
    assert not home.exists()


def test_whatever_is_broken_is_named_with_a_command_and_no_secret(
    home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.linking_key(Identifier.MSISDN)
    tokens.key_file(Identifier.MSISDN).unlink()
    (home / "secrets").chmod(0o755)
    (home / "estate.toml").write_text("name = 3", encoding="utf-8")
    ahead = home / "audit" / "log.jsonl"
    ahead.parent.mkdir()
    ahead.touch()
    os.utime(ahead, (datetime.now(UTC).timestamp() + 7200,) * 2)
    plan = home / "tombstones" / "jobs" / "erase-1" / "plan.json"
    plan.parent.mkdir(parents=True)
    plan.touch()
    (home / "airflow").mkdir()
    (home / "airflow" / "ports.json").write_text(json.dumps({"api": port}), encoding="utf-8")
    for name, value in {
        "TELCO_MEMORY_LIMIT": "900TB", "MLFLOW_TRACKING_URI": f"http://ada:{WORD}@127.0.0.1:{port}",
        "TELCO_FEAST_REGISTRY": f"postgresql+psycopg://ada:{WORD}@127.0.0.1:{port}/feast",
        "TELCO_FEAST_REDIS": f"127.0.0.1:{port},password=geheim,db=0",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(doctor, "NEEDED_GB", 10**9)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("pipelines.backup.databases.glob.glob", lambda pattern: [])
    monkeypatch.setattr(doctor, "locked_versions", lambda: {"duckdb": "0.0.1"})
    found = failed()
    assert set(found) == {
        "packages", "disk space", "memory", "estate", "secrets", "linking keys", "clock", "Airflow", "erasure",
        "MLflow", "PostgreSQL feast_registry", "PostgreSQL's programs", "Redis"}
    assert [name for name, one in found.items() if not (one.found and one.mend and one.command)] == []
    assert "geheim" not in repr(found)
    done = CliRunner().invoke(app, ["doctor"])
    assert isinstance(done.exception, TelcoError)
    assert [one.command for one in found.values() if one.command.split()[0] not in done.output] == []
    assert f"next: {found['packages'].command}" in str(done.exception)
    assert "geheim" not in done.output + str(done.exception)


def test_a_home_under_restore_is_examined_too(home: Path) -> None:
    home.mkdir()
    (home / ".restoring").touch()
    assert failed()["restore"].command.startswith("telco restore")


def test_a_setting_that_cannot_be_read_is_a_finding(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELCO_THREADS", "many")
    assert "TELCO_THREADS" in failed()["settings"].found


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/mlflow/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def test_a_registry_behind_a_password_is_found(home: Path, registry: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ada:{WORD}@127.0.0.1:{registry}/mlflow/")
    assert failed() == {}
