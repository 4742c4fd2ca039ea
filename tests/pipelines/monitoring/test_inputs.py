"""Planted faults, each seen by the family that is there for it, and quiet nights that alarm nobody.

A small house of the same 1,500 people week after week, its partitions published as the real ones are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle, champions
from pipelines.monitoring import baseline, frames
from pipelines.monitoring.inputs import measure_inputs
from pipelines.monitoring.measure import Family, Measure, Status
from pipelines.publish import Dataset
from pipelines.settings import settings

TRAINED = date(2026, 8, 1)
NIGHT = TRAINED + timedelta(days=3)
WEEKS = 14
PEOPLE = 1500
BILLING = ["tenure_days", "contract_type", "price_eur", "billed_eur_365d", "is_paperless"]
NETWORK = ["data_mb_7d", "voice_min_30d", "roaming_mb_90d"]
CARE = ["contacts_30d"]
TABLES = {"ftr_subscriber_billing": BILLING, "ftr_subscriber_network": NETWORK, "ftr_subscriber_care": CARE}
COLUMNS = [*BILLING, *NETWORK, *CARE]


def house(day: date) -> pd.DataFrame:
    """Everybody on a day: persons stay themselves, their use scatters a little, tenure and yearly sums grow.

    About four of a thousand leave each week and as many join.
    """
    base, age = np.random.default_rng(1), (day - TRAINED).days
    first = 6 * (age + 400) // 7
    everyone = PEOPLE + 1200
    heavy, price = base.normal(size=everyone), base.normal(40, 8, everyone)
    region = base.choice(["north", "south", "east"], everyone)
    contract = base.choice(["monthly", "12m"], everyone)
    start, roams, asks = base.integers(0, 1500, everyone), base.random(everyone) < 0.1, base.poisson(1.5, everyone)
    paperless = base.choice([True, False], everyone)
    now = np.random.default_rng(10_000 + age)
    use = np.exp(7 + 0.5 * heavy + 0.02 * (price - 40) + 0.15 * now.normal(size=everyone))
    frame = pd.DataFrame({
        "subscriber_id": [f"sub_{place:05d}" for place in range(everyone)], "region": region,
        "tenure_days": start + age + 400, "contract_type": contract, "price_eur": price,
        "billed_eur_365d": price * (age + 400) / 30, "is_paperless": paperless,
        "data_mb_7d": use, "voice_min_30d": np.exp(4 + 0.4 * heavy + 0.15 * now.normal(size=everyone)),
        "roaming_mb_90d": np.where(roams, 100.0, 0.0), "contacts_30d": asks + now.poisson(0.3, everyone),
        "gone_on": base.permutation(everyone),
    })
    there = frame.iloc[:].loc[(frame["gone_on"] >= first) & (frame["gone_on"] < first + PEOPLE)]
    return there.drop(columns="gone_on").reset_index(drop=True)


def publish(frame: pd.DataFrame, day: date) -> None:
    roster = frame[["subscriber_id", "region", "contract_type"]].assign(operator="alpha", is_active=True)
    for name, part in {"roster": roster, **{name: frame[["subscriber_id", *columns]]
                                            for name, columns in TABLES.items()}}.items():
        def write(path: Path, part: pd.DataFrame = part) -> int:
            part.to_parquet(path, index=False)
            return len(part)

        Dataset(settings().features / name, ("as_of",)).publish({"as_of": day.isoformat()}, write, frozen=False)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[champions.Champion]:
    """A version trained on the stacked weeks, in force, with its history published."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("inputs") / "home"
        home.mkdir()
        patch.setenv("TELCO_HOME", str(home))
        settings.cache_clear()
        weeks = [TRAINED - timedelta(days=7 * back) for back in range(WEEKS)]
        for day in [*weeks, NIGHT - timedelta(days=1)]:
            publish(house(day), day)
        stacked = pd.concat([house(day) for day in weeks[5:]]).sample(4000, random_state=1)
        stacked[COLUMNS].to_parquet(home / "sample.parquet", index=False)
        facts = {"model": "churn", "version": 1, "feature_service": "churn_v2", "columns": COLUMNS,
                 "categories": {"contract_type": ["12m", "monthly"]}, "calibrator": {"kind": "identity"},
                 "trained_as_of": TRAINED.isoformat()}
        saved = bundle.save(bundle.path_of("churn", 1), facts, files={"sample.parquet": home / "sample.parquet"})
        yield champions.enter("churn", 1, TRAINED, saved.sha256, reason="test")
    settings.cache_clear()


def alarms(champion: champions.Champion, night: pd.DataFrame) -> dict[Family, list[Measure]]:
    publish(night, NIGHT)
    found: dict[Family, list[Measure]] = {}
    for one in measure_inputs(champion, NIGHT, settings().reports / "page.html"):
        if one.status is Status.ALARM:
            found.setdefault(one.family, []).append(one)
    return found


