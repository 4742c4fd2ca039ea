"""F56: somebody is erased while a model is trained on them; what reads is frozen, what comes out is flagged."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pipelines import tracking, training
from pipelines.governance import tombstones
from pipelines.governance.erasure import models
from pipelines.governance.tombstones import Tombstone
from pipelines.settings import settings


@pytest.fixture
def world(home, frames, give_registry, monkeypatch):
    cutoffs = frames.grid(8)
    made = frames.build(monkeypatch, home, cutoffs, count=300)
    give_registry(home)
    made.T = cutoffs[-1] + timedelta(days=37)
    return made


def test_F56_a_version_that_learned_from_somebody_erased_meanwhile_is_flagged_before_it_is_ready(world, monkeypatch):
    fit, on = training._fit, date(2026, 9, 1)

    def erased_meanwhile(work, report):
        candidate = fit(work, report)
        tombstones.add([Tombstone("R1", on.isoformat(), "subscription", f"{number:06d}") for number in (7, 9, 999999)])
        return candidate

    monkeypatch.setattr(training, "_fit", erased_meanwhile)
    made = training.train("churn", world.T)
    (flag,) = models.flagged()
    assert (flag.model, flag.version, flag.persons, flag.retrain_by) == ("churn", made.version, 2, "2026-10-01")
    (version,) = tracking.versions("telco_churn")
    assert (version.tags["contains_erased"], version.tags["retrain_by"]) == ("2", "2026-10-01")
    assert oct((settings().tombstones / "models.json").stat().st_mode)[-3:] == "600"


def test_F56_erased_after_it_was_trained_it_is_flagged_once_and_the_first_day_stands(world):
    made = training.train("churn", world.T)
    assert models.flagged() == []
    tombstones.add([Tombstone("R1", "2026-09-01", "subscription", "000007")])
    assert [one.version for one in models.flag({"000007": "R1"}, date(2026, 9, 1))] == [made.version]
    tombstones.add([Tombstone("R2", "2026-09-20", "subscription", "000009")])
    models.flag({"000009": "R2"}, date(2026, 9, 20))
    (flag,) = models.flagged()
    assert (flag.persons, flag.retrain_by) == (2, "2026-10-01")
    assert models.flag({"999999": "R3"}, date(2026, 9, 20)) == []
