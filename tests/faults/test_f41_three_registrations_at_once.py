"""F41: three processes register at once. Every training gets a version of its own, the alias is the newest one's."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipelines import tracking

NAME = "telco_churn"


def register(number: int, folder: str) -> None:
    """One process: a training of its own, and one that all three share."""
    bundle = Path(folder) / f"bundle{number}"
    bundle.mkdir()
    (bundle / "bundle.json").write_text("{}")
    shared = tracking.register(NAME, {"identity": "shared", "trained_as_of": "2026-01-01"})
    own = tracking.register(NAME, {"identity": f"own {number}", "trained_as_of": f"2026-06-0{number}"})
    for found in (own, shared):
        tracking.settle(found, bundle, {"sha256": "0"}, alias="challenger")


def test_F41_three_processes_get_distinct_versions_and_the_newest_training_the_alias(
    home: Path, give_registry: Callable[[Path], None], tmp_path: Path
) -> None:
    give_registry(home)
    import mlflow  # the children are forked, so that each need not import it again

    assert mlflow.__version__
    context = get_context("fork")
    started = [context.Process(target=register, args=(number, str(tmp_path))) for number in (2, 3, 1)]
    for one in started:
        one.start()
    for one in started:
        one.join(60)
    assert [one.exitcode for one in started] == [0, 0, 0]
    found = tracking.versions(NAME)
    assert [one.version for one in found] == [1, 2, 3, 4]
    assert sorted(one.tags["identity"] for one in found) == ["own 1", "own 2", "own 3", "shared"]
    assert {one.state for one in found} == {tracking.READY}
    holder = tracking.version_by_alias(NAME, "challenger")
    assert holder is not None
    assert holder.tags["identity"] == "own 3"


@pytest.fixture
def two(home: Path, give_registry: Callable[[Path], None]) -> None:
    give_registry(home)
    for number in (1, 2):
        tracking.register(NAME, {"identity": str(number)})


def test_F41_an_alias_moves_only_from_where_it_was_seen(two: None) -> None:
    assert tracking.move_alias(NAME, "champion", 1, seen=None)
    assert not tracking.move_alias(NAME, "champion", 2, seen=None)
    assert not tracking.move_alias(NAME, "champion", 2, seen=2)
    assert tracking.move_alias(NAME, "champion", 2, seen=1)
    holder = tracking.version_by_alias(NAME, "champion")
    assert holder is not None
    assert holder.version == 2
