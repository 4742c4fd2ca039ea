"""Who scores a night when the champion in force is damaged, gone or unjudged, and who reads what it scored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, notices, scoring, status
from pipelines.errors import Held, IntegrityError, NoChampion
from pipelines.publish import Dataset
from pipelines.scoring.extract import published
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)
BEFORE, AFTER = NIGHT - timedelta(days=1), NIGHT + timedelta(days=1)
FORMULA = {"columns": [], "categories": {}, "calibrator": {"kind": "identity"}, "verdict": {"passed": True}}
# Ways in which a version stops being good, each on its folder.
DAMAGE: dict[str, Callable[[Path], Any]] = {
    "deleted": shutil.rmtree,
    "cut": lambda folder: (folder / "card.json").write_bytes(b""),
    "re-signed": lambda folder: resign(folder),
    "a pickle beside it": lambda folder: (folder / "python_model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR."),
}


def resign(folder: Path) -> None:
    """Other bytes with a bundle.json that states their sha256: whole in itself, but not what the log recorded."""
    (folder / "card.json").write_bytes(b"{} ")
    facts = json.loads((folder / "bundle.json").read_text())
    facts["files"]["card.json"] = bundles.digest(b"{} ")
    (folder / "bundle.json").write_text(json.dumps(facts))
    assert bundles.load(folder)


def enter(version: int, start: date, model: str = "churn", verdict: Any = None, **facts: Any) -> bundles.Bundle:
    """A version that is a formula, so that nothing is fitted, saved once and entered in the log."""
    stated = {**FORMULA, "model": model, "version": version, "feature_service": f"{model}_v2", **facts}
    if verdict is not None:
        stated["verdict"] = verdict
    made = bundles.save(bundles.path_of(model, version), stated, files={"card.json": b"{}"})
    champions.enter(model, version, start, made.sha256, reason="test")
    return made


def value(version: int, churn: bundles.Bundle, start: date = BEFORE) -> bundles.Bundle:
    return enter(version, start, "ltv", ltv={"churn_version": churn.version, "churn_sha256": churn.sha256})


@pytest.fixture(params=sorted(DAMAGE))
def damage(request: pytest.FixtureRequest) -> Callable[[int], None]:
    return lambda version: DAMAGE[request.param](bundles.path_of("churn", version))


def test_a_whole_champion_scores_without_a_flag(home: Path) -> None:
    enter(1, BEFORE)
    enter(2, NIGHT)
    found = scoring.standing("churn", NIGHT)
    assert (found.champion.version, found.bundle.version, found.flags, found.inputs) == (2, 2, (), {})
    assert scoring.standing("churn", BEFORE).champion.version == 1
    assert not notices.directory().exists()


def test_a_damaged_champion_is_replaced_by_the_last_good_one_with_an_alarm(
    home: Path, damage: Callable[[int], None]
) -> None:
    for version, start in ((1, BEFORE), (2, BEFORE), (3, NIGHT)):
        enter(version, start)
    damage(3)
    damage(2)
    found = scoring.standing("churn", NIGHT)
    assert found.champion.version == 1
    assert found.instead_of is not None
    assert found.instead_of.version == 3
    assert found.flags[0].startswith("churn v1 scores in place of v3, which is in force: v3 (")
    assert "; v2 (" in found.flags[0]
    told = [json.loads(path.read_text())["text"] for path in notices.directory().iterdir()]
    assert len(told) == 1
    assert found.flags[0] in told[0]
    scoring.standing("churn", NIGHT)
    assert len(list(notices.directory().iterdir())) == 1


def test_when_no_version_is_good_nothing_scores_and_each_is_named(home: Path, damage: Callable[[int], None]) -> None:
    enter(1, BEFORE)
    enter(2, NIGHT)
    damage(1)
    damage(2)
    with pytest.raises(IntegrityError, match=r"no good version is left in the champion log: v2 \(.*; v1 \("):
        scoring.standing("churn", NIGHT)


def test_no_champion_was_ever_in_force(home: Path) -> None:
    enter(1, AFTER)
    with pytest.raises(NoChampion):
        scoring.standing("churn", NIGHT)


@pytest.mark.parametrize("verdict", [{"passed": False}, {"passed": "true"}, {"passed": 1}, {}])
def test_a_version_without_a_passed_verdict_never_scores_even_when_the_log_names_it(home: Path, verdict: Any) -> None:
    enter(1, BEFORE)
    enter(2, NIGHT, verdict=verdict)
    found = scoring.standing("churn", NIGHT)
    assert found.champion.version == 1
    assert "bears no passed verdict" in found.flags[0]


def test_what_a_rollback_took_out_of_force_stands_in_for_nobody(home: Path) -> None:
    first = enter(1, BEFORE)
    enter(2, BEFORE)
    champions.enter("churn", 1, NIGHT, first.sha256, reason="rollback")
    shutil.rmtree(first.directory)
    with pytest.raises(IntegrityError, match="no good version is left"):
        scoring.standing("churn", NIGHT)
    assert scoring.standing("churn", BEFORE).champion.version == 2


def test_a_version_that_comes_later_stands_in_for_nobody(home: Path) -> None:
    shutil.rmtree(enter(1, NIGHT).directory)
    enter(2, AFTER)
    with pytest.raises(IntegrityError):
        scoring.standing("churn", NIGHT)


def test_a_value_comes_along_with_the_churn_version_that_stands_in(home: Path) -> None:
    value(1, enter(1, BEFORE))
    second = enter(2, BEFORE)
    value(2, second)
    assert scoring.standing("ltv", NIGHT).champion.version == 2
    shutil.rmtree(second.directory)
    found = scoring.standing("ltv", NIGHT)
    assert found.champion.version == 1
    assert "v2 is pinned to churn v2, and v1 scores" in found.flags[0]


def test_a_damaged_value_is_held_when_the_one_before_it_stands_on_other_churn_scores(home: Path) -> None:
    value(1, enter(1, BEFORE))
    shutil.rmtree(value(2, enter(2, BEFORE)).directory)
    with pytest.raises(Held, match=r"v1 is pinned to churn v1, and v2 scores(?s:.*)restore the bundle"):
        scoring.standing("ltv", NIGHT)


def test_a_damaged_value_is_replaced_by_one_that_stands_on_the_same_churn_version(home: Path) -> None:
    churn = enter(1, BEFORE)
    value(1, churn)
    second = enter(2, BEFORE, "ltv", ltv={"churn_version": 1, "churn_sha256": churn.sha256, "months": 6})
    shutil.rmtree(second.directory)
    assert scoring.standing("ltv", NIGHT).champion.version == 1


def test_a_night_scored_by_a_stand_in_is_read_as_such_until_the_champion_is_restored(
    champion: Any, formula: Any, tmp_path: Path
) -> None:
    champion(1)
    formula()
    second = champion(2, seed=1)
    shutil.move(second.directory, tmp_path / "kept")
    scored = {model: scoring.score(model, NIGHT) for model in ("churn", "ltv")}
    assert [one.version for one in scored.values()] == [1, 1]
    assert {model: made.version for model in scored if (made := scoring.scored_by(model, NIGHT))} == {
        "churn": 1, "ltv": 1}
    inputs = Dataset(settings().scores / "churn", ("as_of", "version")).entries()[str(NIGHT), "1"].inputs
    assert inputs["instead_of"] == {"version": 2, "bundle": second.sha256}
    rows = scoring.extract(NIGHT).read_text().splitlines()
    assert len(rows) == 191
    assert set(published("ltv", NIGHT)["model_version"].to_pylist()) == {1}
    flagged = status._flagged()
    assert [(one.model, one.as_of) for one in flagged] == [("churn", str(NIGHT))]
    assert flagged[0].flag == inputs["flags"][0]

    shutil.move(tmp_path / "kept", second.directory)
    assert scoring.score("churn", NIGHT).version == 2
    assert scoring.scored_by("churn", NIGHT).version == 2
    assert status._flagged() == ()


def test_what_an_earlier_champion_scored_is_not_taken_for_a_stand_ins_night(champion: Any) -> None:
    champion(1)
    scoring.score("churn", NIGHT)
    champion(2, seed=1)
    assert scoring.scored_by("churn", NIGHT) is None
    assert published("churn", NIGHT) is None


def test_a_registry_that_does_not_answer_is_a_flag_and_no_obstacle(home: Path, monkeypatch: Any) -> None:
    enter(1, BEFORE)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:{'hidden'}@127.0.0.1:9")
    settings.cache_clear()
    found = scoring.standing("churn", NIGHT)
    assert found.champion.version == 1
    assert found.instead_of is None
    assert len(found.flags) == 1
    assert found.flags[0].startswith("scored from the verified local copy: MLflow at 127.0.0.1:9 does not answer")
