"""A person leaves every store and stays out; nobody else's byte of data changes; a killed erasure ends the same."""

from __future__ import annotations

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines import landing
from pipelines.errors import Held, UsageError
from pipelines.governance import audit, erasure, tombstones
from pipelines.governance.erasure import person
from pipelines.governance.erasure.search import search
from pipelines.landing import replay
from pipelines.publish import Dataset, PublishedChanged
from pipelines.settings import settings

STORES = ("raw", "features", "labels", "scores")
ELSEWHERE = ("landing", "quarantine", "vault", "extracts", "feast", "logs")
# What names line 3 of alpha in clear: subscription, account, number, name.
CLEAR = ("S0000003", "A0000003", "4915100000003", "Ms. 3")
USAGE, LINES = "network.usage_daily", "billing_alpha.subscriptions"


def test_nothing_of_them_is_left_and_every_other_row_is_what_it_was(house: Any) -> None:
    token = house.line()
    before = {store: house.rows(store) for store in (*STORES, "vault")}
    assert token in house.text(*STORES, *ELSEWHERE)
    assert all(word in house.text("landing", "vault", "quarantine") for word in CLEAR[:3])
    proof = erasure.erase(house.requests(3), house.on)
    assert proof is not None
    assert proof.clean
    tokens = {stone.token for stone in tombstones.standing()}
    kept = house.text(*STORES, *ELSEWHERE, "reports", "audit", "anchors")
    assert not [one for one in tokens if one in kept]
    assert not [word for word in CLEAR if word in kept]
    for store, files in before.items():
        after = house.rows(store)
        for path, rows in files.items():
            assert after[path] == [row for row in rows if not tokens & {str(value).removeprefix("sub_")
                                                                         for value in row.values()}], path
    assert not (settings().warehouse / "warehouse.duckdb").exists()


def test_bravos_line_of_the_same_number_keeps_everything(house: Any) -> None:
    """0000003 of bravo is another person than S0000003 of alpha, and so is a longer id that begins alike."""
    before = house.raw("billing_bravo.subscribers").to_pylist()
    erasure.erase(house.requests(3), house.on)
    assert house.raw("billing_bravo.subscribers").to_pylist() == before
    assert '"0000003"' in house.text("landing")


def test_the_files_left_in_landing_are_the_files_that_landed(house: Any) -> None:
    text = (settings().landing / f"billing_alpha/subscriptions/dt={house.drops.DT}/subscriptions.csv").read_bytes()
    erasure.erase(house.requests(3), house.on)
    left = (settings().landing / f"billing_alpha/subscriptions/dt={house.drops.DT}/subscriptions.csv").read_bytes()
    assert left == b"".join(line for line in text.splitlines(keepends=True) if b"S0000003" not in line)
    assert {one.state for one in house.land()} == {"duplicate"}


def test_journals_still_verify_and_say_what_was(house: Any) -> None:
    dataset = Dataset(settings().features / "ftr_a", ("as_of",))
    (key, before), = dataset.entries().items()
    erasure.erase(house.requests(3), house.on)
    after = dataset.entries()[key]
    assert dataset.verify(after.key).exists()
    assert (after.rows, after.version, after.known_on) == (before.rows - 1, before.version, before.known_on)
    assert after.inputs["rewritten"] == [
        {"sha256": before.sha256, "rows": before.rows, "job": "R3", "touches_others": False}]
    assert dataset.publications() == [before]  # what later partitions say of their inputs stays true


