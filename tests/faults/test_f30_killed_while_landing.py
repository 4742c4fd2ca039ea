"""F30: a landing killed at any moment shows readers the old drop or the new one, and the next run ends what it began.

Half of the kills come at a random time, half at a random call that opens, renames or removes a file: what can break
lies in those calls. The suites are cut short, for the checks would take nine tenths of the time and write nothing.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest

from expectations import drops as drop_suites
from expectations import raw as raw_suites
from pipelines import landing
from pipelines.errors import IntegrityError
from pipelines.landing import quarantine, raw
from pipelines.landing.senders import feed
from pipelines.publish import Entry, sha256
from pipelines.settings import settings

USAGE, ACCOUNTS = "network.usage_daily", "billing_alpha.accounts"
KILLS = 50
KILLS_A_STEP = 9  # then the step is run to its end, and must end like one that nobody disturbed
CALLS = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "fcntl.flock"}
Tree = dict[str, bytes]


def first(drops: ModuleType) -> None:
    """A small drop of each feed."""
    for feed_id in (USAGE, ACCOUNTS):
        drops.drop(feed_id, drops.rows(feed_id, 20))


def correction(drops: ModuleType) -> None:
    """The same day again, with other values and rows."""
    drops.drop(USAGE, [{**row, "data_kb": 7} for row in drops.rows(USAGE, 30)])
    drops.drop(ACCOUNTS, [{**row, "region": "south"} for row in drops.rows(ACCOUNTS, 30)])


def bad_rows(drops: ModuleType) -> None:
    """The next day, with one bad row in two hundred."""
    day = drops.DT + timedelta(days=1)
    drops.drop(USAGE, [*drops.rows(USAGE, 199, day), {**drops.usage(199, day), "data_kb": -1}], day)
    drops.drop(ACCOUNTS, [*drops.rows(ACCOUNTS, 199, day), {**drops.account(199, day), "is_paperless": "maybe"}], day)


STEPS = (first, correction, bad_rows)


@dataclass(frozen=True)
class Told:
    """What a home that nobody disturbed holds after a step, and what it took to get there."""

    live: Tree
    entries: dict[str, dict[tuple[str, ...], Entry]]
    kept: Tree  # quarantine and vault
    seconds: float
    calls: int


def in_a_child(
    work: Callable[[], object], *, after_calls: int | None = None, after_s: float | None = None
) -> int | None:
    """Run `work` in a process of its own, killed as told. Returns the calls it made, None where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        calls = 0

        def count(event: str, _: object) -> None:
            nonlocal calls
            if event in CALLS:
                calls += 1
                if calls == after_calls:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            work()
            os.write(writing, str(calls).encode())
        except BaseException as error:  # a child must never go on as a second test run
            os.write(writing, f"crashed: {error!r}".encode()[:4000])
        finally:
            os._exit(0)
    os.close(writing)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    assert not said.startswith("crashed"), said
    return int(said) if said else None


def land(drops: ModuleType) -> None:
    landing.land_range(drops.DT, drops.DT + timedelta(days=1))


