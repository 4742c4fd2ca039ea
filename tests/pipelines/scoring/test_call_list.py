"""A list to call from: the likeliest of a region, nobody who is to be left alone, nothing that has expired."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.errors import Held, UsageError
from pipelines.scoring import call_list as lists
from pipelines.scoring.dictionary import columns
from pipelines.scoring.extract import bands

NIGHT = date(2026, 3, 10)
COUNT = 100


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home in which a night of 100 was scored: who is odd lives south, the first 30 were contacted."""
    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(lists, "newest_day", lambda: NIGHT)
    people = [f"sub_{number:03d}" for number in range(COUNT)]
    night = pd.DataFrame({
        "subscriber_id": people, "as_of": NIGHT, "expires_at": datetime(2026, 3, 13), "operator": "alpha",
        "region": ["north", "south"] * 50, "segment": "consumer",
        "do_not_contact": [number < 30 for number in range(COUNT)],
        "control_group": ["spring"] * 25 + [None] * 75,
        "churn_probability": [0.5 - (number // 2) / 200 for number in range(COUNT)], "churn_decile": 1.0,
        "churn_expires_at": datetime(2026, 3, 13), "churn_version": 1.0,
    }).reindex(columns=[column.name for column in columns()])
    monkeypatch.setattr(lists, "joined", lambda as_of: pa.Table.from_pandas(night))
    return tmp_path


def test_it_has_the_likeliest_of_the_region_who_may_be_called_in_order(home: Path) -> None:
    made = lists.call_list(NIGHT, top=3, region="south", out=home / "list.csv")
    listed = pd.read_csv(home / "list.csv")
    assert listed["subscriber_id"].tolist() == ["sub_031", "sub_033", "sub_035"]
    assert listed["do_not_contact"].tolist() == ["no"] * 3
    assert (made.rows, made.expires_at) == (3, datetime(2026, 3, 13))
    assert made.kept_out == {"contacted lately": "fewer than 20", "held out of a campaign": "fewer than 20"}
    assert lists.call_list(NIGHT, out=home / "all.csv").kept_out["held out of a campaign"] == "25"


def test_ties_go_by_subscriber_and_without_top_everybody_is_listed(home: Path) -> None:
    made = lists.call_list(NIGHT)
    assert made.path.parts[-3:] == ("extracts", "as_of=2026-03-10", "call_list.csv")
    listed = pd.read_csv(made.path)
    assert listed["subscriber_id"].tolist() == [f"sub_{number:03d}" for number in range(30, COUNT)]
    assert list(listed.columns) == [column.name for column in columns() if column.is_listed]


def test_parquet_by_the_name_or_by_the_option_has_the_same_rows(home: Path) -> None:
    one = lists.call_list(NIGHT, top=9, out=home / "list.parquet").path
    two = lists.call_list(NIGHT, top=9, form="parquet").path
    assert two.name == "call_list.parquet"
    assert one.read_bytes() == two.read_bytes()
    assert pd.read_parquet(one)["churn_version"].tolist() == [1] * 9


def test_expired_scores_are_refused_on_that_day_and_taken_for_a_look_back(home: Path) -> None:
    lists.call_list(NIGHT, on=date(2026, 3, 12))
    with pytest.raises(Held, match=r"expired at 2026-03-13 00:00 UTC, and it is 2026-03-13"):
        lists.call_list(NIGHT, on=date(2026, 3, 13))
    assert lists.call_list(NIGHT, on=date(2026, 3, 13), expired=True).rows == 70
    done = CliRunner().invoke(app, ["extract", "--as-of", "2026-03-10", "--on", "2026-03-20"])
    assert isinstance(done.exception, Held)


def test_a_region_nobody_lives_in_and_a_place_that_is_none_are_named(home: Path) -> None:
    with pytest.raises(UsageError, match="nobody scored at 2026-03-10 lives there; there are north, south"):
        lists.call_list(NIGHT, region="=HYPERLINK(1)")
    away = home / "no" / "x.csv"
    for out, why in ((home, "is a folder"), (away, "its folder is not there"), (home / "x.xls", "end it in")):
        with pytest.raises(UsageError, match=why):
            lists.call_list(NIGHT, out=out)
    with pytest.raises(UsageError, match=r"end it in \.parquet"):
        lists.call_list(NIGHT, out=home / "x.csv", form="parquet")


def test_the_command_tells_what_it_wrote(home: Path) -> None:
    done = CliRunner().invoke(app, ["extract", "--as-of", "2026-03-10", "--top", "5", "--region", "north", "--json"])
    told = json.loads(done.stdout)
    assert (told["rows"], told["region"]) == (5, "north")
    assert Path(told["path"]).exists()


def test_bands_are_places_among_all_and_a_loss_is_a_loss() -> None:
    values = np.array([100.0, 90, 80, 70, 60, 50, 40, 30, 20, -1])
    assert bands(values).tolist() == ["very high", "high", "high", *["middle"] * 4, "low", "low", "loss"]
    assert bands(np.array([5.0, 5.0])).tolist() == ["middle", "low"]
