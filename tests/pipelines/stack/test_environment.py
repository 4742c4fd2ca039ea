"""The environment of the parts: everything on loopback, secrets made once and kept private."""

from __future__ import annotations

import json
import re
import socket
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from pipelines import stack
from pipelines.settings import PROJECT
from pipelines.stack import health
from pipelines.stack.dotenv import lines
from pipelines.stack.environment import HOST, USERS, Ports, airflow_env, free_ports, load_secrets, passwords_file

# What containers must say differently: names instead of loopback, PostgreSQL instead of a file, and paths.
OF_CONTAINERS = {
    "TELCO_HOME", "TELCO_REGIONS", "PYTHONPATH", "AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER", "TELCO_NOTIFY_WEBHOOK", "TELCO_NOTIFY_SMTP",
    "TELCO_NOTIFY_FROM", "TELCO_NOTIFY_TO", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", "AIRFLOW__API__HOST", "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
}
# Without these the registry of models, that of features and the online store lie in files below the home.
STORES = {"MLFLOW_TRACKING_URI", "TELCO_FEAST_REGISTRY", "TELCO_FEAST_REDIS"}


@pytest.fixture
def compose() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
    return told


def test_every_address_is_loopback(home: Path) -> None:
    env = airflow_env(Ports())
    assert HOST == "127.0.0.1"
    assert env["AIRFLOW__API__HOST"] == HOST
    urls = [value for value in env.values() if value.startswith("http")]
    assert len(urls) == 2
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


