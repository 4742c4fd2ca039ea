"""A backup of PostgreSQL's databases into an empty server: every row again, or nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from pipelines import backup
from pipelines.errors import TelcoError
from pipelines.settings import settings

sys.path.append(str(Path(__file__).parent))
import servers

pytestmark = pytest.mark.live
QUOTED = "p%40ss"  # of a password with a character that an address must quote


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[int]:
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    folder.chmod(0o777)
    number = servers.free_port()
    part = servers.postgres(folder, number, "telco")
    yield number
    servers.stop_postgres(part)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def run(port: int, database: str, *words: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="telco", dbname=database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for one in words:
            cursor.execute(one)
        found = cursor.fetchall() if cursor.description else []
    connection.close()
    return found


def test_both_databases_come_back_and_one_that_is_not_empty_is_not_touched(
    port: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("airflow", "registry", "airflow2", "registry2")
    run(port, "postgres", *(f"create database {name}" for name in names))
    for name in names[:2]:
        run(port, name, "create table run (id int primary key, said text)",
            f"insert into run select n, '{name} ' || n from generate_series(1, 500) n")

    def use(suffix: str) -> None:
        monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
                           f"postgresql+psycopg2://telco:{QUOTED}@127.0.0.1:{port}/airflow{suffix}")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
        monkeypatch.setenv("TELCO_MLFLOW_DATABASE", f"postgresql://telco@127.0.0.1:{port}/registry{suffix}")
        settings.cache_clear()

    use("")
    home.mkdir(exist_ok=True)
    made = backup.back_up(tmp_path / "a.tar", with_raw=True)
    assert made.databases == ("airflow", "mlflow")
    assert QUOTED.encode() not in made.path.read_bytes()
    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "new"))
    use("")
    with pytest.raises(TelcoError, match="already exists"):
        backup.restore(made.path, nobody="a.person")
    assert not list((tmp_path / "new").iterdir())
    use("2")
    backup.restore(made.path, nobody="a.person")
    for name in names[:2]:
        wanted = [(number, f"{name} {number}") for number in range(1, 501)]
        assert run(port, f"{name}2", "select id, said from run order by id") == wanted
