"""What the pages for the privacy officer say of stores, days, erasure and backup is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.backup import contents
from pipelines.estate import Retention
from pipelines.governance.erasure.search import ON_PURPOSE
from pipelines.settings import Settings, settings

PAGES = Path(__file__).resolve().parents[2] / "docs" / "privacy"
# Columns of the table.
WHAT, WHO, DAYS, ERASED, BACKUP = range(1, 6)


def table() -> dict[str, list[str]]:
    """The rows of the stores, by store."""
    rows = re.findall(r"^\| `(\w+)/` \|(.*)\|$", (PAGES / "what_is_kept.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {store: [store, *(cell.strip() for cell in rest.split(" | "))] for store, rest in rows}


def stores() -> set[str]:
    """Every folder below the home that settings, backup or erasure name."""
    own = {path.relative_to(settings().home).parts[0] for name in vars(Settings)
           if isinstance(getattr(Settings, name), property) and isinstance(path := getattr(settings(), name), Path)}
    return own | {*contents.MADE_AGAIN, *contents.AUDIT, *contents.FIRST, *contents.LAST} | {
        store for stores in contents.LARGE.values() for store in stores}


@pytest.mark.mlts("D5")
def test_every_store_has_its_row_and_no_other(home: Path) -> None:
    assert len(stores()) > 15
    assert set(table()) == stores()
    assert not [store for store, cells in table().items() if len(cells) != 6 or not all(cells)]


def test_the_days_are_those_of_the_estate(home: Path) -> None:
    least = re.compile(r"`(\w+) = (\d+)` or more: that many")
    classes = Retention.model_fields
    for store in set(classes) & set(table()):
        said, default = table()[store][DAYS], classes[store].default
        if default is not None:
            assert re.match(rf"{default}\b", said), store
            continue
        name, days = least.search(said).groups()  # type: ignore[union-attr]
        assert said.startswith("kept;")
        assert getattr(Retention(**{name: int(days)}), store) == int(days)
        with pytest.raises(ValueError, match=f"{name} = {int(days) - 1} days is shorter"):
            Retention(**{name: int(days) - 1})
    assert f"retrained in {Retention().retrain} days" in table()["models"][ERASED]


def test_what_is_kept_on_purpose_is_what_the_search_leaves_out(home: Path) -> None:
    assert {store for store, cells in table().items() if cells[ERASED] == "kept on purpose"} == set(ON_PURPOSE)


def test_a_backup_has_what_the_page_says(home: Path) -> None:
    options = {store: f"`--with-{name}`" for name, stores in contents.LARGE.items() for store in stores}
    for store, cells in table().items():
        if store in options:
            assert cells[BACKUP].startswith(options[store]), store
        elif store in contents.MADE_AGAIN:
            assert cells[BACKUP] in ("no", "its database"), store
        else:
            assert cells[BACKUP].startswith("yes"), store


def test_the_assessment_asks_what_the_regulation_asks_and_leaves_blanks_for_the_operator() -> None:
    page = (PAGES / "dpia.md").read_text(encoding="utf-8")
    assert [letter for letter in "abcd" if f"35(7)({letter})" not in page] == []
    assert len(re.findall(r"\*\*\[[^\]]*(\.\.\.|/)[^\]]*\]\*\*", page)) > 30