def tree(*folders: Path) -> Tree:
    return {str(path.relative_to(settings().home)): path.read_bytes()
            for folder in folders for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"}


def live() -> Tree:
    return {name: data for name, data in tree(settings().raw).items() if "/dt=" in name and name.endswith(".parquet")}


def entries() -> dict[str, dict[tuple[str, ...], Entry]]:
    return {name: raw.dataset(feed(name)).entries() for name in (USAGE, ACCOUNTS)}


def move_in(monkeypatch: pytest.MonkeyPatch, drops: ModuleType, home: Path) -> None:
    """A new home whose second day is not delivered yet."""
    monkeypatch.setenv("TELCO_HOME", str(home))
    settings.cache_clear()
    drops.estate(USAGE, ACCOUNTS, mandatory=False)
    for feed_id in (USAGE, ACCOUNTS):
        drops.drop_empty(feed_id, drops.DT + timedelta(days=1))


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suites of one expectation: of use that its volume is not negative, which one row fails."""
    whole, of_drops = dict(raw_suites.SUITES), drop_suites.drop
    for feed_id, column in ((USAGE, "data_kb"), (ACCOUNTS, "account_id")):
        monkeypatch.setitem(
            raw_suites.SUITES, feed_id, lambda facts, feed_id=feed_id, column=column: [
                one for one in whole[feed_id](facts) if getattr(one, "column", None) == column][:1])
    monkeypatch.setattr(drop_suites, "drop", lambda facts: of_drops(facts)[:1])


def undisturbed(drops: ModuleType) -> list[Told]:
    told = []
    for step in STEPS:
        step(drops)
        started = time.monotonic()
        calls = in_a_child(lambda: land(drops))
        assert calls is not None
        told.append(Told(live(), entries(), tree(settings().quarantine, settings().vault),
                         time.monotonic() - started, calls))
    return told


def look(before: Tree, after: Tree) -> None:
    """What a reader sees after a kill: of every partition the old bytes or the new ones, and a manifest that agrees."""
    found = live()
    for name in before | after | found:
        assert found.get(name) in (before.get(name), after.get(name)), f"{name} is neither old nor new"
        if name in found:
            assert pq.read_table(settings().home / name, partitioning=None).num_rows > 0
    for feed_id, standing in entries().items():
        dataset = raw.dataset(feed(feed_id))
        for key, entry in standing.items():
            if entry.state == "committed":
                path = dataset.verify({"dt": key[0]})
                name = str(path.relative_to(settings().home))
                assert entry.sha256 == sha256(path) or path.read_bytes() == after[name]
    for one in quarantine.kept():
        assert one.state in ("waiting", "unpublished")
        assert one.count == 1


def same_as(told: Told) -> None:
    """The home is the one of somebody nobody disturbed, with nothing left over."""
    assert live() == told.live
    assert entries() == told.entries
    assert tree(settings().quarantine, settings().vault) == told.kept
    assert [path for path in settings().home.rglob("*") if path.name.endswith(".tmp")] == []
    for feed_id in (USAGE, ACCOUNTS):
        assert raw.dataset(feed(feed_id)).repair() == 0


def test_F30_fifty_kills_while_landing_show_the_old_drop_or_the_new_one_and_never_a_mix(
    home: Path, drops: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda length: "5a" * length)  # all homes have the same linking keys
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # for what the check library leaves
    shorten(monkeypatch)
    move_in(monkeypatch, drops, tmp_path / "warm")
    first(drops)
    land(drops)  # the libraries are imported here once, and no child pays for them
    move_in(monkeypatch, drops, tmp_path / "undisturbed")
    told = undisturbed(drops)
    dice, kills, lives, hit = random.Random(30), 0, 0, {"time": 0, "call": 0}
    while kills < KILLS:
        lives += 1
        move_in(monkeypatch, drops, tmp_path / f"life{lives}")
        before: Tree = {}
        for step, should in zip(STEPS, told, strict=True):
            step(drops)
            for attempt in range(KILLS_A_STEP):
                how = "call" if attempt % 2 else "time"
                when = {"after_calls": dice.randint(1, should.calls)} if attempt % 2 else \
                    {"after_s": dice.random() * should.seconds}
                ended = in_a_child(lambda: land(drops), **when)
                look(before, should.live)
                if ended is not None:
                    break
                kills += 1
                hit[how] += 1
            assert in_a_child(lambda: land(drops)) is not None
            same_as(should)
            before = should.live
    print(f"kills by time {hit['time']}, by call {hit['call']}; {told[0].calls} to {told[-1].calls} calls a step")
    assert min(hit.values()) > KILLS // 5


def test_F30_a_reader_between_a_writers_rename_and_its_record_is_given_the_new_file(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(USAGE)
    for kilobytes in (1, 2):
        drops.drop(USAGE, [{**row, "data_kb": kilobytes} for row in drops.rows(USAGE)])
        landing.land(drops.AS_OF)
    dataset, key = raw.dataset(feed(USAGE)), {"dt": f"{drops.DT}"}
    lines = dataset.manifest.read_text().splitlines(keepends=True)
    dataset.manifest.write_text("".join(lines[:-1]))  # as a kill before its last line leaves it
    entry = dataset.entry(key)
    assert entry is not None
    assert entry.version == 1
    assert set(pq.read_table(dataset.verify(key), partitioning=None)["data_kb"].to_pylist()) == {1, 2}
    dataset.live(key).write_bytes(b"neither the old file nor the new one")
    with pytest.raises(IntegrityError, match="restore it or rebuild"):
        dataset.verify(key)