def shuffled(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    dealt = np.random.default_rng(3).permutation(len(frame))
    return frame.assign(**{name: frame[name].to_numpy()[dealt] for name in columns})


def some(frame: pd.DataFrame, share: float) -> pd.Series:
    return pd.Series(np.random.default_rng(4).random(len(frame)) < share, index=frame.index)


PLANTED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], Family, str]] = {
    "other units": (lambda f: f.assign(data_mb_7d=f["data_mb_7d"] * 1000), Family.INPUT, "data_mb_7d"),
    "zeros": (lambda f: f.assign(data_mb_7d=0.0), Family.INPUT, "data_mb_7d"),
    "30 % missing": (lambda f: f.assign(data_mb_7d=f["data_mb_7d"].mask(some(f, 0.3))), Family.INPUT, "data_mb_7d"),
    "a new category": (lambda f: f.assign(contract_type=f["contract_type"].mask(some(f, 0.05), "36m")),
                       Family.INPUT, "contract_type"),
    "usage dealt out anew": (lambda f: shuffled(f, NETWORK), Family.CONTINUITY, "data_mb_7d"),
    "one region changed": (lambda f: f.assign(data_mb_7d=f["data_mb_7d"].where(f["region"] != "north",
                                                                              f["data_mb_7d"] * 0.8)),
                           Family.PEERS, "region=north"),
    "all of them at once": (lambda f: f.assign(data_mb_7d=f["data_mb_7d"] * 1.4, price_eur=f["price_eur"] * 1.3),
                            Family.CLASSIFIER, "all columns"),
}


@pytest.mark.parametrize("what", PLANTED)
@pytest.mark.mlts("O2")
def test_a_planted_fault_alarms_in_its_family_and_names_what(champion: champions.Champion, what: str) -> None:
    plant, family, subject = PLANTED[what]
    found = alarms(champion, plant(house(NIGHT)))
    assert subject in {one.subject for one in found.get(family, [])}, found


def test_usage_dealt_out_among_people_keeps_every_margin_and_loses_its_associations(
    champion: champions.Champion
) -> None:
    found = alarms(champion, shuffled(house(NIGHT), NETWORK))
    assert Family.INPUT not in found
    assert Family.CLASSIFIER not in found
    assert "data_mb_7d ~ price_eur" in {one.subject for one in found[Family.ASSOCIATION]}
    assert "tenure_days" not in {one.subject for one in found[Family.CONTINUITY]}


def test_one_region_changed_is_named_and_the_others_are_not_blamed_as_much(champion: champions.Champion) -> None:
    found = alarms(champion, PLANTED["one region changed"][0](house(NIGHT)))
    worst = max(found[Family.PEERS], key=lambda one: one.value or 0)
    assert (worst.subject, worst.name) == ("region=north", "data_mb_7d")
    assert "its peers" in worst.detail


@pytest.mark.parametrize("age", [1, 3, 10, 24])
def test_a_quiet_night_alarms_nobody_though_tenure_and_yearly_sums_grow(
    champion: champions.Champion, age: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(__name__ + ".NIGHT", TRAINED + timedelta(days=age))
    assert alarms(champion, house(TRAINED + timedelta(days=age))) == {}


def test_a_wave_of_leavers_is_seen_the_week_it_happens(champion: champions.Champion) -> None:
    night = house(NIGHT)
    stay = (night["contract_type"] != "monthly") | ~some(night, 0.08)
    found = alarms(champion, night[stay].reset_index(drop=True))
    told = {one.subject: one for one in found[Family.PEERS] if one.name == "leavers"}
    assert "contract_type=monthly" in told
    assert "expected" in told["contract_type=monthly"].detail


def test_the_baseline_is_kept_and_made_anew_only_when_its_inputs_changed(
    champion: champions.Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = frames.training(champion)
    path = baseline.path_of(champion)
    first = baseline.baseline(champion, trained)
    stored = path.read_bytes()
    path.unlink()
    assert baseline.baseline(champion, trained) == first
    assert path.read_bytes() == stored
    built: list[champions.Champion] = []
    monkeypatch.setattr(baseline, "build", lambda who, _: built.append(who) or first)
    assert baseline.baseline(champion, trained) == first
    assert not built
    said = json.loads(stored)
    said["inputs"][TRAINED.isoformat()]["roster"] = "of other bytes"
    path.write_text(json.dumps(said))
    assert baseline.baseline(champion, trained) == first
    assert path.read_bytes() == stored
    path.write_text("half of a fi")
    assert baseline.baseline(champion, trained) == first
    assert len(built) == 2


ODD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "empty": lambda f: f.head(0),
    "one row": lambda f: f.head(1),
    "constant": lambda f: f.assign(data_mb_7d=5.0),
    "all missing": lambda f: f.assign(data_mb_7d=np.nan),
    "infinite": lambda f: f.assign(data_mb_7d=np.inf),
    "text for numbers": lambda f: f.assign(data_mb_7d="1,5"),
}


@pytest.mark.parametrize("what", ODD)
def test_F50_odd_nights_never_crash_and_thin_ones_are_unknown(champion: champions.Champion, what: str) -> None:
    publish(ODD[what](house(NIGHT)), NIGHT)
    found = measure_inputs(champion, NIGHT, settings().reports / "page.html")
    assert found
    if what in ("empty", "one row"):
        assert {one.status for one in found if not one.name.startswith("leavers")} == {Status.UNKNOWN}
    else:
        assert any(one.subject == "data_mb_7d" and one.status is Status.ALARM for one in found)
