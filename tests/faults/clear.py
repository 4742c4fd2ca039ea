"""Looks for clear identifiers in every file below a folder, inside what is compressed, tabled or packed too."""

from __future__ import annotations

import gzip
import html
import io
import json
import re
import shutil
import sqlite3
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# Where clear identifiers may be: what senders dropped, what waits, what can reverse a token, and the simulator's own.
ALLOWED = ("landing", "quarantine", "vault", "truth")
WORD = re.compile(rb"[A-Za-z0-9._-]+@[A-Za-z0-9.-]*[A-Za-z0-9]|[A-Za-z0-9]{6,}|[0-9]{12,}")
PACKED = re.compile(rb"[0-9]{12,}")  # numbers with letters around them


def planted(home: Path) -> set[bytes]:
    """Every identifier the simulator wrote into a file. Names hold blanks: their mark is in the list by itself."""
    kinds = json.loads((home / "truth" / "canaries.json").read_text(encoding="utf-8"))
    assert set(kinds) >= {"account_id", "email", "iban", "imsi", "msisdn", "name_mark", "subscription_id"}
    assert all(kinds.values())
    return {value.lstrip("+").encode() for kind, values in kinds.items() if kind != "customer_name" for value in values}


def found(folder: Path, words: set[bytes], allowed: tuple[str, ...] = ALLOWED) -> tuple[int, dict[str, list[str]]]:
    """How many files were read, and by file the words in it. A file that cannot be read to its end raises."""
    told: dict[str, list[str]] = {}
    read = 0
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if place.parts[0] in allowed or path.is_symlink() or not path.is_file():
            continue
        read += 1
        here = words & words_of(str(place).encode())
        for text in texts(path):
            here |= words & words_of(text)
        if here:
            told[str(place)] = sorted(word.decode() for word in here)
    return read, told


def words_of(text: bytes) -> set[bytes]:
    """The words of a text, of what its HTML entities and JSON escapes stand for, and long numbers inside a word."""
    found = set(WORD.findall(text)) | set(PACKED.findall(text))
    if b"&#" in text:
        found |= set(WORD.findall(html.unescape(text.decode("utf-8", "replace")).encode()))
    if b"\\u00" in text:
        found |= set(WORD.findall(re.sub(rb"\\u00([0-9a-f]{2})", lambda code: bytes([int(code[1], 16)]), text)))
    return found


def texts(path: Path) -> Iterator[bytes]:
    """A file as it lies there, and everything it holds in another form."""
    data = path.read_bytes()
    yield data
    if data[:4] == b"PAR1":
        yield from parquet(pq.ParquetFile(path))
    elif data[:15] == b"SQLite format 3":
        yield from sqlite(path)
    elif data[8:12] == b"DUCK":
        yield from duckdb(path)
    else:
        yield from unpacked(path.name, data)


def unpacked(name: str, data: bytes) -> Iterator[bytes]:
    """What an archive or a compressed stream holds, archives in archives too."""
    if data[:2] == b"\x1f\x8b":
        inside = gzip.decompress(data)
        yield inside
        yield from unpacked(name, inside)
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield member.encode()
                yield from _member(member, archive.read(member))
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as packed:
            for entry in packed:
                yield entry.name.encode()
                held = packed.extractfile(entry)
                if held is not None:
                    yield from _member(entry.name, held.read())


def _member(name: str, data: bytes) -> Iterator[bytes]:
    yield data
    if data[:4] == b"PAR1":
        yield from parquet(pq.ParquetFile(io.BytesIO(data)))
    else:
        yield from unpacked(name, data)


def parquet(file: pq.ParquetFile) -> Iterator[bytes]:
    """Column by column, the values once: texts and whole numbers, in lists, structures and dictionaries too."""
    yield b"\n".join(part for pair in (file.metadata.metadata or {}).items() for part in pair)
    for column in file.read().columns:
        for chunk in column.chunks:
            yield from _values(chunk)


def _values(array: pa.Array) -> Iterator[bytes]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _values(array.dictionary)
    elif pa.types.is_map(kind):
        yield from (*_values(array.keys), *_values(array.items))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _values(array.flatten())
    elif pa.types.is_struct(kind):
        for part in array.flatten():
            yield from _values(part)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        yield from (value for value in pc.unique(array).to_pylist() if value)
    elif not (pa.types.is_floating(kind) or pa.types.is_temporal(kind) or pa.types.is_boolean(kind)
              or pa.types.is_null(kind)):
        yield "\n".join(str(value) for value in pc.unique(array).to_pylist()).encode()


def sqlite(path: Path) -> Iterator[bytes]:
    """Row by row: a long text lies on several pages. What was deleted is seen in the file as it lies there."""
    with tempfile.TemporaryDirectory() as folder:
        for part in path.parent.glob(f"{path.name}*"):  # with its write-ahead log
            shutil.copyfile(part, Path(folder) / part.name)
        connection = sqlite3.connect(Path(folder) / path.name)
        connection.text_factory = bytes
        try:
            tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
            for (table,) in tables:
                for row in connection.execute(f'select * from "{table.decode()}"'):
                    yield b"\n".join(_cell(value) for value in row if value is not None)
        finally:
            connection.close()


def _cell(value: Any) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return value + b"\n" + zlib.decompress(value)
    except zlib.error:
        return value


def duckdb(path: Path) -> Iterator[bytes]:
    """Every column of every table as text: the file compresses them."""
    import duckdb as engine

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.duckdb"
        for part in path.parent.glob(f"{path.name}*"):  # with its write-ahead log
            shutil.copyfile(part, copy.with_name(part.name.replace(path.name, copy.name)))
        with engine.connect(str(copy)) as connection:
            for schema, table, column in connection.execute(
                    "select table_schema, table_name, column_name from information_schema.columns "
                    "where table_schema in (select schema_name from information_schema.schemata) "
                    "and data_type not in ('DOUBLE', 'FLOAT', 'DATE', 'BOOLEAN') and data_type not like 'TIMESTAMP%' "
                    "and table_catalog = current_database()").fetchall():
                values = connection.execute(f'select distinct cast("{column}" as varchar) from "{schema}"."{table}"')
                while rows := values.fetchmany(100_000):
                    yield "\n".join(row[0] for row in rows if row[0] is not None).encode()
