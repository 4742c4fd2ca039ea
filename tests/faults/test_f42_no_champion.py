"""F42: no champion yet. The night is skipped with its reason; nothing is published and nothing fails."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines import champions, scoring
from pipelines.errors import NoChampion
from pipelines.models import SPECS
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)


@pytest.mark.parametrize("model", SPECS)
def test_F42_a_night_without_a_champion_is_skipped_with_its_reason(home: Path, model: str) -> None:
    with pytest.raises(NoChampion, match=f"{model} 2026-01-12: no champion is in force; train one first") as skipped:
        scoring.score(model, NIGHT)
    assert skipped.value.exit_code == 0
    assert not settings().scores.exists()


def test_F42_a_champion_from_tomorrow_on_does_not_score_tonight(home: Path) -> None:
    champions.enter("churn", 1, date(2026, 1, 13), "0" * 64, reason="test")
    with pytest.raises(NoChampion):
        scoring.score("churn", NIGHT)