def test_examples_are_off_and_nobody_is_admin_without_a_password(home: Path) -> None:
    env = airflow_env(Ports())
    assert env["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS" not in env
    assert json.loads(passwords_file().read_text())["admin"] == load_secrets().password


def test_secrets_are_made_once_differ_between_homes_and_only_their_owner_reads_them(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.settings import settings

    first = load_secrets()
    assert load_secrets() == first
    for path in (passwords_file(), home / "secrets" / "airflow.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "other"))
    settings.cache_clear()
    other = load_secrets()
    assert not {first.fernet, first.jwt, first.api, first.password} & {other.fernet, other.jwt, other.api,
                                                                        other.password}


def test_every_user_has_a_password_of_their_own_and_a_home_made_before_keeps_those_it_has(home: Path) -> None:
    load_secrets()
    told: dict[str, str] = json.loads(passwords_file().read_text())
    assert set(told) == set(USERS)
    assert len(set(told.values())) == len(USERS)
    old = {name: told[name] for name in ("admin", "approver")}
    passwords_file().write_text(json.dumps(old))
    load_secrets()
    now: dict[str, str] = json.loads(passwords_file().read_text())
    assert set(now) == set(USERS)
    assert {name: now[name] for name in old} == old
    listed = airflow_env(Ports())["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    assert listed == "admin:admin,approver:user,operator:op,viewer:viewer"


def test_a_fernet_key_is_one(home: Path) -> None:
    from cryptography.fernet import Fernet

    sealed = Fernet(load_secrets().fernet).encrypt(b"x")
    assert Fernet(load_secrets().fernet).decrypt(sealed) == b"x"


def test_a_port_somebody_listens_on_is_not_taken() -> None:
    with socket.socket() as busy:
        busy.bind((HOST, 0))
        busy.listen()
        taken = busy.getsockname()[1]
        assert free_ports(Ports(api=taken)).api != taken


def test_compose_runs_the_parts_of_the_stack_with_its_commands(compose: dict[str, Any]) -> None:
    services = compose["services"]
    ours = {name: " ".join(words).replace(sys.executable, "python") for name, words in stack.PARTS.items()}
    assert {name: " ".join(services[name]["command"]) for name in stack.PARTS} == ours
    assert "api-server" in services["scheduler"]["depends_on"]
    for name, slots in stack.POOLS.items():
        assert f"airflow pools set {name} {slots}" in services["init"]["command"][-1]


def test_compose_has_the_environment_of_the_stack(home: Path, compose: dict[str, Any]) -> None:
    ours, theirs = airflow_env(Ports()), compose["x-airflow"]["environment"]
    assert set(ours) - {"PATH"} == set(theirs) - STORES
    differing = {name for name in theirs if name not in STORES and ours[name] != theirs[name]}
    assert differing <= OF_CONTAINERS


def test_compose_has_the_stores_its_addresses_name(compose: dict[str, Any]) -> None:
    environment, services = compose["x-airflow"]["environment"], compose["services"]
    assert environment["TELCO_FEAST_REDIS"].split(":")[0] in services
    assert urlsplit(environment["MLFLOW_TRACKING_URI"]).hostname in services
    databases = {name: database_of(url, services) for name, url in (
        ("feast", environment["TELCO_FEAST_REGISTRY"]),
        ("airflow", environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]),
        ("mlflow", services["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"]),
    )}
    assert databases == {name: name for name in databases}
    made = re.findall(r"CREATE DATABASE (\w+);", compose["configs"]["databases"]["content"])
    assert {services["postgres"]["environment"]["POSTGRES_DB"], *made} == set(databases)
    assert [one["source"] for one in services["postgres"]["configs"]] == list(compose["configs"])
    assert {"postgres", "redis"} <= set(services["init"]["depends_on"])


def database_of(url: str, services: dict[str, Any]) -> str:
    assert url.startswith("postgresql+psycopg")
    host, database = url.rsplit("@", 1)[1].split("/")
    assert host in services
    return database


def test_compose_has_a_health_check_and_a_restart_for_every_service_that_stays(compose: dict[str, Any]) -> None:
    stays = {name: told for name, told in compose["services"].items() if name != "init"}
    assert set(stays) == {*stack.PARTS, "postgres", "redis", "mlflow"}
    assert {told["restart"] for told in stays.values()} == {"unless-stopped"}
    assert not [name for name, told in stays.items() if "healthcheck" not in told]
    watched = {told["healthcheck"]["test"][-1]: name for name, told in stays.items() if name in stack.PARTS}
    assert {part: watched[part] for part in ("scheduler", "triggerer", "dag_processor")} == {
        "scheduler": "scheduler", "triggerer": "triggerer", "dag_processor": "dag-processor"}


def test_compose_and_the_image_run_as_nobody_special_with_pinned_images(compose: dict[str, Any]) -> None:
    own = [told for told in compose["services"].values() if "build" in told]
    assert len(own) == len(stack.PARTS) + 2
    assert all(told["cap_drop"] == ["ALL"] for told in own)
    assert all(told["security_opt"] == ["no-new-privileges:true"] for told in own)
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root|0)\w+$", dockerfile, flags=re.MULTILINE)
    images = [told["image"] for told in compose["services"].values() if "build" not in told]
    images += re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE)
    assert len(images) == 3
    assert not [image for image in images if not re.search(r":\d+\.\d+(\.\d+)?-", image)]


def test_every_folder_a_volume_is_mounted_on_is_made_for_the_user_of_the_image(compose: dict[str, Any]) -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    (owned,) = re.findall(r"chown telco:telco ([^&\n]+?) (?:&&|\\)", dockerfile)
    mounted = {volume.split(":")[1] for told in compose["services"].values() if "build" in told
               for volume in told["volumes"]}
    assert mounted == set(owned.split())
    assert {volume.split(":")[0] for told in compose["services"].values() for volume in told["volumes"]} == set(
        compose["volumes"])


def test_a_part_is_well_when_the_api_server_says_its_heart_beats() -> None:
    told = b'{"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "dag_processor": null}'

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told if self.path == "/api/v2/monitor/health" else b"{}")

        def log_message(self, format: str, *words: Any) -> None:
            pass

    with HTTPServer((HOST, 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api = f"http://{HOST}:{server.server_port}/execution/"
        assert health.of("scheduler", api) == "healthy"
        assert health.of("triggerer", api) == "unhealthy"
        assert health.of("dag_processor", api).startswith("not known there")
        server.shutdown()
    assert "does not answer" in health.of("scheduler", api)


def test_compose_publishes_ports_on_loopback_only_and_holds_no_secret(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    text = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    names = [line.split("=")[0] for line in lines()]
    assert len(set(names)) == 4
    for name in names:
        assert f"${{{name}:?" in text
        assert f"\n{name}=\n" in example


def test_what_the_scheduler_preloads_is_installed_and_holds_none_of_our_code() -> None:
    import importlib.util

    from pipelines.stack.warm import LIBRARIES

    tops = {name.split(".")[0] for name in LIBRARIES}
    assert {"great_expectations", "feast", "evidently"} <= tops
    assert not tops & {"pipelines", "expectations", "dagkit"}
    assert not [name for name in tops if importlib.util.find_spec(name) is None]
