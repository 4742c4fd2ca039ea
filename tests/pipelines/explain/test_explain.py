"""`telco explain`: the published score taken apart adds up to itself, or says loudly that it does not."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipelines import champions, features, scoring
from pipelines.bundle import calibrate, load, path_of
from pipelines.cli.app import app
from pipelines.errors import Held, IntegrityError, UsageError
from pipelines.explain import Probability, Value, explain
from pipelines.landing import raw
from pipelines.landing.contract import BY_ID
from pipelines.publish import Dataset
from pipelines.reasons.phrases import PHRASES
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)
KEY = {"as_of": NIGHT.isoformat(), "version": "1"}
SUBSCRIBERS = [f"sub_{number:05d}" for number in (0, 7, 42, 101, 189)]


@pytest.fixture(autouse=True)
def _no_raw(home: Path) -> Iterator[None]:
    yield
    shutil.rmtree(home / "raw", ignore_errors=True)


@pytest.fixture
def scored(champion: Callable[..., Any], formula: Callable[..., Any]) -> pd.DataFrame:
    """Both models have scored; churn's rows by subscriber."""
    champion()
    formula()
    scoring.score("churn", NIGHT)
    scoring.score("ltv", NIGHT)
    return rows("churn").set_index("subscriber_id")


def rows(model: str) -> pd.DataFrame:
    path = Dataset(settings().scores / model, ("as_of", "version")).verify(KEY)
    frame: pd.DataFrame = pq.read_table(path, partitioning=None).to_pandas()
    return frame


def churn_of(subscriber: str) -> Probability:
    found = explain(subscriber, NIGHT, ["churn"]).scores["churn"]
    assert isinstance(found, Probability)
    return found


def telco(*words: str) -> Result:
    return CliRunner().invoke(app, ["explain", *words])


@pytest.mark.mlts("I5")
def test_contributions_add_up_to_the_log_odds_and_on_to_the_published_score(scored: pd.DataFrame) -> None:
    bundle = load(path_of("churn", 1))
    for subscriber in SUBSCRIBERS:
        found = churn_of(subscriber)
        parts = [weight for theme in found.themes for weight in theme.features.values()]
        assert len(parts) == len(features.feature_columns("churn_v2"))
        assert math.isclose(found.bias + sum(parts), found.log_odds, abs_tol=1e-5)
        assert math.isclose(found.bias + sum(theme.log_odds for theme in found.themes), found.log_odds, abs_tol=1e-5)
        assert math.isclose(calibrate(np.array([found.log_odds]), bundle.calibrator)[0], found.probability)
        assert round(found.probability, 6) == found.published == scored.loc[subscriber, "churn_probability"]


def test_it_is_the_nights_own_margin_features_and_reasons(scored: pd.DataFrame) -> None:
    frame = features.scoring_frame("churn_v2", NIGHT)
    margin = pd.Series(load(path_of("churn", 1)).margin(frame), index=frame["subscriber_id"])
    frame = frame.set_index("subscriber_id")
    for subscriber in SUBSCRIBERS:
        found = explain(subscriber, NIGHT)
        churn = found.scores["churn"]
        assert isinstance(churn, Probability)
        assert churn.log_odds == margin[subscriber]
        for feature in found.features:
            value = frame.loc[subscriber, feature.name]
            assert feature.value == value or (feature.value is None and pd.isna(value)), feature
        strongest = [theme.theme for theme in churn.themes][:3]
        assert strongest == [reason.theme for reason in churn.reasons]
        assert [reason.words for reason in churn.reasons] == [
            scored.loc[subscriber, f"reason_{rank}"] for rank in (1, 2, 3)]


def test_a_value_is_said_in_the_words_of_a_reason(scored: pd.DataFrame) -> None:
    found = explain("sub_00007", NIGHT)
    words = {feature.theme: [] for feature in found.features}  # type: dict[str, list[str]]
    for feature in found.features:
        words[feature.theme].append(feature.words)
    assert {feature.name for feature in found.features} == set(PHRASES)
    for reason in found.scores["churn"].reasons:
        assert reason.theme is not None
        assert reason.words.partition(": ")[2] in words[reason.theme]


def test_decile_and_place_are_among_that_nights_scored(scored: pd.DataFrame) -> None:
    order = scored.reset_index().sort_values(["churn_probability", "subscriber_id"], ascending=[False, True])
    places = {subscriber: place for place, subscriber in enumerate(order["subscriber_id"], start=1)}
    for subscriber in SUBSCRIBERS:
        found = churn_of(subscriber)
        assert (found.rank, found.scored) == (places[subscriber], 190)
        assert found.decile == scored.loc[subscriber, "decile"] == (found.rank - 1) * 10 // 190 + 1
        assert (found.version, found.expires_at) == (1, datetime(2026, 1, 15))


