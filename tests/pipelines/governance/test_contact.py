"""The contact policy: who a campaign contacted or holds out is left alone, for so long and no longer."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.governance.contact import left_alone
from pipelines.landing import raw
from pipelines.landing.contract import BY_ID
from pipelines.settings import settings

FEED = BY_ID["governance.campaigns"]
NIGHT = date(2026, 3, 31)


def land(dt: str, *rows: tuple[str, str, str, str], version: int = 1) -> None:
    """One drop of campaigns: subscription, campaign, arm, when it was drawn. A second version replaces the first."""
    def write(path: Path) -> int:
        told: list[dict[str, Any]] = [
            {"subscription_token": token, "campaign_id": campaign, "arm": arm, "operator": "alpha", "dt": dt,
             "assigned_at": datetime.fromisoformat(f"{at}T10:00"), "source": "governance", "drop_version": version,
             "known_on": date.fromisoformat(dt), "is_known_assumed": False} for token, campaign, arm, at in rows]
        pq.write_table(pa.Table.from_pylist(told, raw.schema(FEED)), path)
        return len(told)

    drops = [{"version": number, "known_on": dt} for number in range(1, version + 1)]
    raw.dataset(FEED).publish({"dt": dt}, write, inputs={"drops": drops}, frozen=False)


def alone() -> dict[str, tuple[str, str | None]]:
    """By subscriber why they are left alone, and the campaign that holds them out."""
    return {row["subscriber_id"]: (row["do_not_contact_because"], row["control_group"])
            for row in left_alone(NIGHT).to_pylist()}


def test_nobody_is_left_alone_where_no_campaign_feed_tells(home: Path) -> None:
    assert alone() == {}


def test_a_contact_holds_for_the_rest_and_a_control_group_for_longer(home: Path) -> None:
    land("2026-03-02", ("a", "spring", "contacted", "2026-03-01"), ("b", "spring", "contacted", "2026-03-02"),
         ("c", "spring", "control", "2026-03-01"), ("d", "winter", "control", "2025-12-31"))
    assert alone() == {
        "sub_b": ("contacted on 2026-03-02 by spring; not before 2026-04-01", None),
        "sub_c": ("held out of spring until 2026-05-30", "spring"),
    }


def test_held_out_of_one_comes_before_contacted_by_another(home: Path) -> None:
    land("2026-03-20", ("a", "spring", "contacted", "2026-03-19"), ("a", "winter", "control", "2026-03-01"))
    assert alone()["sub_a"] == ("held out of winter until 2026-05-30", "winter")


def test_what_lands_after_the_night_counts_and_a_resent_drop_replaces_the_first(home: Path) -> None:
    land("2026-04-02", ("a", "spring", "contacted", "2026-04-01"))
    land("2026-03-20", ("b", "spring", "contacted", "2026-03-19"), version=1)
    assert set(alone()) == {"sub_a", "sub_b"}
    land("2026-03-20", ("c", "spring", "contacted", "2026-03-19"), version=2)
    assert set(alone()) == {"sub_a", "sub_c"}


@pytest.mark.parametrize(("policy", "left"), [
    ("rest = 0", {"sub_b"}), ("hold_out = 0", {"sub_a"}), ("rest = 0\nhold_out = 0", set()),
])
def test_the_days_are_the_estates(home: Path, policy: str, left: set[str]) -> None:
    text = (Path(__file__).parents[3] / "estate.toml").read_text(encoding="utf-8")
    begin = text.index("[contact]")
    home.mkdir(parents=True)
    (home / "estate.toml").write_text(
        f"{text[:begin]}[contact]\n{policy}\n\n{text[text.index('[[exchange_rates]]'):]}", encoding="utf-8")
    settings.cache_clear()
    land("2026-03-20", ("a", "spring", "contacted", "2026-03-19"), ("b", "spring", "control", "2026-03-19"))
    assert set(alone()) == left