def test_a_rebuild_without_the_person_gives_the_erased_bytes_and_one_with_them_is_refused(
    house: Any, tmp_path: Path
) -> None:
    dataset = Dataset(settings().features / "ftr_a", ("as_of",))
    key = {"as_of": house.on.isoformat()}
    with_them = shutil.copy(dataset.live(key), tmp_path / "with_them.parquet")
    erasure.erase(house.requests(3), house.on)
    without = shutil.copy(dataset.live(key), tmp_path / "without.parquet")
    assert dataset.publish(key, lambda path: int(bool(shutil.copy(without, path)))) == dataset.entry(key)
    with pytest.raises(Held, match="erased while it was made"):
        dataset.publish(key, lambda path: int(bool(shutil.copy(with_them, path))))
    other = pa.table({"subscriber_id": ["sub_x"], "value": [1]})
    with pytest.raises(PublishedChanged):
        dataset.publish(key, lambda path: _put(other, path))


def test_a_dry_run_counts_the_same_and_touches_nothing(house: Any) -> None:
    files = _files(settings().home)
    dry = erasure.erase(house.requests(3, 5), house.on, dry_run=True)
    after = _files(settings().home)
    assert {path: data for path, data in after.items() if not path.startswith("tombstones/.")} == files
    proof = erasure.erase(house.requests(3, 5), house.on)
    assert dry is not None
    assert proof is not None
    assert dry.by_store() == proof.by_store()
    assert dry.by_store()["raw"][1] > 10


def test_the_proof_names_stores_counts_and_hashes_and_nobody(house: Any) -> None:
    proof = erasure.erase(house.requests(3), house.on)
    assert proof is not None
    told = json.loads((proof.folder / "proof.json").read_text())
    assert told["clean"] is True
    assert set(told["removed"]) == {"extracts", "features", "labels", "landing", "online", "quarantine", "raw",
                                    "scores", "vault", "warehouse"} | ({"words"} & set(told["removed"]))
    assert all(len(change["sha256_before"]) == 64 for change in told["changes"] if change["store"] != "online")
    assert told["searched"]["files"] > 50
    assert "What remains, on purpose" in (proof.folder / "proof.md").read_text()
    (line,) = audit.history("erasure")
    assert (line.subject, line.facts["clean"], line.facts["subscribers"]) == ("R3", True, 1)
    assert audit.verify(ask_registry=False).bad is None


class Killed(BaseException):
    """No handler catches it: the process is gone."""


