"""Before a churn version replaces the one a value stands on, both are read side by side on published nights."""

from __future__ import annotations

import math
from datetime import date, timedelta
from types import ModuleType
from typing import Any

from pipelines.models import SPECS
from pipelines.training.value import coherence

NIGHT = date(2026, 1, 12)
LTV = SPECS["ltv"]


def test_the_share_is_measured_on_the_newest_published_nights_four_weeks_apart(
    world: ModuleType, champion: Any, formula: Any
) -> None:
    earlier = NIGHT - timedelta(days=28)
    churn, value = champion(), formula()
    alone = coherence.of_standing(LTV, value, churn, NIGHT)
    assert not alone.passed
    assert "an unknown share" in alone.sentence
    world.publish_world([earlier])
    assert coherence.published_pair(LTV, NIGHT + timedelta(days=3)) == (earlier, NIGHT)
    assert coherence.published_pair(LTV, NIGHT - timedelta(days=1)) is None
    check = coherence.of_standing(LTV, value, churn, NIGHT)
    assert math.isfinite(check.value)
    assert check.bound == LTV.gate.max_incoherent_share
    assert check.passed == (check.value <= 0.10)
    assert coherence.of_standing(LTV, value, churn, NIGHT) == check
