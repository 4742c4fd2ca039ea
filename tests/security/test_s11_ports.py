"""S11: no port of ours is open to a network, and none of the tools' own servers is started with its open default."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from pipelines.settings import PROJECT
from pipelines.stack import PARTS
from pipelines.stack.environment import Ports, airflow_env

# `feast ui` and `feast serve_lineage` listen on 0.0.0.0 by default, and none of Feast's servers asks who is there.
OPEN = re.compile(r"feast[\"', ]+(ui|serve|serve_lineage|serve_registry|serve_offline)\b|mlflow[\"', ]+ui\b")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


def test_S11_every_published_port_is_on_loopback_and_nobody_leaves_the_network_of_compose(
    services: dict[str, Any]
) -> None:
    ports = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert "api-server" in ports
    assert not [port for found in ports.values() for port in found if not str(port).startswith("127.0.0.1:")]
    assert not [name for name, service in services.items() if service.get("network_mode") == "host"]


def test_S11_as_plain_processes_every_address_is_loopback(home: Any) -> None:
    env = airflow_env(Ports())
    assert {name: value for name, value in env.items() if name.endswith("HOST")} == {"AIRFLOW__API__HOST": "127.0.0.1"}
    assert not [name for name, value in env.items() if "0.0.0.0" in value]


def test_S11_nobody_is_admin_without_a_password(home: Any, services: dict[str, Any]) -> None:
    told = [airflow_env(Ports()), *(service.get("environment", {}) for service in services.values())]
    assert not [env for env in told if env.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "False") != "False"]


def test_S11_no_server_with_an_open_default_is_ever_started(services: dict[str, Any]) -> None:
    commands = [" ".join(words) for words in PARTS.values()]
    commands += [" ".join(map(str, service.get("command", []))) for service in services.values()]
    files = [path for folder in ("pipelines", "dags", "feature_repo") for path in (PROJECT / folder).rglob("*.py")]
    assert len(files) > 100
    guilty = [text for text in commands if OPEN.search(text)]
    guilty += [str(path) for path in files if OPEN.search(path.read_text(encoding="utf-8"))]
    assert not guilty
    assert OPEN.search('["feast", "ui"]')
    assert OPEN.search("feast serve --host")
