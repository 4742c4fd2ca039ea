"""Each scenario plants what its line says, from its day on and not before; a file with an unknown key is refused."""

from __future__ import annotations

import json
import tomllib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from simulated_homes import files, lived, rows, simulated

from pipelines.errors import UsageError
from pipelines.landing.contract import FEEDS
from pipelines.settings import PROJECT
from pipelines.simulate import scenario as scenarios
from pipelines.simulate.hazard import Climate, is_free

SIZE = {"subscribers": 300, "days": 20, "nights": 0, "seed": 9, "day_zero": False}
START = date(2025, 11, 1)
NAMES = ("steady", "price_rise", "vendor_swap", "seasonal", "broken_feed", "merger", "competitor")


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same small house under every scenario, one drop a day."""
    found = {}
    for name in NAMES:
        found[name] = tmp_path_factory.mktemp(name)
        simulated(found[name], **SIZE, scenario=name)
    return found


def planted_day(homes: dict[str, Path], name: str) -> int:
    planted = json.loads((homes[name] / "truth/planted.json").read_text())["planted"]
    assert len(planted) == 1
    assert planted[0]["reached"]
    assert planted[0]["at_on"] == str(START + timedelta(planted[0]["at_day"]))
    return int(planted[0]["at_day"])


def by_day(home: Path) -> dict[str, dict[str, bytes]]:
    """Landing files by drop day, without the day in their names."""
    found: dict[str, dict[str, bytes]] = {}
    for name, content in files(home, "landing").items():
        day = name.split("/dt=")[1][:10]
        found.setdefault(day, {})[name.replace(day, "")] = content
    return found


def test_the_shipped_scenarios_are_these_and_each_says_in_a_line_what_it_plants():
    found = scenarios.shipped()
    assert {one.name for one in found} == set(NAMES)
    assert all(path.stem == scenarios.read(path).name for path in scenarios.SHIPPED.glob("*.toml"))
    assert all(0 < len(one.says) < 120 for one in found)


def test_the_scenario_files_are_packaged():
    told = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert told["pipelines.simulate"] == ["scenarios/*.toml"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("steady", "merger", "competitor")])
def test_nothing_is_planted_before_its_day_and_something_is_from_it_on(homes: dict[str, Path], name: str):
    day = planted_day(homes, name)
    steady, changed = by_day(homes["steady"]), by_day(homes[name])
    differ = [str(when) for when in sorted(steady) if steady[when] != changed[when]]
    assert differ, "nothing was planted"
    assert min(differ) == str(START + timedelta(day))


def test_steady_plants_nothing(homes: dict[str, Path]):
    assert json.loads((homes["steady"] / "truth/planted.json").read_text())["planted"] == []


def test_price_rise_raises_alphas_prices_and_nobody_elses(homes: dict[str, Path]):
    day = f"dt={START + timedelta(planted_day(homes, 'price_rise'))}"
    before = {row["subscription_id"]: row for row in rows(homes["price_rise"], "billing_alpha.subscriptions", last=day)
              if row["changed_at"][:10] < day[3:]}
    told = rows(homes["price_rise"], "billing_alpha.subscriptions", day, day)
    risen = [row for row in told if row["subscription_id"] in before
             and int(row["price_cents"]) == round(int(before[row["subscription_id"]]["price_cents"]) * 1.15)]
    postpaid = [row for row in before.values() if row["contract_type"] != "prepaid" and row["status"] == "active"]
    assert 0.4 < len(risen) / len(postpaid) < 0.75
    assert not [row for row in risen if row["contract_type"] == "prepaid"]
    for feed in ("billing_bravo.subscribers", "billing_bravo.bills"):
        assert rows(homes["price_rise"], feed, day, day) == rows(homes["steady"], feed, day, day)


def test_vendor_swap_moves_the_norths_cells_to_another_feed_and_changes_no_users_day(homes: dict[str, Path]):
    on = START + timedelta(planted_day(homes, "vendor_swap"))
    before, after = f"dt={on - timedelta(1)}", f"dt={on}"
    home = homes["vendor_swap"]
    north = {row["cell_id"] for row in rows(home, "network.cells", after, after) if row["region"] == "north"}

    def nokia(day: str) -> set[str]:
        return {row["LNCEL_ID"] for row in rows(home, "pm.nokia", day, day)}

    def ericsson(day: str) -> set[str]:
        return {row["EUtranCellId"] for row in rows(home, "pm.ericsson", day, day)}

    assert north & ericsson(before)
    assert not north & ericsson(after)
    assert north <= nokia(after)
    assert not north <= nokia(before)
    other = [feed.id for feed in FEEDS if feed.source != "pm" and feed.id != "network.cells"]
    assert len(other) > 10
    for feed in other:
        assert rows(home, feed) == rows(homes["steady"], feed), feed


def test_vendor_swap_in_a_dump_dates_the_swapped_cells_by_the_swap(tmp_path: Path):
    simulated(tmp_path, **{**SIZE, "day_zero": True}, scenario="vendor_swap")
    cells = rows(tmp_path, "network.cells", last="dt=2025-11-20")
    since = {row["valid_on"] for row in cells if row["region"] == "north"}
    assert since == {START, START + timedelta(15)}, "cells that were nokia's before have not changed"
    assert {row["valid_on"] for row in cells if row["region"] != "north"} == {START}


def test_seasonal_raises_use_by_a_third_while_it_lasts(homes: dict[str, Path]):
    first = planted_day(homes, "seasonal")
    until = json.loads((homes["seasonal"] / "truth/planted.json").read_text())["planted"][0]["until_day"]
    for day, factor in ((first - 1, 1.0), (first, 1.3), (until - 1, 1.3), (until, 1.0)):
        name = f"dt={START + timedelta(day)}"
        used = [sum(row["data_kb"] for row in rows(homes[which], "network.usage_daily", name, name))
                for which in ("seasonal", "steady")]
        assert used[0] / used[1] == pytest.approx(factor, rel=0.06), day


def test_broken_feed_sends_zeros_for_its_days_while_life_goes_on(homes: dict[str, Path]):
    first = planted_day(homes, "broken_feed")
    plant = json.loads((homes["broken_feed"] / "truth/planted.json").read_text())["planted"][0]
    feed = plant["feed"]
    for day in range(first - 1, plant["until_day"] + 1):
        name = f"dt={START + timedelta(day)}"
        sent, true = rows(homes["broken_feed"], feed, name, name), rows(homes["steady"], feed, name, name)
        is_broken = first <= day < plant["until_day"]
        assert len(sent) == len(true)
        assert (sent == true) is not is_broken
        if is_broken:
            assert {row[column] for row in sent for column in plant["columns"]} == {0}
            assert [row["msisdn"] for row in sent] == [row["msisdn"] for row in true]
    for other in (feed.id for feed in FEEDS if feed.id != plant["feed"]):
        assert rows(homes["broken_feed"], other) == rows(homes["steady"], other), other


def test_merger_brings_all_of_bravo_in_one_day_and_no_trace_of_it_before(homes: dict[str, Path]):
    home, on = homes["merger"], START + timedelta(planted_day(homes, "merger"))
    day, before = f"dt={on}", f"dt={on - timedelta(1)}"
    for feed in ("subscribers", "bills", "payments"):
        assert not rows(home, f"billing_bravo.{feed}", last=before)
    arrived = rows(home, "billing_bravo.subscribers", day, day)
    assert 70 < len(arrived) < 140
    assert all(row["state"] != "T" for row in arrived)
    bravo = {row["msisdn"].lstrip("+") for row in rows(homes["steady"], "billing_bravo.subscribers")}
    for feed in ("network.usage_daily", "network.number_events", "care.interactions", "care.complaints"):
        assert not {row["msisdn"].lstrip("+") for row in rows(home, feed, last=before)} & bravo, feed
    assert {row["msisdn"] for row in rows(home, "network.usage_daily", day, day)} & bravo
    for feed in ("consents", "campaigns", "erasure_requests"):
        assert not [row for row in rows(home, f"governance.{feed}", last=before) if row["operator"] == "bravo"], feed
    for feed in ("billing_alpha.invoices", "billing_alpha.subscriptions", "pm.huawei"):
        assert rows(home, feed, last=before) == rows(homes["steady"], feed, last=before), feed
    billed = {row["bill_no"] for row in rows(home, "billing_bravo.bills")}
    assert {row["bill_no"] for row in rows(home, "billing_bravo.payments")} <= billed
    contacts = {row["interaction_id"] for row in rows(home, "care.interactions")}
    assert {row["interaction_id"] for row in rows(home, "care.complaints")} <= contacts


def test_competitor_changes_the_law_for_those_free_to_leave_and_no_feature():
    house, truth = lived(4000, 100, {58, 62}, "competitor")
    day = house.plants.day_of(house.plants.scenario.plant[0].at)
    assert day == 60
    climate = house.climate(day, house.lines, house.state)
    free = is_free(house.lines, house.state, day)
    assert isinstance(climate, Climate)
    assert np.unique(np.asarray(climate.planted)[free]).tolist() == pytest.approx([0.92])
    assert (np.asarray(climate.planted)[~free] == 0).all()
    assert house.climate(day - 1, house.lines, house.state).planted == 0.0
    table = truth._hazards().to_pandas()
    means = table.groupby("as_of")[["expected_all_30d", "logit_billing", "logit_network", "logit_care"]].mean()
    assert means["expected_all_30d"].iloc[1] > 1.3 * means["expected_all_30d"].iloc[0]
    for part in ("billing", "network", "care"):
        assert means[f"logit_{part}"].iloc[1] == pytest.approx(means[f"logit_{part}"].iloc[0], abs=0.05)


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text)
    return path


def test_a_scenario_of_ones_own_works_from_its_path(tmp_path: Path):
    path = own(tmp_path, 'name = "mine"\nsays = "nobody complains"\n[parameters]\nsmall_talk = 0\nproblem = 0\n'
                         "problem_radio = 0\nproblem_failed = 0\nproblem_rise = 0\n[parameters.hazard]\nseason = 0\n")
    simulated(tmp_path / "home", subscribers=100, days=10, nights=0, scenario=str(path))
    assert not rows(tmp_path / "home", "care.interactions", first="dt=2025-11-11")
    assert scenarios.load(str(path)).applied().hazard.season == 0


@pytest.mark.parametrize(("text", "says"), [
    ('sys = "x"', "sys: no such key; allowed are name, says, parameters, plant"),
    ("[parameters]\nsolvd = 0.1", "solvd: no such key; allowed are hazard, campaigns"),
    ("[parameters.hazard]\nwindows = 0.1", "windows: no such key; allowed are prepaid, monthly"),
    ('[parameters]\nsolved = "often"', "solved: a number, not 'often'"),
    ('[[plant]]\nkind = "merger"\nat = 0.5\noperator = "bravo"\nhow = 1', "how: no such key; allowed are kind, at"),
    ('[[plant]]\nkind = "earthquake"', "earthquake"),
    ('[[plant]]\nkind = "merger"\nat = 1.5\noperator = "bravo"', "at"),
    ('[[plant]]\nkind = "merger"\nat = 0.5\noperator = "charlie"', "'alpha' or 'bravo'"),
    ('[[plant]]\nkind = "broken_feed"\nat = 3\nuntil = 4\nfeed = "network.usage"\ncolumns = ["calls"]',
     "no feed 'network.usage'"),
    ('[[plant]]\nkind = "broken_feed"\nat = 3\nuntil = 4\nfeed = "network.usage_daily"\ncolumns = ["msisdn"]',
     "no number columns"),
])
def test_what_a_scenario_may_not_say_is_named_with_what_it_may(tmp_path: Path, text: str, says: str):
    path = own(tmp_path, f'name = "mine"\nsays = "mine"\n{text}\n')
    with pytest.raises(UsageError) as error:
        scenarios.load(str(path))
    assert says in str(error.value)


def test_an_unknown_scenario_is_refused_with_the_names_there_are():
    with pytest.raises(UsageError, match=r"no scenario 'stedy'.*price_rise, seasonal, steady"):
        scenarios.load("stedy")


def test_the_command_lists_the_scenarios_and_refuses_an_unknown_key_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
):
    from pipelines.cli import main

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["telco", "simulate", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "home"))
    assert run("--list", "--json") == 0
    assert {one["name"] for one in json.loads(capsys.readouterr().out)} == set(NAMES)
    assert run("--scenario", str(own(tmp_path, 'name = "mine"\nsays = "mine"\nwhat = 1\n'))) == 2
    assert "what: no such key; allowed are name, says, parameters, plant" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
