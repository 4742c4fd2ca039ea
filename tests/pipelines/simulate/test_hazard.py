"""The stated hazard listens to all three sources; the oracle knows as much as its sources allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from simulated_homes import lived

from pipelines.simulate.hazard import Climate, Logit, arrivals, daily, expected, logit
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import MONTHLY, TWO_YEARS, Lines, lines
from pipelines.simulate.state import NETWORK, State, initial

PARAMETERS = Parameters()
STILL = Climate()


@pytest.fixture
def crowd() -> tuple[Lines, State]:
    """Fifty lines on monthly contracts, all well."""
    people = lines(1, 50, 1, 40, PARAMETERS).head(50)
    people = replace(people, contract=np.full(50, MONTHLY), started=np.full(50, 0))
    return people, initial(people, -100, 1, PARAMETERS)


def terms(people: Lines, state: State, day: int = 10) -> Logit:
    return logit(people, state, day, PARAMETERS, STILL)


STRAINS: dict[str, tuple[set[str], Callable[[State], None]]] = {
    "a price rise": ({"billing"}, lambda state: state.rise.fill(1.0)),
    "failed payments": ({"billing"}, lambda state: state.failed.fill(2.0)),
    "usage going down": ({"network", "billing_network"}, lambda state: state.engagement.fill(0.4)),
    "bad radio at the cells used": ({"network"}, lambda state: state.quality.fill(0.5)),
    "dropped calls": ({"network"}, lambda state: state.dropped.fill(8.0)),
    "unresolved contacts": ({"care", "billing_care"}, lambda state: state.unresolved.fill(2.0)),
    "a complaint": ({"care"}, lambda state: state.complaints.fill(1.0)),
}


@pytest.mark.parametrize("strain", STRAINS)
def test_a_strain_raises_the_hazard_through_its_own_sources(crowd: tuple[Lines, State], strain: str):
    people, state = crowd
    sources, strike = STRAINS[strain]
    before = terms(people, state)
    strike(state)
    after = terms(people, state)
    for name in vars(before):
        change = np.broadcast_to(getattr(after, name) - getattr(before, name), 50)
        assert (change > 0.25).all() if name in sources else (change == 0).all(), name


def test_two_sources_at_once_raise_it_more_than_their_sum(crowd: tuple[Lines, State]):
    people, state = crowd
    state.quality.fill(0.5)
    assert (terms(people, state).network_care == 0).all()
    state.problem.fill(NETWORK)
    assert (terms(people, state).network_care > 0.5).all()


def test_the_end_of_a_binding_period_opens_a_window_and_staying_closes_it(crowd: tuple[Lines, State]):
    people, _ = crowd
    bound = replace(people, contract=np.full(50, TWO_YEARS))
    state = initial(bound, 0, 1, PARAMETERS)
    early, late = terms(bound, state, day=600), terms(bound, state, day=710)
    assert (late.billing - early.billing > 1).all()
    renewed = logit(bound, state, 710, PARAMETERS, STILL, ahead=60)
    assert (renewed.billing < late.billing - 1).all()


def test_expectation_over_thirty_days_is_the_daily_hazard_carried_on(crowd: tuple[Lines, State]):
    people, state = crowd
    carried = sum(np.log1p(-daily(logit(people, state, 400, PARAMETERS, STILL, day + 0.5).total)) * arrivals(day + 0.5)
                  for day in range(30))
    assert expected(people, state, 400, PARAMETERS, STILL) == pytest.approx(1 - np.exp(carried), rel=0.02)


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    """Cut-offs of a house of 8,000 lines, with what came."""
    _, found = lived(8000, 260, set(range(90, 231, 14)), seed=7)
    return found._hazards().to_pandas()


def test_churn_and_its_oracle_lie_where_real_operators_lie(truth: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    from sklearn.metrics import roc_auc_score

    came = truth["is_churned"].astype(bool)
    auc = {name: roc_auc_score(came, truth[f"expected_{name}_30d"]) for name in ("billing", "billing_care", "all")}
    with capsys.disabled():
        print(f"\noracle of 8,000 lines: churn {came.mean():.4f}, AUC {auc}")
    assert 0.015 <= came.mean() <= 0.04
    assert truth["expected_all_30d"].mean() == pytest.approx(came.mean(), rel=0.12)
    assert 0.70 <= auc["all"] <= 0.85
    assert auc["billing"] + 0.02 < auc["billing_care"] < auc["all"] - 0.02


def test_the_expected_hazard_is_calibrated_by_tenths(truth: pd.DataFrame):
    tenth = pd.qcut(truth["expected_all_30d"].rank(method="first"), 10, labels=False)
    table = truth.astype({"is_churned": float}).groupby(tenth)[["expected_all_30d", "is_churned"]].mean()
    error = (table["expected_all_30d"] - table["is_churned"]).abs()
    assert error[:9].max() < 0.01, table
    assert error[9] < 0.03, table


def test_the_realised_hazard_of_those_who_stayed_agrees_with_what_came(truth: pd.DataFrame):
    postpaid = truth[truth["hazard_30d"] > 0]
    assert postpaid["hazard_30d"].mean() == pytest.approx(postpaid["is_churned"].astype(float).mean(), abs=0.012)


def test_the_base_stays_about_constant(truth: pd.DataFrame):
    assert truth.groupby("as_of").size().between(7300, 8700).all()


def test_every_kind_of_end_occurs_and_the_expected_margin_of_a_year_is_the_one_that_comes():
    _, found = lived(3000, 460, {60, 90}, seed=13)
    kinds = found._ends()["churn_kind"].to_pylist()
    assert set(kinds) == {"cancellation", "port_out", "non_payment", "silence"}
    table = found._hazards().to_pandas()
    assert table["margin_12m"].notna().all()
    assert table["expected_margin_12m"].sum() == pytest.approx(table["margin_12m"].sum(), rel=0.06)
    assert table["expected_margin_12m"].corr(table["margin_12m"], method="spearman") > 0.75


def test_contact_changes_who_leaves_as_the_truth_says_and_harms_some():
    house, found = lived(6000, 150, set(), seed=2)
    table = found._treatment().to_pandas()
    effect = table["churn_60d_with"] - table["churn_60d_without"]
    assert 0.15 < (effect > 0).mean() < 0.6, "some are harmed, not most"
    assert ((table["effect_log_odds"] > 0) == (effect > 0)).all()
    assert 0.7 < table["is_contacted"].mean() < 0.9
    arms = table.groupby("is_contacted")["effect_log_odds"].mean()
    assert arms[True] == pytest.approx(arms[False], abs=0.06), "the arms were drawn at random"
    line = np.concatenate([part["line"][part["arm"] == 0] for part in found.drawn])
    assert (house.state.contacted_on[line] > 0).all()
