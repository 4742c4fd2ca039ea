"""Models asked without dbt: their SQL over a few rows, rendered with the project's own macros, in milliseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from jinja2 import Environment

PROJECT = Path(__file__).parents[2] / "dbt_project"
# Macro files without dbt's own tags.
MACROS = "".join((PROJECT / f"macros/{name}.sql").read_text(encoding="utf-8") for name in ("time", "money", "quality"))
MODELS = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}


def sql(model: str, where: str = "") -> str:
    """A model's query with every ref as a bare table name."""
    text = MACROS + MODELS[model].read_text(encoding="utf-8")
    return Environment(autoescape=False).from_string(text).render(
        ref=lambda name: name, source=lambda schema, name: f"{schema}_{name}",
    ) + where


class Asked:
    """Tables by name; `build` makes models of them, in the order given."""

    def __init__(self, tables: Mapping[str, tuple[Sequence[Mapping[str, Any]], Mapping[str, pa.DataType]]]) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        for name, (rows, types) in tables.items():
            table = pa.Table.from_pylist([dict(row) for row in rows], schema=pa.schema(list(types.items())))
            self.connection.register(f"rows_of_{name}", table)
            self.connection.execute(f"create table {name} as select * from rows_of_{name}")

    def build(self, *models: str) -> Asked:
        for model in models:
            self.connection.execute(f"create table {model} as {sql(model)}")
        return self

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.connection.sql(query).to_arrow_table().to_pylist()

    def faults(self, test: str, model: str, **arguments: Any) -> list[dict[str, Any]]:
        """Rows a generic data test of the project finds in a built model."""
        tests = (PROJECT / "macros/tests.sql").read_text(encoding="utf-8")
        body = re.search(rf"{{% test {test}\(.*?%}}(.*?){{% endtest %}}", tests, re.DOTALL)
        assert body is not None, test
        query = Environment(autoescape=False).from_string(body[1]).render(
            model=model, ref=lambda name: name, source=lambda schema, name: f"{schema}_{name}", **arguments)
        return self.rows(query)
