"""F34: any order of days, kills in between, nights together or alone: the same published bytes as the straight run."""

from __future__ import annotations

import random
import re
import shutil
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from ten_days import DAYS, HELD, Kill, TenDays, copy_template, fingerprint, living_in, step

from pipelines.errors import MissingHistory
from pipelines.models import SPECS
from pipelines.publish import Dataset
from pipelines.settings import settings

pytestmark = pytest.mark.live
ORDERS = range(10)


@dataclass
class Order:
    """One order of ranges of days to land, corrections, and groups of nights to unify; one of its steps is killed."""

    world: TenDays
    home: Path
    random: random.Random
    done: set[int] = field(default_factory=set)  # days landed
    corrected: set[int] = field(default_factory=set)
    killed: list[str] = field(default_factory=list)

    def run(self, victim: str) -> None:
        lands, groups = self._ranges(), self._groups()
        corrections = list(range(len(self.world.corrections)))
        while lands or corrections or groups:
            ready = [("land", one) for one in lands]
            ready += [("correct", one) for one in corrections if self.world.corrections[one].day in self.done]
            ready += [("unify", one) for one in groups if self._may(one)]
            what, which = self.random.choice(ready)
            if what == "land":
                self._asked_too_early(which)
                self._step("land", [self.world.dt(day) for day in which], victim)
                self.done |= set(which)
                lands.remove(which)
            elif what == "correct":
                correction = self.world.corrections[which]
                correction.deliver(self.world, self.home)
                self._step("land", [self.world.dt(correction.day)], victim)
                self.corrected.add(which)
                corrections.remove(which)
            else:
                self._step("unify", [self.world.as_of(night) for night in which], victim)
                groups.remove(which)

    def _ranges(self) -> list[tuple[int, ...]]:
        """The ten days cut into up to four ranges."""
        cuts = sorted({0, DAYS, *self.random.sample(range(1, DAYS), 3)})
        return [tuple(range(first, stop)) for first, stop in pairwise(cuts)]

    def _groups(self) -> list[tuple[int, ...]]:
        """The ten nights in one build or two, each in no order: a build is ten seconds, whatever its nights."""
        nights = list(range(DAYS))
        self.random.shuffle(nights)
        cut = self.random.choice([0, self.random.randrange(1, DAYS)])
        return [tuple(group) for group in (nights[:cut], nights[cut:]) if group]

    def _may(self, group: tuple[int, ...]) -> bool:
        """All it reads has landed, and what it may know has been corrected: else its manifest would be another."""
        landed = set(range(max(group) + 1)) <= self.done
        known = {number for number, one in enumerate(self.world.corrections) if one.produced <= max(group)}
        return landed and known <= self.corrected

    def _asked_too_early(self, days: tuple[int, ...]) -> None:
        """A night whose history has a hole is held and names the missing days, all of them and no other."""
        from pipelines import warehouse

        night = max(days)
        missing = {self.world.dt(day) for day in range(night + 1)} - {self.world.dt(day) for day in self.done}
        with living_in(self.home), pytest.raises(MissingHistory) as held:
            warehouse.check_history(self.world.as_of(night))
        (usage,) = [reason for reason in held.value.reasons if reason.startswith("network.usage_daily")]
        named = sorted(map(date.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d", usage)))
        # Five are spelled out and the last: a hole of a year is no list to read.
        assert named == sorted(missing)[:5] + sorted(missing)[5:][-1:]

    def _step(self, what: str, days: list[date], victim: str) -> None:
        """The step, killed first if this order is to lose one of its kind and has not yet."""
        if what == victim and not self.killed:
            code, said = step(self.home, what, days, self._moment(what))
            assert code in (0, -9), said
            if code == -9:
                self.killed.append(f"{what} after: {(said.splitlines() or ['nothing'])[-1]}")
        code, said = step(self.home, what, days)
        assert code == 0, said

    def _moment(self, what: str) -> Kill:
        if what == "land":
            return Kill(self.random.uniform(0.05, 0.5 * self.world.seconds["land"]))
        if self.random.random() < 0.4:
            return Kill(self.random.uniform(0, 0.15), after=" passed in ")  # while partitions are published
        return Kill(self.random.uniform(0.1, 0.8 * self.world.seconds["unify"]), alone=self.random.random() < 0.5)


def test_the_straight_run_published_every_partition_and_both_corrections(ten_days: TenDays) -> None:
    home = ten_days.straight
    for night in range(DAYS):
        for name in ("roster", "consent", "ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care"):
            assert (home / f"features/{name}/as_of={ten_days.as_of(night)}/data.parquet").exists()
    assert len(list((home / "labels").rglob("data.parquet"))) == len(SPECS) * DAYS
    for correction in ten_days.corrections:
        entry = Dataset(home / "raw" / correction.source / correction.feed, ("dt",)).entry(
            {"dt": str(ten_days.dt(correction.day))})
        assert entry is not None
        assert [drop["version"] for drop in entry.inputs["drops"]] == [1, 2]
        assert entry.known_on == str(ten_days.as_of(correction.produced))


@pytest.mark.parametrize("seed", ORDERS)
def test_ten_days_in_any_order_with_a_kill_give_the_bytes_of_the_straight_run(
    ten_days: TenDays, tmp_path: Path, seed: int,
) -> None:
    home = tmp_path / "home"
    copy_template(ten_days, home)
    order = Order(ten_days, home, random.Random(seed))
    order.run("land" if seed % 2 else "unify")
    found, wanted = fingerprint(home), fingerprint(ten_days.straight)
    shutil.rmtree(home)
    print(f"order {seed}: {order.killed}")
    assert {name for name in found | wanted if found.get(name) != wanted.get(name)} == set()
    assert len(wanted) > 500
    assert len(order.killed) == 1


def test_unify_itself_holds_when_a_day_is_missing_and_publishes_nothing(ten_days: TenDays, tmp_path: Path) -> None:
    home = tmp_path / "home"
    copy_template(ten_days, home)
    code, said = step(home, "unify", [ten_days.as_of(0)])
    assert code == HELD
    assert f"network.usage_daily: no drop of {ten_days.dt(0)}" in said
    with living_in(home):
        assert not settings().features.exists()