def test_the_value_is_told_as_published_with_what_it_is_made_of(scored: pd.DataFrame) -> None:
    published = rows("ltv").set_index("subscriber_id")
    months = [name for name in published if isinstance(published[name].iloc[0], np.ndarray)]
    for subscriber in SUBSCRIBERS:
        found = explain(subscriber, NIGHT, ["ltv"]).scores["ltv"]
        assert isinstance(found, Value)
        for name in ("ltv_eur_12m", "margin_eur_month", "survival_12m"):
            assert found.measures[name] == published.loc[subscriber, name]
        assert found.made_of["churn_probability"] == scored.loc[subscriber, "churn_probability"]
        assert found.made_of["churn_version"] == 1
        assert found.by_month == {name: tuple(published.loc[subscriber, name]) for name in months}
        assert found.rank == 1 + int((published["ltv_eur_12m"] > found.measures["ltv_eur_12m"]).sum())


def test_months_are_told_where_the_scores_hold_them(scored: pd.DataFrame) -> None:
    from pipelines.cli.explain import _value

    found = explain("sub_00042", NIGHT, ["ltv"]).scores["ltv"]
    assert isinstance(found, Value)
    months = {"survival_by_month": (0.9, 0.8), "margin_eur_by_month": (20.0, 21.5)}
    runner = CliRunner()
    with runner.isolation() as (out, *_):
        _value(replace(found, by_month=months), 5)
        printed = out.getvalue().decode()
    assert "By 30-day month" in printed
    assert "21.500" in printed


def test_another_score_than_published_is_an_integrity_error(scored: pd.DataFrame) -> None:
    """Published through the front door, digest and all: only the arithmetic can tell."""
    entry = Dataset(settings().scores / "churn", ("as_of", "version")).entry(KEY)
    assert entry is not None
    forged = rows("churn")
    forged.loc[forged["subscriber_id"] == "sub_00042", "churn_probability"] += 2e-6
    republish(forged, entry.inputs)
    assert churn_of("sub_00007").published == scored.loc["sub_00007", "churn_probability"]
    with pytest.raises(IntegrityError, match=r"sub_00042 is published with .* but churn v1 gives"):
        churn_of("sub_00042")


def republish(frame: pd.DataFrame, inputs: dict[str, Any]) -> None:
    shutil.rmtree(settings().scores / "churn")

    def write(path: Path) -> int:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
        return len(frame)

    Dataset(settings().scores / "churn", ("as_of", "version")).publish(KEY, write, inputs=inputs)


def test_other_bytes_than_published_are_an_integrity_error(scored: pd.DataFrame) -> None:
    path = Dataset(settings().features / "ftr_subscriber_care", ("as_of",)).live({"as_of": NIGHT.isoformat()})
    pq.write_table(pq.read_table(path, partitioning=None).slice(0, 180), path)
    with pytest.raises(IntegrityError, match="ftr_subscriber_care"):
        explain("sub_00042", NIGHT)


@pytest.mark.parametrize("name", ["+4915112345678", "Ms. Smith", "sub_", "sub_1' or 1=1 --", "sub_../../x", "S0000042"])
def test_whatever_is_no_golden_id_is_refused_and_not_repeated(scored: pd.DataFrame, name: str) -> None:
    with pytest.raises(UsageError, match=r"named by subscriber_id \(sub_") as refused:
        explain(name, NIGHT)
    assert len(name) < 5 or name not in str(refused.value)


def test_nobody_of_that_night_is_a_usage_error_that_says_why(scored: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="sub_nobody is not on the roster of 2026-01-12: raw/ holds nothing"):
        explain("sub_nobody", NIGHT)
    put("billing_alpha.subscriptions", [{**SUBSCRIPTION, "subscription_token": "gone", "status": "ended",
                                         "ended_on": date(2025, 12, 30), "end_reason": "port_out"}])
    with pytest.raises(UsageError, match=r"the subscription ended on 2025-12-30 \(port_out\)"):
        explain("sub_gone", NIGHT)


@pytest.mark.parametrize(("subscriber", "why"), [
    ("sub_00195", r"silent_45_days \(the line was not used for 45 days"),
    ("sub_00196", r"tenure_under_one_day \(the subscription began"),
])
def test_who_was_left_out_is_held_with_the_rosters_reason(scored: pd.DataFrame, subscriber: str, why: str) -> None:
    with pytest.raises(Held, match=why):
        explain(subscriber, NIGHT)


