"""Databases of a backup: Airflow's and MLflow's, from SQLite by its own backup, from PostgreSQL by pg_dump.

Feast's registry is not among them: `feature_repo` makes it again. Passwords go to PostgreSQL's programs by their
environment, never in the words of a command, which everybody on the machine can read.
"""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pipelines.errors import TelcoError, UsageError
from pipelines.settings import settings

NAMES = ("airflow", "mlflow")
SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True)
class Database:
    """One metadata database. `url` may hold a password."""

    name: str
    kind: str
    url: str = field(repr=False)

    @property
    def member(self) -> str:
        return f"databases/{self.name}.{'sqlite' if self.kind == SQLITE else 'dump'}"

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        return Path(self.url.removeprefix("sqlite:///"))


def known(without: Collection[str] = ()) -> list[Database]:
    """The databases of this deployment, less those somebody else keeps. Raises UsageError for one out of our reach."""
    now = settings()
    urls = {"airflow": now.airflow_database or f"sqlite:///{now.airflow}/airflow.db",
            "mlflow": now.mlflow_database or now.mlflow_uri}
    if odd := sorted(set(without) - set(NAMES)):
        raise UsageError(f"--without {odd[0]}: the databases are {', '.join(NAMES)}")
    return [_database(name, url) for name, url in urls.items() if name not in without]


def _database(name: str, url: str) -> Database:
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme in (SQLITE, POSTGRESQL):
        return Database(name, scheme, url)
    hint = ("set TELCO_MLFLOW_DATABASE to the server's --backend-store-uri, " if name == "mlflow" else "")
    raise UsageError(f"{name}: its database is not reached by {scheme}://; {hint}or say --without {name} and see to "
                     "it that whoever runs it keeps a backup")


def save(database: Database, target: Path) -> bool:
    """Write a consistent copy of a database that is in use. False when there is none yet. Raises TelcoError."""
    if database.kind == POSTGRESQL:
        _run("pg_dump", database, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
        return True
    if not database.path.exists():
        return False
    with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return True


def load(database: Database, source: Path) -> None:
    """Fill an empty PostgreSQL database, all of it or nothing. Raises TelcoError with PostgreSQL's words."""
    _run("pg_restore", database, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
         f"--dbname={_environment(database.url)['PGDATABASE']}", str(source))


def repoint(path: Path, before: str, after: str) -> int:
    """Put `after` in the place of `before` where a text of an SQLite database begins with it; returns how many.

    MLflow keeps the places of artifacts as absolute addresses; in another folder they would lead to nothing.
    """
    changed = 0
    with closing(sqlite3.connect(path)) as connection, connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for column in (row[1] for row in connection.execute(f'pragma table_info("{table}")')):
                # Names are the file's own; the values are bound.
                changed += connection.execute(
                    f'update "{table}" set "{column}" = ? || substr("{column}", ?) '  # noqa: S608
                    f'where typeof("{column}") = \'text\' and substr("{column}", 1, ?) = ?',
                    (after, len(before) + 1, len(before), before),
                ).rowcount
    return changed


def _run(name: str, database: Database, *words: str) -> None:
    command = program(name)
    done = subprocess.run([command, *words], env={**os.environ, **_environment(database.url)},  # noqa: S603
                          capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[:5])
        hint = (" A database that is not empty is not touched: make an empty one." if name == "pg_restore" else "")
        raise TelcoError(f"{name} of the {database.name} database ended {done.returncode}: {said}.{hint}")


def program(name: str) -> str:
    """Where a program of PostgreSQL's is. Raises TelcoError when it is not on this machine."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), "")
    if not found:
        raise TelcoError(f"there is no {name} on this machine, and a database is PostgreSQL: install PostgreSQL's "
                         "client programs of the server's version, or leave the database out by --without")
    return found


def _environment(url: str) -> dict[str, str]:
    """A database's address as PostgreSQL's own variables."""
    parts = urlsplit(url)
    told = {"PGHOST": parts.hostname or "", "PGPORT": str(parts.port or 5432), "PGUSER": unquote(parts.username or ""),
            "PGPASSWORD": unquote(parts.password or ""), "PGDATABASE": parts.path.lstrip("/"),
            **{f"PG{name.upper()}": values[-1] for name, values in parse_qs(parts.query).items() if name == "sslmode"}}
    return {name: value for name, value in told.items() if value}
