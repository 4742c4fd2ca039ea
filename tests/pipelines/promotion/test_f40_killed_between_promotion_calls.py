"""F40: killed before any call that writes. The same command again ends where an undisturbed one does, line for line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, journal, promotion, tracking
from pipelines.models.spec import Shadow
from pipelines.promotion import shadow
from pipelines.promotion.rollback import rollback
from pipelines.settings import settings

T = date(2026, 6, 1)
# Whatever leaves something behind: the logs, the bundle, the registry.
WRITES = [(journal, "append"), (bundles, "save"), (tracking, "register"), (tracking, "settle"),
          (tracking, "_set_alias"), (tracking, "drop_alias")]


class Killed(BaseException):
    """The process is gone: nothing in the code may catch it."""


def calls(monkeypatch: pytest.MonkeyPatch, run: Callable[[], Any], kill_at: int | None = None) -> int:
    """How many writing calls `run` made; before the one numbered `kill_at` it is killed."""
    made = 0

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            nonlocal made
            if made == kill_at:
                raise Killed
            made += 1
            return real(*args, **more)

        return call

    with monkeypatch.context() as patch:
        for module, name in WRITES:
            patch.setattr(module, name, counting(getattr(module, name)))
        try:
            run()
        except Killed:
            assert kill_at is not None
    return made


def ended(world: Any) -> dict[str, Any]:
    """Everything that says what stands: logs, shadow log, aliases, versions on disk."""
    return {
        "lines": {model: champions.history(model) for model in ("churn", "ltv")},
        "aliases": {model: world.aliases(model) for model in ("churn", "ltv")},
        "shadow": [shadow.standing("churn"), shadow.endings("churn"), journal.read(shadow.log_of("churn"))],
        "bundles": sorted(str(path.relative_to(settings().home)) for path in settings().models.glob("*/v*")),
        "registered": {name: [(one.version, one.state) for one in tracking.versions(name)]
                       for name in ("telco_churn", "telco_ltv")},
    }


def approve(world: Any) -> None:
    promotion.approve("churn", 2, T + timedelta(days=20), by="grace")


def refuse(world: Any) -> None:
    world.advance()


def go_back(world: Any) -> None:
    rollback("churn", to=1, by="grace")


def story(world: Any, what: Callable[[Any], None]) -> None:
    """Up to just before `what`: a churn challenger through its shadow beside a value that will move with it."""
    world.value(1, 1)
    world.begun()
    worst = 0.1 if what is refuse else 0.9
    for number in (7, 8, 9):
        world.shadowed("churn", T + timedelta(days=number), rank_correlation=worst)
    if what is go_back:
        world.advance()


@pytest.mark.parametrize(("what", "at_least"), [(approve, 8), (refuse, 2), (go_back, 4)])
def test_F40_a_kill_between_any_two_calls_is_healed_by_the_next_run(
    world: Any, coherent: Any, monkeypatch: Any, tmp_path: Any, what: Callable[[Any], None], at_least: int
) -> None:
    story(world, what)
    kept = tmp_path / "kept"
    shutil.copytree(world.home, kept)

    number = calls(monkeypatch, lambda: what(world))
    expected = ended(world)
    assert number >= at_least
    for place in range(number):
        home = shutil.copytree(kept, tmp_path / f"killed_{place}")  # a path of its own: MLflow keeps a database open
        monkeypatch.setenv("TELCO_HOME", str(home))
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it to the address it was last given
        settings.cache_clear()
        assert calls(monkeypatch, lambda: what(world), kill_at=place) == place
        what(world)
        found = ended(world)
        for name, value in expected.items():
            assert found[name] == value, f"killed before call {place + 1} of {number}: {name}; {world.told[-3:]}"


def test_F40_a_kill_while_a_shadow_begins_or_the_first_champion_enters_is_healed(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.version("churn", T + timedelta(days=7))
    calls(monkeypatch, world.advance, kill_at=0)
    assert shadow.standing("churn") is None
    world.advance()
    assert shadow.standing("churn").version == 2
    assert Shadow().nights > 0
