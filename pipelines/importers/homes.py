"""A home's own estate file, and the refusal to mix two estates in one home."""

from __future__ import annotations

import json
import os
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
    facts: dict[str, Any] = estate.model_dump(mode="json", exclude_none=True)
    lines = [f"# {origin}"]
    for key, value in facts.items():
        if not isinstance(value, dict):
            lines.append(f"{key} = {_scalar(key, value)}")
    for key, value in facts.items():
        if not isinstance(value, dict):
            continue
        plain = {k: v for k, v in value.items() if not isinstance(v, dict)}
        if plain:
            lines += ["", f"[{key}]", *(f"{k} = {_scalar(k, v)}" for k, v in plain.items())]
        for name, table in value.items():
            if isinstance(table, dict):
                lines += ["", f"[{key}.{json.dumps(name)}]", *(f"{k} = {_scalar(k, v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _scalar(key: str, value: object) -> str:
    if key in {"history_start", "history_end", "first_cutoff"}:
        return str(value)  # a TOML date is written bare
    return json.dumps(value, ensure_ascii=False)


def _origin(standing: str | None) -> str:
    return standing.splitlines()[0].lstrip("# ") if standing else "it has no estate.toml"
