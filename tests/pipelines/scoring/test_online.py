"""When scoring closes, the care desk can read tonight's scores of every champion in force."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipelines import scoring
from pipelines.errors import Held
from pipelines.features import desk, online
from pipelines.night import Night, score_all
from pipelines.scoring.online import desk_table

NIGHT = date(2026, 1, 12)


@pytest.fixture(autouse=True)
def _nothing_online(home: Any) -> None:
    online._mark_file(online.SCORES).unlink(missing_ok=True)


def test_closing_a_night_pushes_what_was_published(champion: Any, formula: Any) -> None:
    champion()
    formula()
    score_all(Night(NIGHT))
    rows = desk_table(NIGHT).to_pandas().set_index("subscriber_id")
    assert len(rows) == 190
    answer = desk.ask("sub_00042", NIGHT + timedelta(days=1))
    assert answer.churn_probability == rows.loc["sub_00042", "churn_probability"]
    assert answer.churn_decile == rows.loc["sub_00042", "churn_decile"]
    assert answer.ltv_eur_12m == rows.loc["sub_00042", "ltv_eur_12m"]
    assert answer.churn_reasons is not None
    assert answer.churn_reasons.count("; ") == 2
    told = rows["churn_reasons"].str.split("; ").explode()
    assert told[told.str.endswith("(can be acted on)")].str.startswith("raises the risk: ").all()
    assert 0 < told.str.endswith("(can be acted on)").sum() < len(told)
    assert (answer.as_of, answer.expires_at.date()) == (NIGHT, NIGHT + timedelta(days=3))


def test_a_night_with_one_champion_pushes_its_scores_and_leaves_the_rest_missing(champion: Any) -> None:
    champion()
    scoring.score("churn", NIGHT)
    assert scoring.push(NIGHT)
    answer = desk.ask("sub_00007", NIGHT)
    assert answer.churn_version == 1
    assert (answer.ltv_eur_12m, answer.ltv_version) == (None, None)


def test_a_night_nobody_scored_is_not_pushed(home: Any) -> None:
    with pytest.raises(Held, match="no champion in force has scored this night"):
        scoring.push(NIGHT)
