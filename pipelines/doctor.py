"""What a machine and a home need, checked one by one; what fails says what to do and ends with a command."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pipelines.errors import TelcoError
from pipelines.settings import PROJECT, RESTORING, home_folder, settings

NEEDED_GB = 2
SHARE = 0.8  # of the machine's memory may be DuckDB's: Python, dbt and Airflow live beside it
SKEW_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """`mend`: what to do in words. `command`: what to type for it; never empty where `ok` is false."""

    name: str
    ok: bool
    found: str
    mend: str = ""
    command: str = ""


def examine() -> list[Finding]:
    """Every check, none of which writes or starts anything; what a home does not use is not asked for."""
    if (home_folder() / RESTORING).exists():
        return [_python(), _packages(), _restoring()]
    try:
        settings()
    except TelcoError as error:
        return [_python(), _packages(), Finding("settings", False, str(error), "set the variable it names anew",
                                                "env | grep TELCO_")]
    from pipelines import reach

    return [_python(), _packages(), _space(), _memory(), _home(), _estate(), _secrets(), _keys(), _clock(), _ports(),
            *_left_over(), *reach.examine()]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", (3, 11) <= sys.version_info[:2] < (3, 13), found, "use Python 3.11 or 3.12",
                   "make clean setup PYTHON=python3.11")


def locked_versions() -> dict[str, str]:
    """Name -> version pinned by requirements.lock."""
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)", lock, flags=re.MULTILINE))


def _packages() -> Finding:
    owned = ("apache-airflow", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "feast", "xgboost", "mlflow",
             "evidently", "pandas", "pyarrow", "numpy")
    locked, wrong = locked_versions(), []
    for name in owned:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "missing"
        if found != locked.get(name):
            wrong.append(f"{name} {found}, lock says {locked.get(name)}")
    return Finding("packages", not wrong, "; ".join(wrong) or f"{len(owned)} as locked", "install what the lock says",
                   "make setup")


def _restoring() -> Finding:
    return Finding("restore", False, f"{home_folder()} is being restored, or a restore was killed",
                   "wait for it, or run the same restore again", "telco restore FILE --tombstones FILE")


def _standing(path: Path) -> Path:
    """The path, or what of it exists."""
    while not path.exists():
        path = path.parent
    return path


def _space() -> Finding:
    place = _standing(settings().home)
    free = shutil.disk_usage(place).free / 1e9
    return Finding("disk space", free >= NEEDED_GB, f"{free:.0f} GB free at {place}", f"free {NEEDED_GB} GB",
                   "telco privacy purge --as-of DAY")


def _memory() -> Finding:
    limit, total = settings().memory_limit, _memory_bytes()
    told = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])(i?)B", limit, flags=re.IGNORECASE)
    command = f"export TELCO_MEMORY_LIMIT={max(1, int(total * SHARE / 2e9))}GB"
    if told is None:
        return Finding("memory", False, f"TELCO_MEMORY_LIMIT={limit!r} is no amount", "write it as 4GB", command)
    base = 1024 if told.group(3) else 1000
    wanted = float(told.group(1)) * base ** (1 + "KMGT".index(told.group(2).upper()))
    return Finding("memory", wanted <= SHARE * total, f"{total / 1e9:.0f} GB here; DuckDB may use {limit}",
                   "give DuckDB less", command)


def _memory_bytes() -> float:
    """Of the machine, or of the container where that is less."""
    import psutil  # type: ignore[import-untyped]  # comes with Airflow

    bound = Path("/sys/fs/cgroup/memory.max")
    text = bound.read_text(encoding="ascii").strip() if bound.exists() else "max"
    total = float(psutil.virtual_memory().total)
    return min(total, float(text)) if text.isdigit() else total


def _home() -> Finding:
    home = settings().home
    place = _standing(home)
    closed = [str(path) for path in (place, *(place.glob("*/") if home.exists() else ()))
              if not os.access(path, os.W_OK | os.X_OK)]
    found = f"not writable: {', '.join(closed[:3])}" if closed else (
        f"{home} ({'exists' if home.exists() else 'will be made'})")
    return Finding("home", not closed, found, "let this user write there, or use another folder",
                   "export TELCO_HOME=$HOME/telco" if place != home else f"chmod -R u+rwX {home}")


def _estate() -> Finding:
    from pipelines.estate import estate

    own = settings().estate_file
    try:
        facts = estate()
    except TelcoError as error:
        return Finding("estate", False, str(error).removesuffix(". Mend it, then: telco doctor"),
                       "edit it; docs/reference/landing_contract.md says what goes in", f"${{EDITOR:-vi}} {own}")
    whose = "" if own.is_relative_to(settings().home) else f" (no estate.toml in the home: this is {own})"
    return Finding("estate", True, f"{facts.name}: {len(facts.delivered())} feeds from {facts.history_start}{whose}")


def _secrets() -> Finding:
    folder = settings().secrets
    if not folder.exists():
        return Finding("secrets", True, "none yet; made on first use")
    open_to_others = [path.name for path in [folder, *folder.iterdir()] if path.stat().st_mode & 0o077]
    return Finding("secrets", not open_to_others, ", ".join(open_to_others) or "readable by you alone",
                   "close them to others", f"chmod -R go= {folder}")


def _keys() -> Finding:
    """The linking keys that raw/ was made with: without them every subscriber of tomorrow is a stranger."""
    from pipelines.landing import tokens
    from pipelines.landing.contract import Identifier

    used = settings().raw / "linking_keys.json"
    if not used.exists():
        return Finding("linking keys", True, "none in use yet")
    wrong, turning = [], []
    for name, key_id in json.loads(used.read_bytes()).items():
        kind = Identifier(name)
        if tokens.rotation_file(kind).exists():
            turning.append(name)
        elif not tokens.key_file(kind).exists():
            wrong.append(f"{name} is gone")
        elif tokens.stored(kind).key_id != key_id:
            wrong.append(f"{name} is not the one raw/ was made with")
    if turning and not wrong:
        return Finding("linking keys", False, f"being rotated: {', '.join(turning)}", "finish the rotation",
                       f"telco privacy rotate-key {turning[0]}")
    return Finding("linking keys", not wrong, "; ".join(wrong) or "those that raw/ was made with",
                   f"bring the right link_*.json back into {settings().secrets}, from a backup",
                   "telco restore FILE --into FOLDER")


def _clock() -> Finding:
    """Files written after now: the clock was set back, and deadlines and expiries are judged by it."""
    from pipelines.clock import utc_now

    now = utc_now()
    written = [path for folder in ("audit", "reports", "champions", "logs") for path in
               (settings().home / folder).glob("*") if path.is_file()]
    ahead = max((path.stat().st_mtime - now.timestamp() for path in written), default=0.0)
    return Finding("clock", ahead <= SKEW_SECONDS, f"{now:%Y-%m-%d %H:%M} UTC" + (
        f", and the newest file here is {ahead / 60:.0f} minutes ahead of it" if ahead > SKEW_SECONDS else ""),
        "set the clock", "timedatectl set-ntp true")


def _ports() -> Finding:
    """Informs: `telco up` takes other ports where these are taken."""
    from pipelines.stack.environment import HOST, Ports

    api = _port_of_stack()
    if api is not None:
        ok = _listens(HOST, api)
        return Finding("Airflow", ok, f"http://{HOST}:{api} {'answers' if ok else 'was started and does not answer'}",
                       "stop what is left of it, then start it again", "telco down")
    taken = [port for port in vars(Ports()).values() if _listens(HOST, port)]
    told = f"{', '.join(map(str, taken))} taken: telco up will choose others" if taken else "8080, 8793 and 8794 free"
    return Finding("ports", True, told)


def _port_of_stack() -> int | None:
    try:
        return int(json.loads((settings().airflow / "ports.json").read_text(encoding="utf-8"))["api"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _left_over() -> Iterator[Finding]:
    """What a killed process left behind: the kernel frees locks, but a child may live on and a plan be unfinished."""
    import fcntl

    from pipelines.governance.erasure import job

    lock, found, ok = settings().warehouse / ".lock", "the warehouse is free", True
    if lock.exists():
        with lock.open("r+", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = handle.read().strip()
                ok = Path(f"/proc/{holder}").exists() or not Path("/proc/self").exists()
                found = f"the warehouse is held by process {holder or '?'}" + ("" if ok else ", which is gone")
    yield Finding("locks", ok, found, "end the dbt that was left running; this names it", f"fuser -v {lock}")
    if unfinished := job.unfinished():
        yield Finding("erasure", False, f"interrupted: {', '.join(unfinished)}", "finish it",
                      "telco privacy erase --resume --as-of DAY")
