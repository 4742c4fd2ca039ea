"""What a machine and a home need, checked one by one, each with the way to mend it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata

from pipelines.errors import TelcoError
from pipelines.settings import PROJECT, settings

NEEDED_GB = 2


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    found: str
    mend: str = ""


def examine() -> list[Finding]:
    """Every check, none of which writes or starts anything."""
    return [_python(), _packages(), _space(), _home(), _estate(), _secrets()]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", (3, 11) <= sys.version_info[:2] < (3, 13), found, "use Python 3.11 or 3.12")


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
    return Finding("packages", not wrong, "; ".join(wrong) or f"{len(owned)} as locked", "make setup")


def _space() -> Finding:
    place = settings().home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    return Finding("disk space", free >= NEEDED_GB, f"{free:.0f} GB free at {place}", f"free {NEEDED_GB} GB")


def _home() -> Finding:
    home = settings().home
    place = home if home.exists() else home.parent
    while not place.exists():
        place = place.parent
    writable = os.access(place, os.W_OK)
    return Finding("home", writable, f"{home} ({'exists' if home.exists() else 'will be made'})",
                   "set TELCO_HOME to a folder you may write")


def _estate() -> Finding:
    from pipelines.estate import estate

    try:
        facts = estate()
    except TelcoError as error:
        return Finding("estate", False, str(error), f"edit {settings().estate_file}")
    own = settings().estate_file
    whose = "" if own.is_relative_to(settings().home) else f" (no estate.toml in the home: this is {own})"
    return Finding("estate", True, f"{facts.name}: {len(facts.delivered())} feeds from {facts.history_start}{whose}")


def _secrets() -> Finding:
    folder = settings().secrets
    if not folder.exists():
        return Finding("secrets", True, "none yet; made on first use")
    open_to_others = [path.name for path in [folder, *folder.iterdir()] if path.stat().st_mode & 0o077]
    return Finding("secrets", not open_to_others, ", ".join(open_to_others) or "readable by you alone",
                   f"chmod -R go= {folder}")