@pytest.mark.parametrize("step", ["raw", "landing", "vault"])
def test_killed_before_any_step_it_is_finished_by_the_next_run(
    house: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    whole = erasure.erase(house.requests(3), house.on, dry_run=True)

    def dies(job: Any) -> list[Any]:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setitem(erasure.STEPS, step, dies)
        with pytest.raises(Killed):
            erasure.erase(house.requests(3), house.on)
    (proof,) = erasure.resume()
    assert whole is not None
    assert proof.clean
    assert proof.by_store() == whole.by_store()  # also what the killed run had done
    assert erasure.resume() == []


def test_killed_at_any_rename_it_ends_with_the_same_bytes(
    house: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    untouched = tmp_path / "untouched"
    shutil.copytree(settings().home, untouched)
    replaced = os.replace
    erasure.erase(house.requests(3), house.on)
    wanted = {path: data for path, data in _files(settings().home).items() if path.startswith((*STORES, *ELSEWHERE))}
    for survived in (5, 20):
        shutil.rmtree(settings().home)
        shutil.copytree(untouched, settings().home)
        left = [survived]

        def dies(source: Any, target: Any, left: list[int] = left) -> None:
            if not left[0]:
                raise Killed
            left[0] -= 1
            replaced(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", dies)
            with pytest.raises(Killed):
                erasure.erase(house.requests(3), house.on)
        assert erasure.erase(house.requests(3), house.on) is None or not erasure.resume()
        found = {path: data for path, data in _files(settings().home).items()
                 if path.startswith((*STORES, *ELSEWHERE))}
        assert {path for path in wanted if found.get(path) != wanted[path]
                and "manifest" not in path and not path.startswith("feast")} == set(), survived


def test_a_replayed_file_a_resend_and_a_late_correction_bring_nobody_back(house: Any) -> None:
    erasure.erase(house.requests(3), house.on)
    before = house.raw(LINES).num_rows
    house.drop(LINES, house.drops.rows(LINES, 12))  # the first file again: known as the one that landed
    assert {one.state for one in house.land()} == {"duplicate"}
    changed = [{**row, "plan_code": "L"} for row in house.drops.rows(LINES, 12)]
    house.drop(LINES, changed, produced_at=f"{house.on + timedelta(days=3)}T01:00:00Z")
    assert "corrected" in {one.state for one in house.land()}
    found = house.raw(LINES)
    assert found.num_rows == before + 11
    assert house.line() not in found["subscription_token"].to_pylist()
    accepted = Dataset(settings().raw / LINES.replace(".", "/"), ("dt",)).entry({"dt": str(house.drops.DT)})
    assert accepted is not None
    assert accepted.inputs["drops"][-1]["erased"] == 1
    assert "S0000003" not in house.text("vault", "quarantine")


def test_the_next_day_of_an_erased_number_stays_out_until_another_has_it(house: Any) -> None:
    erasure.erase(house.requests(3), house.on)
    day = house.drops.DT + timedelta(days=1)
    for feed_id in ("network.usage_daily", "care.interactions"):
        house.drop(feed_id, house.drops.rows(feed_id, 12, day), dt=day)
    with pytest.raises(Held):  # the other feeds of that day have not come
        house.land(days=1)
    assert (house.raw(USAGE, 1).num_rows, house.raw("care.interactions", 1).num_rows) == (11, 11)
    later = house.drops.DT + timedelta(days=40)
    new = {**house.drops.subscription(77, later), "msisdn": "+4915100000003", "started_on": later}
    house.drop(LINES, [new], dt=later)
    house.drop(USAGE, house.drops.rows(USAGE, 12, later), dt=later)
    with pytest.raises(Held):
        landing.land(later + timedelta(days=1))
    assert house.drops.raw(USAGE, later).num_rows == 12


def test_a_waiting_row_of_somebody_erased_is_not_let_in(house: Any) -> None:
    """Their row was taken out of the quarantine; one that a person edits in again is refused."""
    path = next((settings().quarantine / "network/usage_daily").glob("dt=*/rows.*.jsonl"))
    line = path.read_text()
    assert "4915100000003" in line
    erasure.erase(house.requests(3), house.on)
    assert path.read_text() == ""
    path.write_text(line.replace('"data_kb": -1', '"data_kb": 1'))
    done = replay.replay(USAGE, house.drops.DT, house.on)
    assert (done.rescued, done.reasons) == (0, {replay.ERASED: 1})


def test_a_numbers_later_holder_keeps_their_rows(house: Any) -> None:
    """Line 3 left; line 50 got its number. Erasing line 3 takes the days before, erasing 50 would take those after."""
    drops, later = house.drops, house.drops.DT + timedelta(days=60)
    ended = {**drops.subscription(3, later), "status": "ended", "ended_on": later - timedelta(days=50),
             "end_reason": "cancellation", "changed_at": drops._at(later, 7)}
    new = {**drops.subscription(50, later), "msisdn": "+4915100000003", "started_on": later}
    house.drop(LINES, [ended, new], dt=later)
    house.drop(USAGE, drops.rows(USAGE, 12, later), dt=later)
    with pytest.raises(Held):
        landing.land(later + timedelta(days=1))
    proof = erasure.erase(house.requests(3), later + timedelta(days=1))
    assert proof is not None
    assert proof.clean
    assert any("others have or had too" in line for line in proof.remains)
    assert drops.raw(USAGE, later).num_rows == 12
    assert house.raw("care.interactions").num_rows == 11
    assert "4915100000003" in house.text("vault")  # line 50's number


def test_one_line_of_an_account_leaves_the_other_and_its_payments(house: Any) -> None:
    drops, day = house.drops, house.drops.DT + timedelta(days=1)
    house.drop(LINES, [{**drops.subscription(60, day), "account_id": "A0000003"}], dt=day)
    mine, other = drops.payment(3, day), {**drops.payment(60, day), "account_id": "A0000003"}
    house.drop("billing_alpha.payments", [{**mine, "invoice_id": f"I{drops.DT:%Y%m%d}0000003"}, other], dt=day)
    with pytest.raises(Held):
        house.land(days=1)
    proof = erasure.erase(house.requests(3), house.on)
    assert proof is not None
    assert proof.clean
    assert house.raw("billing_alpha.accounts").num_rows == 12
    assert house.raw("billing_alpha.payments", 1)["invoice_id"].to_pylist() == [other["invoice_id"]]
    assert house.raw("billing_alpha.payments").num_rows == 11
    house.drop("billing_alpha.payments", [mine | {"invoice_id": f"I{drops.DT:%Y%m%d}0000003", "payment_id": "again"}],
               dt=day + timedelta(days=1))
    with pytest.raises(Held):
        house.land(days=2)
    assert house.raw("billing_alpha.payments", 2).num_rows == 0


def test_the_feed_of_requests_is_worked_off_once(house: Any) -> None:
    due = erasure.due(house.on)
    assert sorted(due.values()) == [f"E{house.drops.DT:%Y%m%d}000", f"E{house.drops.DT:%Y%m%d}001"]
    assert set(due) == {house.line(0), house.line(1)}
    proof = erasure.erase(due, house.on)
    assert proof is not None
    assert proof.job == f"requests-{house.on}"
    assert erasure.due(house.on) == {}
    assert erasure.erase(due, house.on) is None


def test_a_restored_backup_is_erased_again_by_the_tombstones(house: Any, tmp_path: Path) -> None:
    backup = shutil.copytree(settings().home, tmp_path / "backup")
    erasure.erase(house.requests(3), house.on)
    kept = shutil.copytree(settings().tombstones, tmp_path / "tombstones")
    shutil.rmtree(settings().home)
    shutil.copytree(backup, settings().home)
    shutil.copytree(kept, settings().tombstones)
    assert house.line() in house.text("raw")
    proof = erasure.again(house.on)
    assert proof is not None
    assert proof.clean
    assert house.line() not in house.text(*STORES, *ELSEWHERE)


def test_somebody_can_be_named_in_every_way(house: Any) -> None:
    line = house.line()
    assert person.by_subscriber(f"sub_{line}") == line
    assert person.by_account("alpha", "A0000003") == [line]
    assert person.by_msisdn("0049 151 00000003", house.on) == [line]
    assert person.by_msisdn("+49 30 123456", house.on) == []
    with pytest.raises(UsageError, match="32 hexadecimal"):
        person.by_subscriber("4915100000003")
    with pytest.raises(UsageError, match="knows no such subscription"):
        erasure.erase({person.by_subscription("alpha", "nobody"): "R"}, house.on)


def test_what_is_still_found_is_told_and_the_erasure_stays_open(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = house.requests(3)
    stray = settings().home / "somewhere" / "else.bin"
    stray.parent.mkdir()
    stray.write_bytes(b"\x00" + house.line().encode() + b"\x00")
    with pytest.raises(Held, match=r"else\.bin"):
        erasure.erase(job, house.on)
    stray.unlink()
    (proof,) = erasure.resume()
    assert proof.clean


def test_the_search_reads_inside_compressed_parquet(house: Any) -> None:
    from pipelines.governance.erasure import job as jobs

    with jobs.alone():
        job = jobs.Job("x", house.on, house.requests(3), person.resolve(house.requests(3), house.on))
        found = search(job).found
    assert any(path.startswith("raw/care/interactions") for path in found)
    assert any(path.startswith("vault/msisdn") for path in found)
    assert pc.sum(pa.array(list(found.values()))).as_py() > 10


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _put(table: pa.Table, path: Path) -> int:
    import pyarrow.parquet as pq

    pq.write_table(table, path)
    rows: int = table.num_rows
    return rows
