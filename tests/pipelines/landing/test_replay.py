"""What waits in quarantine comes in after a fix: as a correction, once, and whatever is killed in between."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from expectations import raw as suites
from pipelines import landing
from pipelines.errors import Held, UsageError
from pipelines.landing import quarantine, replay
from pipelines.landing.contract import BY_ID
from pipelines.publish import Dataset
from pipelines.quality import Findings
from pipelines.settings import settings

USAGE, PRODUCTS, NOTES = "network.usage_daily", "billing_alpha.products", "care.interactions"
ON = date(2026, 3, 20)
ROWS = 300
BAD: dict[str, dict[str, Any]] = {
    USAGE: {"data_kb": -1}, PRODUCTS: {"product_code": "tap-dancing"}, NOTES: {"wait_seconds": -5},
}
FORMS = (USAGE, PRODUCTS, NOTES)  # Parquet, CSV, JSON lines


def land_with_bad(drops: ModuleType, feed_id: str, count: int = 2) -> None:
    """A drop of 300 rows, the first of them bad."""
    drops.estate(feed_id)
    rows = drops.rows(feed_id, ROWS)
    drops.drop(feed_id, [{**row, **BAD[feed_id]} if at < count else row for at, row in enumerate(rows)])
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (ROWS - count, count)


def edited(drops: ModuleType, feed_id: str, home: Path, *, only: int | None = None) -> Path:
    """A copy of the waiting rows in which somebody has put right what was wrong."""
    good = drops.encode(feed_id, drops.rows(feed_id, ROWS))
    rows = drops.quarantined(feed_id)[:only]
    for row in rows:
        if feed_id == USAGE:
            row["row"]["data_kb"] = 7
        else:
            row["row"] = good.decode().split("\n")[row["line"] - 1]
    copy = home / "mended.jsonl"
    copy.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return copy


def newest(drops: ModuleType, feed_id: str, column: str) -> list[Any]:
    """The values of the newest version, which stands for the drop."""
    table = drops.raw(feed_id).to_pylist()
    last = max(row["drop_version"] for row in table)
    return sorted(row[column] for row in table if row["drop_version"] == last)


def entry(feed_id: str) -> Any:
    return Dataset(settings().raw / feed_id.replace(".", "/"), ("dt",)).entry({"dt": "2026-03-10"})


@pytest.mark.parametrize("feed_id", FORMS)
def test_edited_rows_enter_as_a_correction_known_from_the_day_after(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    land_with_bad(drops, feed_id)
    before = drops.raw(feed_id)
    done = replay.replay(feed_id, drops.DT, ON, file=edited(drops, feed_id, home))
    assert (done.rescued, done.waiting, done.version, done.known_on) == (2, 0, 2, date(2026, 3, 21))
    after = drops.raw(feed_id)
    assert after.slice(0, before.num_rows).equals(before)  # what was known before is what was known before
    assert after.num_rows == before.num_rows + ROWS
    rows = after.slice(before.num_rows).to_pylist()
    assert {(row["drop_version"], row["known_on"]) for row in rows} == {(2, date(2026, 3, 21))}
    key = BY_ID[feed_id].key[0]
    name = {"msisdn": "msisdn_token", "subscription_id": "subscription_token"}.get(key, key)
    assert len({row[name] for row in rows}) == ROWS


def test_rows_pass_after_the_suite_was_mended_and_those_that_do_not_keep_their_new_reasons(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strict(facts: suites.Facts) -> suites.Suite:
        import great_expectations.expectations as gxe

        meta = {"severity": "quarantine", "reason": "an even data_kb"}
        odd = gxe.ExpectColumnValuesToNotBeInSet(column="data_kb", value_set=[1000, 1002], meta=meta)
        return [*good(facts), odd]

    good = suites.SUITES[USAGE]
    monkeypatch.setitem(suites.SUITES, USAGE, strict)
    drops.estate(USAGE)
    drops.drop(USAGE, drops.rows(USAGE, ROWS))
    assert landing.land(drops.AS_OF)[0].quarantined == 2
    monkeypatch.setitem(suites.SUITES, USAGE, good)
    done = replay.replay(USAGE, drops.DT, ON)
    assert (done.rescued, done.waiting) == (2, 0)
    assert newest(drops, USAGE, "data_kb") == [1000 + number for number in range(ROWS)]


def test_a_row_that_still_fails_stays_with_its_new_reason_and_the_rest_enters(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE)
    copy = edited(drops, USAGE, home)
    rows = [json.loads(line) for line in copy.read_text().splitlines()]
    rows[1]["row"]["voice_seconds"] = 90_000
    copy.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = replay.replay(USAGE, drops.DT, ON, file=copy)
    assert (done.rescued, done.waiting) == (1, 1)
    assert "24 hours" in next(iter(done.reasons))
    (kept,) = quarantine.kept(USAGE)
    assert (kept.state, kept.count, list(kept.reasons)) == ("waiting", 1, list(done.reasons))
    (row,) = quarantine.waiting_rows(kept)
    assert (row["line"], row["row"]["data_kb"]) == (2, -1)  # the row as it came, not as it was tried


def test_replaying_twice_is_a_no_op_and_so_is_landing_again(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE)
    copy = edited(drops, USAGE, home)
    replay.replay(USAGE, drops.DT, ON, file=copy)
    before, manifest = drops.raw_path(USAGE).read_bytes(), entry(USAGE)
    again = replay.replay(USAGE, drops.DT, ON)
    assert (again.rescued, again.waiting, again.version) == (0, 0, None)
    with pytest.raises(UsageError, match="does not wait"):
        replay.replay(USAGE, drops.DT, ON, file=copy)
    (landed,) = landing.land(drops.AS_OF)
    assert landed.state == "duplicate"
    assert (drops.raw_path(USAGE).read_bytes(), entry(USAGE)) == (before, manifest)


def test_without_a_fix_nothing_is_published(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE)
    before = drops.raw_path(USAGE).read_bytes()
    done = replay.replay(USAGE, drops.DT, ON)
    assert (done.rescued, done.waiting, done.version) == (0, 2, None)
    assert drops.raw_path(USAGE).read_bytes() == before


def test_rows_are_rescued_a_few_at_a_time_and_never_counted_twice(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE)
    replay.replay(USAGE, drops.DT, ON, file=edited(drops, USAGE, home, only=1))
    first = entry(USAGE).inputs["drops"][-1]
    assert (first["rows"], first["quarantined"]) == (ROWS - 1, 1)
    copy = edited(drops, USAGE, home)
    copy.write_text(copy.read_text().splitlines(keepends=True)[1])
    replay.replay(USAGE, drops.DT, ON, file=copy)
    assert len(newest(drops, USAGE, "data_kb")) == ROWS
    assert [(drop["rows"], drop["quarantined"]) for drop in entry(USAGE).inputs["drops"]] == [
        (ROWS - 2, 2), (ROWS - 1, 1), (ROWS, 0)]


def kill(*_: object) -> None:
    raise KeyboardInterrupt


def test_killed_after_it_was_published_a_repeat_only_marks(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_with_bad(drops, USAGE)
    copy = edited(drops, USAGE, home)
    real: Callable[..., None] = os.replace

    def stop(source: Any, target: Any) -> None:
        kill() if str(target).endswith(".replayed.json") else real(source, target)

    monkeypatch.setattr(replay.os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        replay.replay(USAGE, drops.DT, ON, file=copy)
    monkeypatch.undo()
    published = drops.raw_path(USAGE).read_bytes()
    done = replay.replay(USAGE, drops.DT, ON)
    assert (done.rescued, done.waiting) == (0, 0)
    assert drops.raw_path(USAGE).read_bytes() == published
    assert quarantine.kept(USAGE)[0].state == "replayed"


def test_killed_before_it_was_published_a_repeat_starts_over(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_with_bad(drops, USAGE)
    copy = edited(drops, USAGE, home)
    monkeypatch.setattr(replay, "_publish", kill)
    with pytest.raises(KeyboardInterrupt):
        replay.replay(USAGE, drops.DT, ON, file=copy)
    monkeypatch.undo()
    assert quarantine.kept(USAGE)[0].count == 2
    assert replay.replay(USAGE, drops.DT, ON, file=copy).rescued == 2
    assert len(newest(drops, USAGE, "data_kb")) == ROWS


def test_a_row_whose_key_is_in_the_drop_stays_out(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE)
    copy = edited(drops, USAGE, home)
    rows = [json.loads(line) for line in copy.read_text().splitlines()]
    rows[0]["row"]["msisdn"] = drops.rows(USAGE, ROWS)[9]["msisdn"].replace("+", "00")
    copy.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = replay.replay(USAGE, drops.DT, ON, file=copy)
    assert (done.rescued, done.reasons) == (1, {replay.IN_THE_DROP: 1})


def test_of_two_rows_with_one_key_a_person_lets_in_the_right_one(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    rows = drops.rows(USAGE, ROWS)
    drops.drop(USAGE, [*rows, {**rows[0], "data_kb": 5}])
    assert landing.land(drops.AS_OF)[0].quarantined == 2
    assert replay.replay(USAGE, drops.DT, ON).rescued == 0
    copy = home / "right.jsonl"
    copy.write_text(json.dumps(drops.quarantined(USAGE)[0]) + "\n")
    assert replay.replay(USAGE, drops.DT, ON, file=copy).rescued == 1
    assert replay.replay(USAGE, drops.DT, ON).reasons == {replay.IN_THE_DROP: 1}


def test_a_resend_replaces_what_waited_for_its_rows_come_with_it(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE)
    drops.drop(USAGE, drops.rows(USAGE, ROWS), produced_at="2026-03-15T00:00:00Z")
    landing.land(drops.AS_OF)
    assert quarantine.kept(USAGE)[0].state == "superseded"
    assert replay.replay(USAGE, drops.DT, ON).rescued == 0
    assert len(newest(drops, USAGE, "data_kb")) == ROWS


def test_a_published_night_never_learns_of_a_replay(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE)
    roster = Dataset(settings().features / "roster", ("as_of",))
    roster.publish({"as_of": "2026-04-01"}, lambda path: path.write_bytes(b"roster"))
    assert replay.replay(USAGE, drops.DT, ON, file=edited(drops, USAGE, home)).known_on == date(2026, 4, 2)


def test_a_crashed_check_lets_nothing_in(home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    land_with_bad(drops, USAGE)

    def crash(*_: object) -> Any:
        return Findings(crashed=("the check 'x' crashed: KeyError",))

    monkeypatch.setattr(replay, "check_parts", crash)
    with pytest.raises(Held, match="nothing is known"):
        replay.replay(USAGE, drops.DT, ON, file=edited(drops, USAGE, home))


def test_an_edited_line_that_does_not_read_stays_and_says_why(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, PRODUCTS)
    copy = edited(drops, PRODUCTS, home)
    rows = [json.loads(line) for line in copy.read_text().splitlines()]
    rows[0]["row"] += ";one too many"
    copy.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = replay.replay(PRODUCTS, drops.DT, ON, file=copy)
    assert (done.rescued, done.waiting) == (1, 1)
    assert "not the columns of the header" in next(iter(done.reasons))


@pytest.mark.parametrize("text", ["nonsense", "{}", '{"line": 99, "row": {}}', '{"line": 1, "row": "text"}', "[1]"])
def test_a_file_that_is_not_of_the_waiting_rows_is_a_usage_error(home: Path, drops: ModuleType, text: str) -> None:
    land_with_bad(drops, USAGE)
    copy = home / "odd.jsonl"
    copy.write_text(text + "\n")
    with pytest.raises(UsageError, match="line 1"):
        replay.replay(USAGE, drops.DT, ON, file=copy)


def test_a_file_that_was_refused_is_landed_again_not_replayed(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, drops.rows(USAGE, ROWS), rows=ROWS + 1)
    with pytest.raises(Held):
        landing.land(drops.AS_OF)
    with pytest.raises(Held, match="telco land --as-of 2026-03-11"):
        replay.replay(USAGE, drops.DT, ON)
    (kept,) = quarantine.kept(USAGE)
    assert (kept.kind, kept.state, kept.count) == ("file", "waiting", 1)
    drops.say(USAGE, rows=ROWS)
    landing.land(drops.AS_OF)
    assert quarantine.kept(USAGE)[0].state == "replayed"


def test_rows_of_a_day_zero_dump_come_in_known_from_the_replay_and_not_assumed(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE, assumed_lag_days=1)
    rows = drops.rows(USAGE, ROWS)
    rows[0]["data_kb"] = -1
    drops.drop(USAGE, rows, day_zero=True)
    landing.land_range(drops.DT, drops.DT, initial=True)
    replay.replay(USAGE, drops.DT, ON, file=edited(drops, USAGE, home))
    stamps = {(row["drop_version"], row["known_on"], row["is_known_assumed"]) for row in drops.raw(USAGE).to_pylist()}
    assert stamps == {(1, drops.AS_OF, True), (2, date(2026, 3, 21), False)}


def test_a_row_in_its_senders_encoding_comes_in_whole_and_the_vault_learns_its_identifier(
    home: Path, drops: ModuleType
) -> None:
    feed_id = "billing_alpha.accounts"
    drops.estate(feed_id, encoding="iso-8859-1")
    rows = drops.rows(feed_id, ROWS)
    bad = [{**rows[0], "age_band": "Großmutter"}, *rows[1:]]
    drops.drop(feed_id, bad)
    assert landing.land(drops.AS_OF)[0].quarantined == 1
    (row,) = drops.quarantined(feed_id)
    copy = home / "mended.jsonl"
    copy.write_text(json.dumps({**row, "row": row["row"].replace("Großmutter", "under_65")}))
    assert replay.replay(feed_id, drops.DT, ON, file=copy).rescued == 1
    vault = {name for path in (settings().vault / "account").glob("*.parquet")
             for name in pq.read_table(path)["identifier"].to_pylist()}
    assert vault == {row["account_id"] for row in rows}
    assert newest(drops, feed_id, "age_band") == ["under_65"] * ROWS
