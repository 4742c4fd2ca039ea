"""The environment of every Airflow part: one function, for the parts as plain processes and for compose alike."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipelines.errors import TelcoError
from pipelines.publish import write_json
from pipelines.settings import PROJECT, QUIET, settings

HOST = "127.0.0.1"
USER = "admin"
APPROVER = "approver"  # may answer what the promote DAG asks; the trainer may not approve, so there are two
# Who may sign in, and Airflow's role for it: a viewer looks, a user runs and answers, an op also edits pools and such.
USERS = {USER: "admin", APPROVER: "user", "operator": "op", "viewer": "viewer"}
PARALLELISM = 3  # tasks at once; two cores, and a third that mostly waits


@dataclass(frozen=True)
class Ports:
    """The ports of one home's stack. The worker's log server listens on every interface: Airflow gives no choice."""

    api: int = 8080
    worker_logs: int = 8793
    trigger_logs: int = 8794


@dataclass(frozen=True)
class Secrets:
    """Made once per home and kept in files only their owner may read; a log line that shows one shows nothing."""

    fernet: str = field(repr=False)
    jwt: str = field(repr=False)
    api: str = field(repr=False)
    password: str = field(repr=False)


def airflow_env(ports: Ports) -> dict[str, str]:
    """Everything a part needs, beyond what this process has; all state lies below TELCO_HOME/airflow."""
    home = settings().airflow
    keys = load_secrets()
    url = f"http://{HOST}:{ports.api}"
    return QUIET | {
        "TELCO_HOME": str(settings().home),
        "TELCO_REGIONS": ",".join(settings().regions),
        "TELCO_NOTIFY_WEBHOOK": settings().notify_webhook,
        "TELCO_NOTIFY_SMTP": settings().notify_smtp,
        "TELCO_NOTIFY_FROM": settings().notify_from,
        "TELCO_NOTIFY_TO": ",".join(settings().notify_to),
        "PYTHONPATH": str(PROJECT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "TZ": "UTC",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file()),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(ports.api),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": keys.api,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt,
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        # What was killed is found in one or two minutes; Airflow's own defaults are five for each of the two.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.trigger_logs),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def free_ports(default: Ports | None = None) -> Ports:
    """The default ports where nobody listens on them, otherwise free ones the system gives."""
    wanted = default or Ports()
    return Ports(**{name: _free(port) for name, port in asdict(wanted).items()})


def _free(port: int) -> int:
    for candidate in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise TelcoError(f"no free port on {HOST}, not even one the system chooses")


def passwords_file() -> Path:
    """Airflow's simple auth manager reads the passwords of its users from here."""
    return settings().secrets / "airflow_passwords.json"


def load_secrets() -> Secrets:
    """The secrets of this home, generated on first use (0600, folder 0700)."""
    path = settings().secrets / "airflow.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        jwt, api, password = (secrets.token_urlsafe(size) for size in (48, 48, 12))
        made = Secrets(new_fernet_key(), jwt, api, password)
        _write_private(path, asdict(made))
    keys = Secrets(**json.loads(path.read_text(encoding="utf-8")))
    known = json.loads(passwords_file().read_text(encoding="utf-8")) if passwords_file().exists() else {}
    if not set(USERS) <= set(known):  # else Airflow would make one up and print it into its log
        made_up = {name: secrets.token_urlsafe(12) for name in USERS}
        _write_private(passwords_file(), made_up | {USER: keys.password} | known)
    return keys


def new_fernet_key() -> str:
    """A key as cryptography's Fernet wants it: 32 random bytes, URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _write_private(path: Path, value: dict[str, str]) -> None:
    before = os.umask(0o077)
    try:
        write_json(path, value)
    finally:
        os.umask(before)
