"""F43 and what a person asks: which version stands where and why, what the gate said; no champion is deleted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, cli, tracking

T = date(2026, 6, 1)
Telco = Callable[..., tuple[int, str, str]]


@pytest.fixture
def telco(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Telco:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["telco", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def crowd(world: Any) -> Any:
    """v1 champion, v2 in shadow with one night, v3 refused by the gate."""
    world.begun()
    world.shadowed("churn", T + timedelta(days=7))
    world.version("churn", T + timedelta(days=8), passed=False)
    return world


def test_models_says_what_stands_where_since_when_and_why(crowd: Any, telco: Telco) -> None:
    code, out, _ = telco("models", "--json")
    assert code == 0
    found = {one["version"]: (one["state"], one["since"], one["why"]) for one in json.loads(out)}
    assert found == {
        1: ("champion", "2026-06-01", "first version to pass the gate"),
        2: ("shadow", "2026-06-08", "1 of 3 nights beside v1: 2026-06-08"),
        3: ("refused", "-", "gain over the champion"),
    }
    assert "shadow" in telco("models", "--model", "churn")[1]


def test_gate_show_is_a_table_with_what_to_do_next(crowd: Any, telco: Telco) -> None:
    code, out, _ = telco("gate", "show", "churn", "3")
    assert code == 0
    assert "churn version 3: gate, refused" in out
    assert "keep the champion" in out
    both = telco("gate", "show", "churn", "2", "--json")[1]
    assert [check["name"] for check in json.loads(both)["shadow"]["checks"]][:2] == ["shadow_nights", "shadow_everyone"]
    code, _, err = telco("gate", "show", "churn", "9")
    assert code == 2
    assert "churn has no version 9" in err


def test_every_check_the_gate_and_the_shadow_make_has_advice_of_its_own() -> None:
    from pipelines.cli.models import ADVICE, advice

    for name in ("enough_rows", "finite", "leakage", "floor_auc", "baseline_logistic", "coherence", "champion",
                 "shadow_nights", "shadow_everyone", "shadow_shift"):
        assert advice(name) in ADVICE.values(), name
    assert advice("something new") == "read the model card"


@pytest.mark.parametrize(("version", "why"), [(1, "is the champion: it is never deleted"), (2, "is in shadow from")])
def test_F43_neither_a_champion_nor_who_is_in_shadow_is_deleted(
    crowd: Any, telco: Telco, version: int, why: str
) -> None:
    code, _, err = telco("models", "delete", "churn", "--version", str(version))
    assert code == 2
    assert why in err
    assert bundles.path_of("churn", version).exists()
    assert version in [one.version for one in tracking.versions("telco_churn")]


def test_a_version_that_never_scored_is_deleted_everywhere(crowd: Any, telco: Telco) -> None:
    assert telco("models", "delete", "churn", "--version", "3")[0] == 0
    assert not bundles.path_of("churn", 3).exists()
    assert [one.version for one in tracking.versions("telco_churn")] == [1, 2]
    assert telco("models", "delete", "churn", "--version", "3")[0] == 2


def test_promote_and_rollback_from_a_shell(crowd: Any, telco: Telco) -> None:
    code, _, err = telco("promote", "churn", "--version", "2", "--as-of", "2026-06-20", "--by", "grace")
    assert code == 3
    assert "1 of 3 nights beside v1" in err
    for number in (8, 9):
        crowd.shadowed("churn", T + timedelta(days=number))
    code, out, _ = telco("promote", "churn", "--version", "2", "--as-of", "2026-06-20", "--by", "grace")
    assert (code, out) == (0, "champion: churn version 2 is in force from 2026-06-11, approved by grace\n")
    code, out, _ = telco("rollback", "churn", "--by", "grace", "--why", "wrong offers")
    assert code == 0
    assert "churn version 1 is in force from 2026-06-11 (rolled back from v2 to v1: wrong offers)" in out
    assert champions.in_force("churn", T + timedelta(days=30)).version == 1
    assert telco("rollback", "churn", "--why", "call 0043 664 1234567890")[0] == 2


def test_a_word_that_is_no_name_is_refused(crowd: Any, telco: Telco) -> None:
    assert telco("promote", "churn", "--version", "2", "--as-of", "2026-06-20", "--by", "{{ var.value.x }}")[0] == 2
