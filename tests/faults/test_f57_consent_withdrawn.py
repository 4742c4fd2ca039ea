"""F57: a consent withdrawn after the features were built keeps its subscriber out of scores, extract and training."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from pipelines import scoring
from pipelines.errors import MissingHistory
from pipelines.governance import audit, purpose, veto
from pipelines.models import SPECS
from pipelines.models.spec import Purpose
from pipelines.publish import Dataset, sha256
from pipelines.scoring.online import desk_table
from pipelines.settings import settings
from pipelines.training import frames

CHURN = SPECS["churn"]


Landing = Callable[..., None]


@pytest.fixture
def world(
    home: Path, monkeypatch: pytest.MonkeyPatch, night: ModuleType, partitions: ModuleType
) -> Callable[..., Any]:
    """Publish the night with these subscribers' consent missing, score it, and give back what was scored."""

    def make(*without_consent: int) -> Any:
        night.publish(monkeypatch, partitions, without_consent)
        return scoring.score("churn", night.NIGHT)

    return make


@pytest.fixture(scope="session")
def land(told: ModuleType) -> Landing:
    """Land rows of consents in one drop: subscriber, status, changed on, knowledge date, version of the drop."""

    def rows(*rows: tuple[int, str, str, str, int]) -> None:
        world = told.World()
        for number, status, on, known_on, version in rows:
            world.add("governance.consents", date.fromisoformat(on), "2026-02-20", {
                "subscription_token": f"{number:05d}", "purpose": "ANALYTICS", "status": status, "channel": "app",
                "changed_at": told.noon(told.day(on)), "known_on": known_on, "version": version,
            })
        world.write()

    return rows


def extracted(night: ModuleType) -> set[str]:
    with scoring.extract(night.NIGHT).open(encoding="utf-8", newline="") as handle:
        return {row["subscriber_id"] for row in csv.DictReader(handle)}


def test_without_consent_nobody_is_scored_and_the_counts_add_up_to_the_roster(
    world: Callable[..., Any], night: ModuleType
) -> None:
    scored = world(3, 7, 58)  # 58 is not active: the roster's reason is theirs
    assert scored.excluded == {"no_consent": 2, "silent_45_days": 3, "tenure_under_one_day": 3}
    assert scored.rows + sum(scored.excluded.values()) == night.COUNT
    assert extracted(night) == set(night.active()) - {"sub_00003", "sub_00007"}


def test_a_withdrawal_that_lands_after_the_night_is_a_veto_at_both_doors_and_changes_no_score(
    world: Callable[..., Any], night: ModuleType, land: Landing
) -> None:
    world()
    scores = settings().scores / "churn" / f"as_of={night.NIGHT}" / "version=1" / "data.parquet"
    before = sha256(scores)
    land((3, "granted", "2026-02-01", "2026-02-21", 1), (3, "withdrawn", "2026-03-01", "2026-03-03", 2),
         (4, "granted", "2026-02-01", "2026-02-21", 1), (4, "granted", "2026-02-01", "2026-03-03", 2))
    assert extracted(night) == set(night.active()) - {"sub_00003"}
    assert set(desk_table(night.NIGHT)["subscriber_id"].to_pylist()) == set(night.active()) - {"sub_00003"}
    assert sha256(scores) == before
    lines = audit.history("consent_veto")
    assert [(line.subject, line.facts["subscribers"]) for line in lines] == [
        (f"extract {night.NIGHT} churn", 1), (f"online {night.NIGHT} churn", 1)]
    extracted(night)
    assert len(audit.history("consent_veto")) == 2  # the same night again is no second line
    assert "00003" not in audit.log_file().read_text()


