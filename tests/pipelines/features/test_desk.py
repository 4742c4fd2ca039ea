"""The care desk's question, answered from the online store and from nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipelines import features
from pipelines.cli.app import app
from pipelines.errors import Held, UsageError
from pipelines.features import desk
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, partitions: ModuleType) -> Iterator[Path]:
    """Twenty with facts; scores of the first nineteen, of which the second has no lifetime value."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("desk") / "home"))
        settings.cache_clear()
        partitions.publish_world([NIGHT], 20, inactive=0)
        features.materialize(NIGHT)
        features.push_scores(NIGHT, scores(partitions.ids(19)))
        # Nothing but the online store and its registry is left: what is answered was read there.
        shutil.rmtree(settings().features)
        yield settings().home
    settings.cache_clear()


def scores(people: list[str]) -> pa.Table:
    frame = pd.DataFrame({
        "subscriber_id": people, "churn_probability": 0.25, "churn_decile": range(1, len(people) + 1),
        "churn_reasons": "raises the risk: month to month; lowers the risk: pays by card", "churn_version": 4,
        "ltv_eur_12m": 310.5, "ltv_version": 2, "expires_at": pd.Timestamp("2026-01-15"),
    })
    frame.loc[1, ["ltv_eur_12m", "ltv_version"]] = None
    return pa.Table.from_pandas(frame.astype({"ltv_version": "Int64"}), preserve_index=False)


def test_an_answer_has_scores_reasons_expiry_and_facts(asked: Path, partitions: ModuleType) -> None:
    answer = desk.ask("sub_00002", NIGHT)
    assert (answer.as_of, answer.expires_at) == (NIGHT, datetime(2026, 1, 15, tzinfo=UTC))
    assert (answer.churn_probability, answer.churn_decile, answer.churn_version) == (0.25, 3, 4)
    assert (answer.ltv_eur_12m, answer.ltv_version, answer.facts_as_of) == (310.5, 2, NIGHT)
    expected = partitions.values(partitions.BILLING, 20, NIGHT).iloc[2]
    assert answer.facts == {name: expected[name] for name in
                            ("tenure_days", "contract_type", "price_eur", "days_to_contract_end")}


def test_what_a_model_left_out_is_missing_and_not_zero(asked: Path) -> None:
    answer = desk.ask("sub_00001", NIGHT)
    assert (answer.ltv_eur_12m, answer.ltv_version) == (None, None)
    assert answer.churn_probability == 0.25


@pytest.mark.parametrize(("subscriber", "day", "error", "says"), [
    pytest.param("sub_99999", NIGHT, UsageError, "knows no subscriber sub_99999", id="unknown"),
    pytest.param("sub_00019", NIGHT, Held, "no model has scored", id="facts but no scores"),
    pytest.param("sub_00002", date(2026, 1, 15), Held, "of 2026-01-12 expired at 2026-01-15T00:00Z", id="expired"),
    pytest.param("sub_00002", date(2026, 1, 11), UsageError, "stands at 2026-01-12; for 2026-01-11 read extracts",
                 id="a day before the scores"),
])
def test_what_cannot_be_answered_says_why(
    asked: Path, subscriber: str, day: date, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        desk.ask(subscriber, day)


def test_a_number_is_refused_and_not_repeated(asked: Path) -> None:
    with pytest.raises(UsageError) as refused:
        desk.ask("+491701234567", NIGHT)
    assert "1701234567" not in str(refused.value)


def test_the_last_day_before_expiry_still_answers(asked: Path) -> None:
    assert desk.ask("sub_00002", date(2026, 1, 14)).as_of == NIGHT


def test_the_command_prints_a_table_or_json(asked: Path) -> None:
    table = CliRunner().invoke(app, ["lookup", "sub_00002", "--as-of", "2026-01-13"])
    assert table.exit_code == 0, table.output
    for words in ("0.250", "raises the risk: month to month", "2026-01-15 00:00 UTC", "churn 4, ltv 2", "price_eur"):
        assert words in table.output
    answer = json.loads(CliRunner().invoke(app, ["lookup", "sub_00001", "--as-of", "2026-01-13", "--json"]).output)
    assert answer["churn_decile"] == 2
    assert answer["ltv_eur_12m"] is None


def test_an_empty_store_says_so_without_loading_feast(home: Path) -> None:
    with pytest.raises(Held, match="the online store is empty"):
        desk.ask("sub_00002", NIGHT)
