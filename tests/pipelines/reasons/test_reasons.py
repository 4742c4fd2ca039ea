"""Reasons say the themes that move a score most, in words that are true of the subscriber."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines import features
from pipelines.errors import Held
from pipelines.models import SPECS
from pipelines.reasons import Reason, top_reasons, value_reasons
from pipelines.reasons.phrases import LEVERS, PHRASES

COLUMNS = ["contract_type", "billed_eur_30d", "billed_eur_90d", "has_tech_support", "complaints_90d"]


def one(**changed: object) -> pd.DataFrame:
    row = {"contract_type": "month_to_month", "billed_eur_30d": 31.5, "billed_eur_90d": 90.0,
           "has_tech_support": False, "complaints_90d": 2.0}
    return pd.DataFrame([row | changed])


def said(contributions: list[float], frame: pd.DataFrame | None = None) -> list[str | None]:
    return [reason.words[0].as_py() for reason in explained(contributions, frame)]


def explained(contributions: list[float], frame: pd.DataFrame | None = None) -> list[Reason]:
    return of(np.array([contributions]), one() if frame is None else frame)


def of(
    contributions: np.ndarray, frame: pd.DataFrame, columns: list[str] = COLUMNS, outcome: str = "risk"
) -> list[Reason]:
    return top_reasons(contributions, pa.Table.from_pandas(frame), columns, outcome)


def test_every_feature_of_every_service_has_words(home: Path) -> None:
    for service in {"churn_v1", "ltv_v1", *(spec.feature_service for spec in SPECS.values())}:
        assert len(features.feature_columns(service)) >= 55
        assert not [name for name in features.feature_columns(service) if name not in PHRASES]


def test_words_have_a_place_for_the_value_and_start_no_formula() -> None:
    for name, phrase in PHRASES.items():
        assert phrase.theme, name
        assert (phrase.denied is not None) != ("{value}" in phrase.said), name
        assert phrase.unknown
        assert not phrase.said.startswith(("=", "+", "-", "@"))


def test_the_three_strongest_come_first_with_their_sign_and_value() -> None:
    assert said([0.9, 0.1, 0.0, -0.5, 0.3]) == [
        "raises the risk: contract: month to month",
        "lowers the risk: has no technical support",
        "raises the risk: 2 complaints in 90 days",
    ]


def test_features_of_one_theme_count_together_and_are_said_once() -> None:
    # 0.4 + 0.3 for the bills outweighs 0.6 for the contract
    assert said([0.6, 0.3, 0.4, 0.05, 0.01]) == [
        "raises the risk: 90.00 EUR billed in 90 days",
        "raises the risk: contract: month to month",
        "raises the risk: has no technical support",
    ]


def test_a_theme_is_spoken_for_by_a_feature_that_pushes_the_way_the_theme_does() -> None:
    first = said([0.0, -0.9, 0.5, 0.0, 0.0])[0]
    assert first == "lowers the risk: 31.50 EUR billed in 30 days"


def test_nothing_is_said_of_what_contributes_nothing() -> None:
    assert said([0.2, 0.0, 0.0, 0.0, 0.0]) == ["raises the risk: contract: month to month", None, None]


def test_every_theme_says_whether_something_can_be_done_about_it() -> None:
    assert set(LEVERS) == {phrase.theme for phrase in PHRASES.values()}
    assert all(lever is None or lever for lever in LEVERS.values())
    assert {theme for theme in ("contract", "price", "payments", "unresolved", "network quality") if LEVERS[theme]} == {
        "contract", "price", "payments", "unresolved", "network quality"}
    assert not [theme for theme in ("tenure", "household", "segment", "number") if LEVERS[theme]]


def test_the_page_says_of_each_theme_what_can_be_done() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/reasons.md").read_text(encoding="utf-8")
    cells = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    told = {theme: line[1] for line in cells if len(line) == 2 for theme in line[0].split(", ")}
    assert {theme: told[theme] for theme in LEVERS} == {
        theme: lever or "nothing: it is so, or it is past" for theme, lever in LEVERS.items()}


def test_a_reason_is_actionable_when_it_raises_the_risk_and_there_is_a_lever() -> None:
    reasons = explained([0.9, 0.0, 0.0, -0.5, 0.0])
    assert [reason.theme[0].as_py() for reason in reasons] == ["contract", "support", None]
    assert [bool(reason.actionable[0]) for reason in reasons] == [True, False, False]
    tenure = of(np.array([[0.9]]), pd.DataFrame({"tenure_days": [40.0]}), ["tenure_days"])
    assert [reason.theme[0].as_py() for reason in tenure] == ["tenure", None, None]
    assert not any(reason.actionable[0] for reason in tenure)


def test_a_missing_value_is_said_to_be_missing() -> None:
    assert said([0.0, 0.0, 0.0, 0.0, 0.4], one(complaints_90d=np.nan))[0] == "raises the risk: no complaints data"


@pytest.mark.parametrize(("value", "words"), [(True, "has technical support"), (None, "not known: has technical")])
def test_flags_are_said_as_they_are(value: bool | None, words: str) -> None:
    frame = one().assign(has_tech_support=pd.Series([value], dtype=object))
    assert words in str(said([0.0, 0.0, 0.0, 0.4, 0.0], frame)[0])


def test_a_feature_without_words_is_held_by_name() -> None:
    with pytest.raises(Held, match="no words for shoe_size"):
        of(np.array([[1.0]]), pd.DataFrame({"shoe_size": [42]}), ["shoe_size"])


def test_rows_keep_their_own_reasons() -> None:
    frame = pd.concat([one(), one(contract_type="two_year")], ignore_index=True)
    first = of(np.array([[0.5, 0, 0, 0, 0], [-0.5, 0, 0, 0, 0]]), frame)[0].words
    assert first.to_pylist() == ["raises the risk: contract: month to month", "lowers the risk: contract: two year"]


@pytest.mark.parametrize("name", ["price_eur", "data_mb_30d", "retainability_ratio_30d", "mean_days_late_90d"])
def test_numbers_that_are_said_alike_are_put_into_words_once_and_as_python_rounds_each(name: str) -> None:
    draw = np.random.default_rng(3)
    values = np.concatenate([draw.normal(0, 40, 4000), draw.normal(0, 1, 4000).round(3), draw.integers(-9, 9, 500) / 8,
                             draw.integers(-99, 99, 500) + 0.5, [0.0, -0.001, 0.005, 1.005, 2.675, 1e13, -1e13]])
    told = of(np.ones((len(values), 1)), pd.DataFrame({name: values}), [name])[0].words.to_pylist()
    phrase = PHRASES[name]
    assert told == ["raises the risk: " + phrase.said.format(value=f"{one:.{phrase.digits}f}") for one in values]


def test_shares_and_margins_are_said_as_python_rounds_each() -> None:
    draw = np.random.default_rng(4)
    margins, stays = np.append(draw.normal(0, 9, 2999).round(2), -0.0), draw.random(3000).round(3)
    first, second, _ = value_reasons(margins, stays, 12, pa.array(["a"] * 3000))
    for margin, stay, one, other in zip(margins, stays, first.to_pylist(), second.to_pylist(), strict=True):
        parts = {one.split(", ")[0], other.split(", ")[0]}
        assert parts == {f"margin of {margin:.2f} EUR a month", f"{stay:.0%} likely to be here in 12 months"}


def test_a_value_is_explained_by_the_factor_further_from_the_median_first() -> None:
    margins, stays = np.array([10.0, 20.0, 60.0]), np.array([0.2, 0.9, 0.95])
    first, second, third = value_reasons(margins, stays, 12, pa.array(["a", None, "c"]))
    assert first.to_pylist()[0] == "20% likely to be here in 12 months, below the median 90%"
    assert first.to_pylist()[2] == "margin of 60.00 EUR a month, above the median 20.00"
    assert second.to_pylist()[2] == "95% likely to be here in 12 months, above the median 90%"
    assert third.to_pylist() == ["stay: a", "stay: nothing stands out", "stay: c"]


def test_reasons_of_a_chance_say_so_and_no_lever_is_pulled_against_it():
    first = of(np.array([[0.5, 0, 0, 0, 0]]), one(), outcome="chance")[0]
    assert first.words[0].as_py().startswith("raises the chance: ")
    assert not first.actionable[0]
    assert of(np.array([[0.5, 0, 0, 0, 0]]), one())[0].actionable[0]


def test_two_themes_never_say_the_same_so_a_subscribers_three_reasons_differ() -> None:
    saying: dict[str, set[str]] = {}
    for phrase in PHRASES.values():
        for words in filter(None, (phrase.unknown, phrase.denied)):
            saying.setdefault(words, set()).add(phrase.theme)
    assert {words: themes for words, themes in saying.items() if len(themes) > 1} == {}
