"""A home's own estate file, and the refusal to mix two estates in one home."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.estate import Estate
from pipelines.settings import settings


def claim(estate: Estate, origin: str, *, force: bool = False) -> Path:
    """Write TELCO_HOME/estate.toml and return its path. `origin` is one line saying where the estate comes from.

    A home whose landing or raw data came with other estate facts or from another origin is refused with a
    UsageError; `force` writes all the same and deletes nothing.
    """
    home = settings().home
    path = home / "estate.toml"
    text = render(estate, origin)
    standing = path.read_text(encoding="utf-8") if path.exists() else None
    if standing != text and not force:
        for folder in (settings().landing, settings().raw):
            if folder.exists() and any(folder.iterdir()):
                raise UsageError(
                    f"{folder} holds data of another estate ({_origin(standing)}); this one is: {origin}. "
                    "Set TELCO_HOME to an empty folder, or force it if you know that both belong together"
                )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(".estate.toml.tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
    settings.cache_clear()  # the home has an estate of its own from now on
    return path


def render(estate: Estate, origin: str) -> str:
    """The estate as TOML, in the order of the fields, under a first line that tells its origin."""
    facts: dict[str, Any] = estate.model_dump(exclude_none=True)
    return "\n".join([f"# {origin}", *_table((), facts)]) + "\n"


def _table(path: tuple[str, ...], facts: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table: its plain values, then its tables and lists of tables, each under its header."""
    plain = {key: value for key, value in facts.items() if not _is_table(value) and not _is_tables(value)}
    if path and (plain or not facts):
        yield from ("", f"[{_dotted(path)}]")
    yield from (f"{_key(key)} = {_scalar(value)}" for key, value in plain.items())
    for key, value in facts.items():
        if _is_table(value):
            yield from _table((*path, key), value) if value else ()
        elif _is_tables(value):
            for row in value:
                yield from ("", f"[[{_dotted((*path, key))}]]")
                yield from (f"{_key(name)} = {_scalar(one)}" for name, one in row.items())


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _key(name: str) -> str:
    """Bare where TOML allows it, quoted elsewhere: the ids of feeds have a dot in them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(_key(name) for name in path)


def _scalar(value: object) -> str:
    """TOML v1.0: dates and decimals are bare, strings as JSON writes them, lists of plain values in brackets."""
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_scalar(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _origin(standing: str | None) -> str:
    return standing.splitlines()[0].lstrip("# ") if standing else "it has no estate.toml"