def test_a_night_that_is_not_published_is_held_and_names_those_that_are(scored: pd.DataFrame) -> None:
    with pytest.raises(Held, match="this as_of is not published; published are 1 as_ofs, 2026-01-12 to 2026-01-12"):
        explain("sub_00042", date(2026, 1, 13))


def test_no_champion_or_no_score_is_held_with_each_models_reason(champion: Callable[..., Any]) -> None:
    with pytest.raises(Held, match="churn: no champion is in force at 2026-01-12; train one") as nobody:
        explain("sub_00042", NIGHT)
    assert any(reason.startswith("ltv: no champion") for reason in nobody.value.reasons)
    champion()
    with pytest.raises(Held, match="churn: the champion v1 has not scored 2026-01-12: telco score churn"):
        explain("sub_00042", NIGHT, ["churn"])
    scoring.score("churn", NIGHT)
    found = explain("sub_00042", NIGHT)
    assert list(found.scores) == ["churn"]
    assert "no champion" in found.unscored["ltv"]


def test_another_version_in_force_is_not_explained_by_the_one_that_scored(champion: Callable[..., Any]) -> None:
    champion()
    scoring.score("churn", NIGHT)
    champion(version=2, seed=1)
    assert champions.in_force("churn", NIGHT).version == 2  # type: ignore[union-attr]
    with pytest.raises(Held, match=r"v2 has not scored 2026-01-12 \(scored with v1, which is not in force\)"):
        explain("sub_00042", NIGHT, ["churn"])


def test_an_unknown_model_is_a_usage_error_that_lists_the_known_ones(home: Path) -> None:
    assert "churn, ltv" in str(telco("sub_00042", "--as-of", str(NIGHT), "--model", "chrun").exception)


def test_the_page_goes_from_facts_to_value_within_its_width(scored: pd.DataFrame) -> None:
    tell_of_care()
    page = telco("sub_00042", "--as-of", str(NIGHT)).output
    heads = [f"\n{number}  " for number in range(1, 6)]
    assert sorted(heads, key=page.index) == heads
    assert max(map(len, page.splitlines())) <= 100
    assert f"{scored.loc['sub_00042', 'churn_probability']:.6f}, the same to every published digit" in page
    assert "network" in page
    assert "CANARY" not in page
    assert "m42" not in page


def test_json_holds_the_same_numbers(scored: pd.DataFrame) -> None:
    tell_of_care()
    text = telco("sub_00042", "--as-of", str(NIGHT), "--json").output
    found = json.loads(text)
    assert found["scores"]["churn"]["published"] == scored.loc["sub_00042", "churn_probability"]
    (contact,) = next(section["rows"] for section in found["facts"] if section["name"] == "contacts")
    assert (contact["topic"], contact["known_on"]) == ("network", "2026-01-11")
    assert "CANARY" not in text
    only_churn = json.loads(telco("sub_00042", "--as-of", str(NIGHT), "--model", "churn", "--json").output)
    assert list(only_churn["scores"]) == ["churn"]


SUBSCRIPTION = {
    "subscription_token": "00042", "account_token": "a42", "msisdn_token": "m42", "plan_code": "M",
    "contract_type": "monthly", "price_cents": 2999, "price_house": 29, "started_on": date(2025, 1, 1),
    "contract_end_on": None, "status": "active", "ended_on": None, "end_reason": None,
    "changed_at": datetime(2025, 11, 1),
}


def tell_of_care() -> None:
    """sub_00042 called, and what was said lies in raw/, scrubbed or not."""
    put("billing_alpha.subscriptions", [SUBSCRIPTION])
    put("care.interactions", [{
        "interaction_id": "T1", "msisdn_token": "m42", "channel": "call", "topic": "network",
        "opened_at": datetime(2026, 1, 10, 9), "is_resolved": True, "is_complaint": False, "wait_seconds": 30,
        "scrubbed_text": "CANARY",
    }])


def put(feed_id: str, told: list[dict[str, Any]]) -> None:
    """One raw drop of 2026-01-10, as the door writes them."""
    feed = BY_ID[feed_id]
    stamp = {"operator": "alpha", "source": feed.source, "dt": "2026-01-10", "drop_version": 1,
             "known_on": date(2026, 1, 11), "is_known_assumed": False}

    def write(path: Path) -> int:
        pq.write_table(pa.Table.from_pylist([{**row, **stamp} for row in told], schema=raw.schema(feed)), path)
        return len(told)

    drop = {"version": 1, "known_on": "2026-01-11"}
    raw.dataset(feed).publish({"dt": "2026-01-10"}, write, known_on=date(2026, 1, 11), inputs={"drops": [drop]})
