"""The stated hazard listens to all three sources, and what raises it shows in the files before anyone leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.settings import settings
from pipelines.simulate import oracle_report, simulate
from pipelines.simulate.hazard import ARRIVALS, Logit, daily, expected, logit
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import MONTHLY, TWO_YEARS, Lines, lines
from pipelines.simulate.state import NETWORK, State, initial

PARAMETERS = Parameters()
DAYS = 230


@pytest.fixture
def crowd() -> tuple[Lines, State]:
    """Fifty lines on monthly contracts, all well."""
    people = lines(1, 50, 1, PARAMETERS).head(50)
    people = replace(people, contract=np.full(50, MONTHLY))
    return people, initial(people, -100)


def terms(people: Lines, state: State, day: int = 10) -> Logit:
    return logit(people, state, day, PARAMETERS)


STRAINS: dict[str, tuple[str, Callable[[State], None]]] = {
    "a price rise": ("billing", lambda state: state.rise.fill(1.0)),
    "failed payments": ("billing", lambda state: state.failed.fill(2.0)),
    "usage going down": ("network", lambda state: state.engagement.fill(0.4)),
    "dropped calls": ("network", lambda state: state.dropped.fill(8.0)),
    "unresolved contacts": ("care", lambda state: state.unresolved.fill(2.0)),
    "a complaint": ("care", lambda state: state.complaints.fill(1.0)),
}


@pytest.mark.parametrize("strain", STRAINS)
def test_a_strain_raises_the_hazard_through_its_own_source(crowd: tuple[Lines, State], strain: str):
    people, state = crowd
    source, strike = STRAINS[strain]
    before = terms(people, state)
    strike(state)
    after = terms(people, state)
    for name in ("billing", "network", "care"):
        change = getattr(after, name) - getattr(before, name)
        assert (change > 0.3).all() if name == source else (change == 0).all(), name


def test_two_sources_at_once_raise_it_more_than_their_sum(crowd: tuple[Lines, State]):
    people, state = crowd
    state.dropped.fill(8.0)
    assert (terms(people, state).interaction == 0).all()
    state.problem.fill(NETWORK)
    assert (terms(people, state).interaction > 0.5).all()


def test_the_end_of_a_binding_period_opens_a_window(crowd: tuple[Lines, State]):
    people, state = crowd
    bound = replace(people, contract=np.full(50, TWO_YEARS), started=np.zeros(50, dtype=np.int64))
    state = initial(bound, 0)
    early, late = terms(bound, state, day=600), terms(bound, state, day=710)
    assert (late.billing - early.billing > 1).all()


def test_expectation_over_thirty_days_is_the_daily_hazard_carried_on(crowd: tuple[Lines, State]):
    people, state = crowd
    carried = 1 - (1 - daily(terms(people, state, 400).total)) ** 30
    to_come = 1 + ARRIVALS * 14.5
    assert expected(people, state, 400, PARAMETERS) == pytest.approx(carried * to_come, rel=0.02)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operator of 4,000 lines and 230 days."""
    place = tmp_path_factory.mktemp("operator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(place))
        settings.cache_clear()
        simulate(subscribers=4000, days=DAYS, nights=0, seed=7)
    settings.cache_clear()
    return place


def test_churn_and_its_oracle_lie_where_real_operators_lie(operator: Path, capsys: pytest.CaptureFixture[str]):
    report = oracle_report(operator / "truth")
    with capsys.disabled():
        print(f"\n{report}")
    assert 0.02 <= report.churn_rate <= 0.04
    assert report.expected_rate == pytest.approx(report.churn_rate, rel=0.12)
    assert 0.72 <= report.auc["all"] <= 0.85
    assert report.auc["billing"] + 0.01 < report.auc["billing+care"] < report.auc["all"] - 0.01


def test_the_expected_hazard_is_calibrated_by_tenths(operator: Path):
    """Within what it leaves out: who is struck next, and who recovers."""
    truth = pq.read_table(operator / "truth/hazard.parquet").to_pandas().dropna(subset=["is_churned"])
    tenth = pd.qcut(truth["expected_30d"].rank(method="first"), 10, labels=False)
    table = truth.astype({"is_churned": float}).groupby(tenth)[["expected_30d", "is_churned"]].mean()
    error = (table["expected_30d"] - table["is_churned"]).abs()
    assert error[:9].max() < 0.012, table
    assert error[9] < 0.03, table
    assert table["is_churned"].is_monotonic_increasing, table


def test_every_kind_of_end_occurs(operator: Path):
    kinds = pq.read_table(operator / "truth/ends.parquet")["churn_kind"].to_pylist()
    assert set(kinds) == {"cancellation", "port_out", "non_payment", "silence"}


def test_the_base_stays_about_constant(operator: Path):
    truth = pq.read_table(operator / "truth/hazard.parquet").to_pandas()
    assert truth.groupby("as_of").size().between(3600, 4400).all()


def test_a_logistic_on_crude_windows_of_all_sources_beats_one_on_billing_alone(
    operator: Path, capsys: pytest.CaptureFixture[str]
):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = pd.concat(Crude(operator).features(day) for day in (90, 118, 146, 174, 195))
    frame = frame.fillna({column: 0.0 for column in frame if column[:2] in ("b_", "n_", "c_")})
    fit, test = frame[frame["day"] <= 130], frame[frame["day"] > 160]  # no label of the one reaches into the other
    auc = {}
    for name, prefixes in {"billing": ("b_",), "all": ("b_", "n_", "c_")}.items():
        columns = [column for column in frame if column.startswith(prefixes)]
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        model.fit(fit[columns], fit["y"])
        auc[name] = roc_auc_score(test["y"], model.predict_proba(test[columns])[:, 1])
    with capsys.disabled():
        print(f"\nlogistic out of time, postpaid: billing {auc['billing']:.3f}, all sources {auc['all']:.3f}")
    assert auc["billing"] > 0.58
    assert auc["all"] > auc["billing"] + 0.03


class Crude:
    """A few 30- and 90-day windows per source, from the landed dump and without the pipeline; postpaid lines only."""

    def __init__(self, home: Path) -> None:
        landing = home / "landing"

        def dump(feed: str) -> Path:
            return next(path for path in sorted((landing / feed).glob("dt=*/*")) if path.suffix != ".ctl")

        self.subscriptions = pd.read_csv(dump("billing_alpha/subscriptions"), sep=";")
        self.invoices = pd.read_csv(dump("billing_alpha/invoices"), sep=";")
        self.payments = pd.read_csv(dump("billing_alpha/payments"), sep=";")
        self.care = pd.read_json(dump("care/interactions"), lines=True)
        self.usage = pq.read_table(dump("network/usage_daily")).to_pandas()
        self.truth = pq.read_table(home / "truth/hazard.parquet").to_pandas()
        self.ends = pq.read_table(home / "truth/ends.parquet").to_pandas()
        self.start = pd.Timestamp("2025-11-01")
        for table, column in (
            (self.subscriptions, "changed_at"), (self.payments, "paid_at"), (self.usage, "usage_on"),
        ):
            table["day"] = (pd.to_datetime(table[column]) - self.start).dt.days
        self.care["day"] = (pd.to_datetime(self.care["opened_at"]).dt.tz_localize(None) - self.start).dt.days
        self.care["msisdn"] = self.care["msisdn"].astype(str).str.lstrip("+")
        self.subscriptions["msisdn"] = self.subscriptions["msisdn"].astype(str).str.lstrip("+")
        self.payments = self.payments.merge(self.invoices[["invoice_id", "subscription_id"]], on="invoice_id")

    def features(self, day: int) -> pd.DataFrame:
        """One row per open postpaid line at the start of `day`, with the label of the 30 days from it."""
        seen = self.subscriptions[self.subscriptions["day"] < day]
        frame = seen.groupby("subscription_id").last()
        frame = frame[(frame["status"] != "ended") & (frame["contract_type"] != "prepaid")].copy()
        today = self.start + pd.Timedelta(days=day)
        left = (pd.to_datetime(frame["contract_end_on"]) - today).dt.days
        frame["b_window"] = (left <= 30).astype(float)
        frame["b_monthly"] = (frame["contract_type"] == "monthly").astype(float)
        frame["b_tenure"] = np.log1p((today - pd.to_datetime(frame["started_on"])).dt.days)
        old = self.subscriptions[self.subscriptions["day"] < max(day - 60, 1)]
        frame["b_rise"] = frame["price_cents"] / old.groupby("subscription_id")["price_cents"].last() - 1
        recent = self.payments[self.payments["day"].between(day - 90, day - 1)]
        frame["b_failed"] = (recent["status"] == "failed").groupby(recent["subscription_id"]).sum()
        usage = self.usage[self.usage["day"].between(day - 90, day - 1)]
        is_recent = usage["day"] >= day - 30
        month, before = usage[is_recent].groupby("msisdn"), usage[~is_recent].groupby("msisdn")
        network = pd.DataFrame({
            "n_data": month["data_kb"].sum() / (before["data_kb"].sum() + 1), "n_calls": month["calls"].sum(),
            "n_drops": month["calls_dropped"].sum() / (month["calls"].sum() + 20),
            "n_trend": month["calls"].sum() / (before["calls"].sum() + 5), "n_days": month.size(),
        })
        care = self.care[self.care["day"].between(day - 90, day - 1)]
        contacts = care.assign(open=~care["is_resolved"].astype(bool)).groupby("msisdn")
        network = network.join(pd.DataFrame({
            "c_open": contacts["open"].sum(), "c_complaints": contacts["is_complaint"].sum(),
            "c_count": contacts.size(),
        }), how="outer")
        frame = frame.join(network, on="msisdn")
        churned = self.ends[pd.to_datetime(self.ends["churned_on"]).between(today, today + pd.Timedelta(days=29))]
        frame["y"] = frame.index.isin(churned["subscription_id"])
        return frame.assign(day=day)
