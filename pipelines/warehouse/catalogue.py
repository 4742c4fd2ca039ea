"""docs/reference/features.md, made from what dbt holds: `python -m pipelines.warehouse.catalogue`."""

from __future__ import annotations

from typing import Any

from pipelines.settings import PROJECT

SOURCE = PROJECT / "dbt_project/models/marts/features/_features__models.yml"
PAGE = PROJECT / "docs/reference/features.md"
_KEYS = {"subscriber_id", "event_timestamp", "created_at"}
_HEAD = """# Features

Made from `{source}` by
`python -m pipelines.warehouse.catalogue`; edit there. A window of w days at as_of D is `[D - w, D)` and holds only rows
known by D. A feed that is not delivered gives NULL, never 0. What a line leaves open, and a comparison with plain
Python: [feature_truth.md](feature_truth.md).
"""


def models() -> list[dict[str, Any]]:
    """The feature models as dbt's yml describes them, in its order."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    described: list[dict[str, Any]] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["models"]
    return described


def page() -> str:
    """The page: a table for each model, a line for each feature with its unit, meaning and reason."""
    parts = [_HEAD.format(source=SOURCE.relative_to(PROJECT))]
    for model in models():
        rows = [_row(column) for column in model["columns"] if column["name"] not in _KEYS]
        head = [f"## {model['name']}", "", model["description"], ""]
        parts.append("\n".join([*head, "| feature | unit | meaning | reason |", "|---|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _row(column: dict[str, Any]) -> str:
    meta = column["config"]["meta"]
    return f"| `{column['name']}` | {meta['unit']} | {column['description']} | {meta['reason']} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
