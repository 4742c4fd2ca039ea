"""F54: a feature a thousand times too large. The night is held until a person says why that is right."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from pipelines import scoring
from pipelines.errors import Held
from pipelines.models.spec import Jump
from pipelines.publish import Dataset
from pipelines.scoring.distribution import jump, ks, mean_change
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)
LATER = NIGHT + timedelta(days=1)
SCORES = ("as_of", "version")


@pytest.fixture
def planted(champion: Any, formula: Any, world: Any) -> None:
    """NIGHT is scored by both models; of LATER the margins are a thousand times what they were, and the contacts."""
    champion()
    formula()
    for model in ("churn", "ltv"):
        scoring.score(model, NIGHT)
    world.publish_world([LATER])
    for name, column in (("ftr_subscriber_billing", "margin_eur_30d"), ("ftr_subscriber_care", "contacts_30d")):
        columns = world.MARTS[name]
        frame = world.stamp(world.values(columns, 190, LATER), world.ids(190), LATER)
        frame[column] = frame[column] * 1000
        root = settings().features / name
        shutil.rmtree(root / f"as_of={LATER}")
        kept = [line for line in (root / "manifest.jsonl").read_text().splitlines() if str(LATER) not in line]
        (root / "manifest.jsonl").write_text("".join(f"{line}\n" for line in kept))
        world.publish(root, LATER, frame, columns)


def published(model: str) -> list[tuple[str, ...]]:
    return list(Dataset(settings().scores / model, SCORES).entries())


@pytest.mark.mlts("O2")
def test_F54_a_feature_times_a_thousand_holds_the_night_and_a_person_may_let_it_pass(planted: None) -> None:
    with pytest.raises(Held, match="the scores jumped against 2026-01-12") as held:
        scoring.score("churn", LATER)
    assert "telco score churn --as-of 2026-01-13 --accept-jump REASON" in str(held.value)
    assert published("churn") == [("2026-01-12", "1")]
    assert not (settings().scores / "churn" / f"as_of={LATER}" / "version=1" / "data.parquet").exists()

    scoring.score("churn", LATER, accept_jump="contacts are counted in thousandths since the new desk", by="grace")
    entry = Dataset(settings().scores / "churn", SCORES).entry({"as_of": LATER.isoformat(), "version": "1"})
    told = entry.inputs["jump_accepted"]
    assert (told["by"], told["against"]) == ("grace", "2026-01-12")
    assert told["reason"].startswith("contacts are counted")
    assert told["jump"]
    from pipelines.governance import audit

    (line,) = audit.history("approval")
    assert (line.subject, line.facts["by"]) == ("scores/churn:1", "grace")
    scoring.score("churn", LATER)  # published as it is: nothing to ask again
    with pytest.raises(Held, match="ltv v1 2026-01-13: the scores jumped"):
        scoring.score("ltv", LATER)


def test_F54_an_ordinary_night_is_no_jump_and_a_first_one_has_nothing_to_jump_from(champion: Any, world: Any) -> None:
    champion()
    scoring.score("churn", NIGHT)
    world.publish_world([NIGHT + timedelta(days=30)])
    scoring.score("churn", NIGHT + timedelta(days=30))  # a month later: no night near enough to compare with
    assert len(published("churn")) == 2


@pytest.mark.parametrize(("now", "passed"), [
    (lambda p: p, True), (lambda p: p * 1.3, True), (lambda p: p * 1.7, False), (lambda p: p * 0.4, False),
    (lambda p: np.where(np.arange(len(p)) % 2, p * 1.9, p * 0.1), False),  # the mean stays, the tenths do not
    (lambda p: np.full(len(p), np.nan), False),
])
def test_F54_the_band_knows_the_mean_and_the_shape(now: Any, passed: bool) -> None:
    before = np.random.default_rng(1).beta(1, 30, 5000)
    checks = jump(before, now(before), Jump())
    assert all(check.passed for check in checks) is passed
    assert len(checks) == 2


def test_F54_few_rows_jump_by_themselves_and_are_not_judged() -> None:
    assert jump(np.full(99, 0.1), np.full(5000, 0.9), Jump()) == ()


def test_F54_the_figures_are_what_they_say() -> None:
    one, other = np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])
    assert ks(one, other) == 0.5
    assert mean_change(one, other) == pytest.approx(0.8)
    assert np.isnan(ks(one, np.array([])))
