"""The tables of docs/reference/landing_contract.md, made from the contract: `python -m pipelines.landing.reference`.

With `--check` it writes nothing and ends 1 when the page is not current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.landing.contract import FEEDS, Column, Feed, Form, Identifier, Kind, Type
from pipelines.landing.raw import SCRUBBED, house_name
from pipelines.settings import PROJECT

PAGE = PROJECT / "docs" / "reference" / "landing_contract.md"
START = "<!-- from here on made by: python -m pipelines.landing.reference -->"
END = "<!-- end of what is made -->"

_KINDS = {
    Kind.EVENT: "things that happened; each row is sent once, ever",
    Kind.CHANGE: "new states; a row is sent when an entity is new or has changed",
    Kind.SNAPSHOT: "everything as it stands",
}
_WRITTEN: dict[Form, dict[Type, str]] = {
    Form.CSV: {
        Type.STRING: "text", Type.INTEGER: "whole number", Type.DOUBLE: "number, `.` as decimal mark",
        Type.DECIMAL: "amount, `.` as decimal mark, at most 4 places",
        Type.BOOLEAN: "`true` or `false`", Type.DATE: "`YYYY-MM-DD`",
        Type.LOCAL_TIME: "local `YYYY-MM-DD HH:MM:SS`", Type.INSTANT: "UTC `YYYY-MM-DDTHH:MM:SSZ`",
    },
    Form.JSONL: {
        Type.STRING: "string", Type.INTEGER: "whole number", Type.DOUBLE: "number", Type.BOOLEAN: "boolean",
        Type.DECIMAL: "number of at most 4 places",
        Type.DATE: "string `YYYY-MM-DD`", Type.LOCAL_TIME: "string, local `YYYY-MM-DD HH:MM:SS`",
        Type.INSTANT: "string, UTC `YYYY-MM-DDTHH:MM:SSZ`",
    },
    Form.PARQUET: {
        Type.STRING: "string", Type.INTEGER: "int8 to int64", Type.DOUBLE: "float or double",
        Type.DECIMAL: "decimal of at most 4 places",
        Type.BOOLEAN: "boolean", Type.DATE: "date32", Type.LOCAL_TIME: "timestamp without zone, local",
        Type.INSTANT: "timestamp, UTC",
    },
}


def tables() -> str:
    """The overview of feeds and one section per feed, as Markdown."""
    overview = [
        "| feed | file | one drop holds | key | time of a row |", "|---|---|---|---|---|",
        *(
            f"| [`{feed.id}`](#{feed.id.replace('.', '')}) | `{feed.file_name}` | {_KINDS[feed.kind]} "
            f"| {_names(feed.key)} | `{feed.event_time}` |"
            for feed in FEEDS
        ),
    ]
    return "\n".join([START, "", *overview, "", *(_section(feed) for feed in FEEDS), END])


def page(text: str) -> str:
    """The page with its tables made anew; the prose around them stays."""
    before, _, rest = text.partition(START)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE} lacks the lines {START!r} and {END!r}")
    return before + tables() + after


def _section(feed: Feed) -> str:
    return "\n".join([
        f"### {feed.id}", "",
        f"`landing/{feed.source}/{feed.name}/dt=YYYY-MM-DD/{feed.file_name}`, schema version {feed.schema_version}.",
        "", "| column | written as | may be empty | values | meaning | in raw/ |", "|---|---|---|---|---|---|",
        *(_row(feed, column) for column in feed.columns), "",
    ])


def _row(feed: Feed, column: Column) -> str:
    values = ", ".join(f"`{value}`" for value in column.values) or "any"
    return (
        f"| `{column.name}` | {_WRITTEN[feed.form][column.type]} | {'yes' if column.nullable else 'no'} "
        f"| {values} | {column.meaning} | {_fate(feed, column)} |"
    )


def _fate(feed: Feed, column: Column) -> str:
    if column.identifier is Identifier.NAME:
        return "dropped"
    if column.identifier is Identifier.FREE_TEXT:
        return f"scrubbed: `{SCRUBBED}`"
    if column.identifier is not None:
        return f"token `{column.identifier.value}_token`"
    if column.name == feed.operator_column:
        return "`operator`"
    if column.money is not None:
        return f"as it is, and `{house_name(column)}` in the house currency"
    return "as UTC" if column.type is Type.LOCAL_TIME else "as it is"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def main(arguments: list[str], path: Path = PAGE) -> int:
    """Write the page, or with `--check` say whether it is current."""
    old = path.read_text(encoding="utf-8")
    new = page(old)
    if "--check" in arguments:
        return 0 if new == old else 1
    path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