@pytest.mark.parametrize(("rows", "vetoed"), [
    pytest.param([("withdrawn", "2026-02-10", "2026-02-21", 1)], False, id="known by then: the night's own business"),
    pytest.param([("withdrawn", "2026-02-10", "2026-03-03", 2), ("granted", "2026-03-01", "2026-03-03", 2)], False,
                 id="withdrawn, then granted again"),
    pytest.param([("granted", "2026-02-10", "2026-03-03", 2), ("withdrawn", "2026-02-10", "2026-03-03", 2)], True,
                 id="both at one moment"),
    pytest.param([("granted", "2026-02-10", "2026-02-21", 1), ("withdrawn", "2026-02-05", "2026-03-03", 2)], True,
                 id="the correction took the grant away"),
    pytest.param([("withdrawn", "2026-02-10", "2026-02-21", 1), ("granted", "2026-02-10", "2026-03-03", 2)], False,
                 id="the correction took the withdrawal away"),
])
def test_what_counts_at_the_door_is_all_that_has_landed(
    home: Path, night: ModuleType, land: Landing, rows: list[tuple[str, str, str, int]], vetoed: bool
) -> None:
    land(*((5, *row) for row in rows), (6, "granted", "2026-02-01", "2026-02-21", 1))
    assert ("sub_00005" in veto.withdrawn(Purpose.ANALYTICS, night.NIGHT)) is vetoed
    assert veto.withdrawn(Purpose.MODEL_TRAINING, night.NIGHT) == set()


CUTOFF, T = date(2026, 1, 5), date(2026, 3, 2)


def consents_at(partitions: ModuleType, as_of: date, **says: bool) -> None:
    rows = pd.DataFrame({"operator": "alpha", "has_analytics": False, "has_model_training": list(says.values())})
    stamped = partitions.stamp(rows, [f"sub_{name}" for name in says], as_of)
    partitions.publish(settings().features / "consent", as_of, stamped, partitions.CONSENT)


def test_a_training_takes_the_consent_known_at_its_own_day_and_not_at_the_cutoffs(
    home: Path, partitions: ModuleType
) -> None:
    consents_at(partitions, CUTOFF, stayed=True, withdrew=True, came_later=False)
    consents_at(partitions, T, stayed=True, withdrew=False, came_later=True)
    people = ["sub_stayed", "sub_withdrew", "sub_came_later", "sub_said_nothing"]
    rows = pd.DataFrame({"is_churned": [True, False, True, False]})
    partitions.publish(settings().labels / CHURN.label, CUTOFF, partitions.stamp(rows, people, CUTOFF),
                       {"is_churned": partitions.B})
    leave = purpose.leave(CHURN.train_purpose, T)
    assert sorted(frames.labels(CHURN, [CUTOFF], leave)["subscriber_id"]) == ["sub_came_later", "sub_stayed"]
    assert leave.count(rows.assign(subscriber_id=people)["subscriber_id"].to_numpy()) == {"no_consent": 2, "region": 0}
    entry = Dataset(settings().features / "consent", ("as_of",)).entry({"as_of": str(T)})
    assert entry is not None
    assert leave.told()["consent_sha256"] == entry.sha256
    assert (leave.told()["known"], leave.told()["no_consent"]) == (3, 1)


def test_a_day_whose_consents_are_not_published_is_nobodys_leave(home: Path) -> None:
    with pytest.raises(MissingHistory, match=f"telco unify --as-of {T}"):
        purpose.leave(Purpose.MODEL_TRAINING, T)


def test_an_estate_without_a_consent_feed_declares_its_basis_and_leaves_nobody_out(home: Path) -> None:
    home.mkdir(parents=True)
    text = settings().estate_file.read_text(encoding="utf-8")
    (home / "estate.toml").write_text(text.replace('[feeds."governance.consents"]\noperator = "alpha"\n', ""))
    settings.cache_clear()
    leave = purpose.leave(Purpose.MODEL_TRAINING, T)
    assert leave.told() == {"purpose": "MODEL_TRAINING", "as_of": "2026-03-02", "regions": ["EU", "UK"],
                            "basis": "alpha: contract, bravo: contract", "consent_sha256": ""}
    assert leave.count(pd.Series(["sub_1", "sub_2"]).to_numpy()) == {"no_consent": 0, "region": 0}
    assert veto.withdrawn(Purpose.ANALYTICS, T) == set()
