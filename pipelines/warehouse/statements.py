"""The project's models as plain SQL, for a reader of a few rows: without dbt, without the warehouse file."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipelines.settings import PROJECT

_DBT_PROJECT = PROJECT / "dbt_project"
_MACROS = ("time", "billing_bravo")


def statement(model: str) -> str:
    """The select of a model; `ref('x')` reads the relation `x`, `source('a', 'b')` the relation `a__b`.

    For models whose SQL asks for no more of dbt than these two, a variable's default and the macros of _MACROS.
    """
    (path,) = (_DBT_PROJECT / "models").rglob(f"{model}.sql")
    macros = "".join((_DBT_PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in _MACROS)
    sql: str = _environment().from_string(macros + path.read_text(encoding="utf-8")).render()
    return sql.strip()


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701  SQL of our own, no page
    environment.globals |= {
        "ref": lambda model: model,
        "source": lambda group, name: f"{group}__{name}",
        "var": lambda name, default="": default,
    }
    return environment
