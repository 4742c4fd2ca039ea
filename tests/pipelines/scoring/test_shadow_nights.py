"""The night of a version in shadow: scored beside the champion, kept apart, compared, and never in its way."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, scoring
from pipelines.models import SPECS
from pipelines.promotion import shadow
from pipelines.promotion.rollback import rollback
from pipelines.publish import Dataset, sha256
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)
DAY = timedelta(days=1)


def sibling(model: str, version: int, **changed: Any) -> bundles.Bundle:
    """Another version with the trees of v1: what is changed are facts of its bundle."""
    first = bundles.load(bundles.path_of(model, 1))
    files = {name: first.file(name) for name in first.facts["files"] if name != bundles.BOOSTER}
    facts = {name: value for name, value in first.facts.items() if name != "files"}
    return bundles.save(bundles.path_of(model, version), {**facts, "version": version, **changed},
                        booster=first.booster, files=files)


def begin(model: str, made: bundles.Bundle, night: date = NIGHT) -> None:
    shadow.begin(shadow.Challenger(model, made.version, night, made.sha256, night, "ada"))


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): sha256(path) for path in sorted(root.rglob("*.parquet"))}


@pytest.mark.mlts("I6")
def test_the_night_of_the_champion_is_the_same_with_a_shadow_and_without(champion: Any) -> None:
    champion()
    assert scoring.score("churn", NIGHT).shadow is None
    alone, extract = files(settings().scores), sha256(scoring.extract(NIGHT))
    begin("churn", sibling("churn", 2, calibrator={"kind": "platt", "a": 0.4, "b": -1.0}))
    scored = scoring.score("churn", NIGHT)
    assert (scored.version, scored.shadow.challenger, scored.shadow.champion) == (1, 2, 1)
    assert files(settings().scores) == alone
    assert sha256(scoring.extract(NIGHT)) == extract
    assert list(files(settings().shadow)) == ["churn/as_of=2026-01-12/version=2/data.parquet"]


def test_what_is_compared_is_stored_and_the_same_again_changes_no_byte(champion: Any) -> None:
    champion()
    begin("churn", sibling("churn", 2, calibrator={"kind": "platt", "a": 0.4, "b": -1.0}))
    scoring.score("churn", NIGHT)
    path = settings().shadow / "churn" / "as_of=2026-01-12" / "version=2" / "comparison.json"
    told = json.loads(path.read_text())
    assert (told["champion"], told["challenger"], told["rows"], told["unmatched"]) == (1, 2, 190, 0)
    assert told["rank_correlation"] == pytest.approx(1.0, abs=1e-6)  # the same trees
    assert told["agreement"] == 1.0
    assert told["ks"] > 0.3  # another calibrator
    before = files(settings().shadow), path.read_bytes()
    scoring.score("churn", NIGHT)
    assert (files(settings().shadow), path.read_bytes()) == before


def test_a_version_of_a_new_feature_service_has_its_nights_beside_the_champion_of_the_old_one(
    champion: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = SPECS["churn"]
    monkeypatch.setitem(SPECS, "churn", dataclasses.replace(new, feature_service="churn_v1"))
    first = champion()
    monkeypatch.setitem(SPECS, "churn", new)
    second = sibling("churn", 2, feature_service=new.feature_service)
    begin("churn", second)
    scored = scoring.score("churn", NIGHT)
    assert (first.feature_service, second.feature_service) == ("churn_v1", "churn_v2")
    assert (scored.version, scored.shadow.challenger, scored.shadow.rows) == (1, 2, 190)


def test_a_night_before_its_first_is_not_scored(champion: Any) -> None:
    champion()
    begin("churn", sibling("churn", 2), NIGHT + DAY)
    assert scoring.score("churn", NIGHT).shadow is None
    assert not files(settings().shadow)


@pytest.mark.parametrize("broken", ["no verdict", "cut model", "gone"])
def test_a_version_in_shadow_that_is_broken_costs_the_night_nothing(champion: Any, broken: str) -> None:
    champion()
    changed = {"verdict": {"passed": False}} if broken == "no verdict" else {}
    made, told = sibling("churn", 2, **changed), list[str]()
    if broken == "cut model":
        (made.directory / "model.ubj").write_bytes((made.directory / "model.ubj").read_bytes()[:-30])
    elif broken == "gone":
        shutil.rmtree(made.directory)
    begin("churn", made)
    scored = scoring.score("churn", NIGHT, report=told.append)
    assert (scored.rows, scored.shadow) == (190, None)
    assert "v2 in shadow did not score 2026-01-12" in told[-1]
    assert not files(settings().shadow)


def test_a_value_in_shadow_is_scored_beside_the_churn_version_it_is_pinned_to(champion: Any, formula: Any) -> None:
    champion()
    formula()
    scoring.score("churn", NIGHT)
    terms = bundles.load(bundles.path_of("ltv", 1)).facts["ltv"]
    begin("ltv", sibling("ltv", 2, ltv={**terms, "monthly_discount": 0.01}))
    scored = scoring.score("ltv", NIGHT)
    assert (scored.version, scored.shadow.challenger, scored.shadow.unmatched) == (1, 2, 0)
    assert scored.shadow.mean_change > 0.005
    begin("ltv", sibling("ltv", 3, ltv={**terms, "churn_version": 2}))
    told: list[str] = []
    assert scoring.score("ltv", NIGHT, report=told.append).shadow is None
    assert "pinned to churn v2, which has no scores for this night" in told[-1]


@pytest.mark.mlts("I7")
def test_the_night_after_a_rollback_is_to_the_byte_what_the_former_champion_gives(champion: Any, world: Any) -> None:
    nights = [NIGHT + number * DAY for number in (1, 2)]
    first = champion()
    world.publish_world(nights)
    second = sibling("churn", 2, calibrator={"kind": "platt", "a": 0.4, "b": -1.0})
    champions.enter("churn", 2, nights[0], second.sha256, reason="test")
    assert [scoring.score("churn", night).version for night in (NIGHT, nights[0])] == [1, 2]
    before, started = files(settings().scores), time.process_time()
    done = rollback("churn", by="grace")
    assert time.process_time() - started < 30  # of this process: the machine a test runs on may be busy
    assert (done.champion.version, done.champion.from_as_of) == (1, nights[1])
    assert scoring.score("churn", nights[1]).version == 1
    after = files(settings().scores)
    assert {name: after[name] for name in before} == before  # nights before keep theirs

    for folder in ("scores", "champions"):  # as if there had never been a second one
        shutil.rmtree(settings().home / folder)
    champions.enter("churn", 1, NIGHT, first.sha256, reason="test")
    scoring.score("churn", nights[1])
    name = f"churn/as_of={nights[1]}/version=1/data.parquet"
    assert files(settings().scores)[name] == after[name]


def test_shadow_partitions_are_in_the_form_of_scores_and_in_no_place_of_theirs(champion: Any) -> None:
    champion()
    begin("churn", sibling("churn", 2))
    scoring.score("churn", NIGHT)
    assert list(Dataset(settings().scores / "churn", ("as_of", "version")).entries()) == [("2026-01-12", "1")]
    (entry,) = shadow.nights_of("churn").entries().values()
    assert entry.inputs["shadow"] is True
    assert entry.key == {"as_of": "2026-01-12", "version": "2"}
