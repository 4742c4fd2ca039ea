"""F60: no clear number, account, name, e-mail or IBAN in any file of a home but where they may be.

Here: that the search sees into every kind of file a home has, by a number planted where it is hard to see. The search
of everything a whole run leaves is tests/live/test_f60_every_file_of_a_run.py.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NUMBER = "99910000005051"
WORDS = {NUMBER.encode(), b"kanarius.7@mail.example"}


@pytest.fixture(scope="module")
def clear() -> ModuleType:
    spec = importlib.util.spec_from_file_location("telco_clear", Path(__file__).parent / "clear.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parquet(path: Path, number: str) -> None:
    """In a list inside a structure."""
    pq.write_table(pa.table({"a": [{"held": [number]}] * 2000}), path, compression="zstd")


def whole_numbers(path: Path, number: str) -> None:
    pq.write_table(pa.table({"a": pa.array([1, int(number)], pa.int64())}), path)


def dictionary(path: Path, number: str) -> None:
    pq.write_table(pa.table({"a": pa.array([number, "x"]).dictionary_encode()}), path)


def database(path: Path, number: str) -> None:
    """In a packed value, as Airflow keeps its DAGs."""
    packed = zlib.compress(json.dumps({"to": number}).encode())
    with sqlite3.connect(path) as connection:
        connection.execute("create table xcom (key text, value blob)")
        connection.execute("insert into xcom values ('return_value', ?)", (packed,))
    connection.close()


def deleted_row(path: Path, number: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table log (line text)")
        connection.execute("pragma secure_delete = off")
        connection.execute("insert into log values (?)", (f"called {number}",))
        connection.commit()
        connection.execute("delete from log")
    connection.close()


def warehouse(path: Path, number: str) -> None:
    import duckdb

    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.a as select ? || '' as number, range as n from range(5000)", [number])


def archive(path: Path, number: str) -> None:
    """A zip in a tar in gzip."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("rows.json", json.dumps({"msisdn": f"+{number}"}))
    with tarfile.open(path, "w:gz") as outer:
        member = tarfile.TarInfo("bundle.zip")
        member.size = len(inner.getvalue())
        outer.addfile(member, io.BytesIO(inner.getvalue()))


def page(path: Path, number: str) -> None:
    path.write_text("<td>kanarius.7&#64;mail.example</td>" if number == NUMBER else "<td>a</td>", encoding="utf-8")


def script(path: Path, number: str) -> None:
    path.write_text(json.dumps({"text": f"a<{number}>"}).replace("<", "\\u003c"), encoding="utf-8")


def log(path: Path, number: str) -> None:
    path.write_bytes(gzip.compress(f"INFO held sub{number}x\n".encode()))


KINDS: dict[str, Callable[[Path, str], None]] = {
    "a.parquet": parquet, "b.parquet": whole_numbers, "c.parquet": dictionary, "airflow.db": database,
    "mlflow.db": deleted_row, "warehouse.duckdb": warehouse, "bundle.tar.gz": archive, "report.html": page,
    "drift.html": script, "task.log.gz": log,
}


def test_F60_a_planted_number_is_found_in_every_kind_of_file_and_only_there(clear: ModuleType, tmp_path: Path) -> None:
    for folder, number in (("with", NUMBER), ("without", "12345678901234")):
        (tmp_path / folder).mkdir()
        for name, write in KINDS.items():
            write(tmp_path / folder / name, number)
    read, told = clear.found(tmp_path, WORDS)
    assert read == 2 * len(KINDS)
    assert set(told) == {f"with/{name}" for name in KINDS}


def test_F60_a_number_in_the_name_of_a_file_is_found_and_where_it_may_be_it_is_passed_over(
    clear: ModuleType, tmp_path: Path
) -> None:
    for place in ("reports", "landing", "vault"):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"{NUMBER}.txt").write_text("a", encoding="utf-8")
    assert clear.found(tmp_path, WORDS) == (1, {f"reports/{NUMBER}.txt": [NUMBER]})


def test_F60_a_file_that_cannot_be_read_to_its_end_is_no_pass(clear: ModuleType, tmp_path: Path) -> None:
    parquet(tmp_path / "cut.parquet", NUMBER)
    whole = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(pa.ArrowInvalid):
        clear.found(tmp_path, WORDS)
