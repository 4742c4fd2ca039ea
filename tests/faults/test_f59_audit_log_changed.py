"""F59: whoever edits, deletes, moves or cuts lines of the audit log is found, and the first bad line is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.errors import IntegrityError, UsageError
from pipelines.governance import audit
from pipelines.settings import PROJECT

LINES = 6
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def written(home: Path) -> list[bytes]:
    """A log of six promotions, as lines."""
    for version in range(1, LINES + 1):
        audit.record("promotion", subject="churn", at=NOON, version=version, from_as_of="2026-03-02")
    return audit.log_file().read_bytes().splitlines(keepends=True)


def bad() -> int | None:
    return audit.verify(ask_registry=False).bad


def rewritten(lines: list[bytes], start: int) -> list[bytes]:
    """The lines from `start` on with their hashes made anew, as one who knows how they are made would."""
    out, previous = list(lines), json.loads(lines[start - 1])["hash"] if start else audit.GENESIS
    for place in range(start, len(lines)):
        fields = {name: json.loads(lines[place])[name] for name in audit._FIELDS} | {"previous": previous}
        previous = audit._digest(fields)
        out[place] = audit._text(audit.Line(**fields, hash=previous)) + b"\n"
    return out


def test_a_log_as_it_was_written_is_whole(written: list[bytes]):
    found = audit.verify(ask_registry=False)
    assert (found.lines, found.bad, found.head) == (LINES, None, audit.head())
    assert audit.head().hash == json.loads(written[-1])["hash"]


@pytest.mark.parametrize("line", range(LINES))
def test_an_edit_of_any_line_is_found_there(written: list[bytes], line: int):
    for old, new in ((b'"version": ', b'"version": 1'), (b'"promotion"', b'"rollback"'), (b", ", b",  "),
                     (b"2026-03-01T12", b"2026-03-01T13"), (b"{", b"["), (b'"hash": "', b'"hash": "0')):
        changed = list(written)
        changed[line] = written[line].replace(old, new, 1)
        assert changed != written
        audit.log_file().write_bytes(b"".join(changed))
        assert bad() == line + 1, (old, new)


@pytest.mark.parametrize("line", range(LINES))
def test_a_line_taken_out_or_put_in_twice_is_found_where_it_was(written: list[bytes], line: int):
    audit.log_file().write_bytes(b"".join(written[:line] + written[line + 1:]))
    assert bad() == line + 1
    audit.log_file().write_bytes(b"".join([*written[:line], written[line], *written[line:]]))
    assert bad() == line + 2


@pytest.mark.parametrize("line", range(LINES - 1))
def test_two_lines_that_changed_places_are_found_at_the_first(written: list[bytes], line: int):
    moved = list(written)
    moved[line], moved[line + 1] = moved[line + 1], moved[line]
    audit.log_file().write_bytes(b"".join(moved))
    assert bad() == line + 1


@pytest.mark.parametrize("kept", range(LINES))
def test_a_cut_tail_is_found_at_its_first_line_whole_or_within_it(written: list[bytes], kept: int):
    audit.log_file().write_bytes(b"".join(written[:kept]))
    assert bad() == kept + 1
    audit.log_file().write_bytes(b"".join(written[:kept]) + written[kept][:40])
    assert bad() == kept + 1


@pytest.mark.parametrize("line", range(LINES))
def test_an_edit_with_every_hash_after_it_made_anew_is_found_by_the_anchors(written: list[bytes], line: int):
    changed = list(written)
    changed[line] = written[line].replace(b"2026-03-02", b"2026-03-09")
    audit.log_file().write_bytes(b"".join(rewritten(changed, line)))
    assert bad() == line + 1


def test_a_log_and_anchors_both_cut_are_found_by_the_registry(written: list[bytes], monkeypatch: pytest.MonkeyPatch):
    kept = {audit.TAG: str(audit.head())}
    monkeypatch.setattr("pipelines.tracking.note", kept.get)
    assert audit.verify().bad is None
    anchors = audit.anchor_file().read_bytes().splitlines(keepends=True)
    audit.log_file().write_bytes(b"".join(written[:-2]))
    audit.anchor_file().write_bytes(b"".join(anchors[:-2]))
    assert audit.verify(ask_registry=False).bad is None  # nothing in the home can tell
    assert audit.verify().bad == LINES - 1


def test_nothing_is_recorded_behind_an_end_that_is_not_the_anchored_one(written: list[bytes]):
    audit.log_file().write_bytes(b"".join(written[:-1]))
    with pytest.raises(IntegrityError, match="telco audit verify"):
        audit.record("rollback", subject="churn", version=5)


def test_anchors_that_were_cut_are_found(written: list[bytes]):
    anchors = audit.anchor_file().read_bytes().splitlines(keepends=True)
    audit.anchor_file().write_bytes(b"".join(anchors[:-2]))
    assert bad() == LINES - 1


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_line_cut_by_a_kill_while_it_was_written_is_healed(written: list[bytes], cut: int):
    with audit.log_file().open("ab") as handle:
        handle.write(written[0][:cut])
    assert bad() is None
    line = audit.record("rollback", subject="churn", at=NOON, version=5)
    assert line.sequence == LINES + 1
    assert bad() is None
    assert audit.log_file().read_bytes().count(b"\n") == LINES + 1


def test_a_kill_between_the_line_and_its_anchor_is_healed(written: list[bytes]):
    anchors = audit.anchor_file().read_bytes().splitlines(keepends=True)
    for left in (b"".join(anchors[:-1]), b"".join(anchors)[:-30]):
        audit.anchor_file().write_bytes(left)
        assert bad() is None
        audit.record("rollback", subject="churn", at=NOON, once=True)
        assert bad() is None
        audit.log_file().write_bytes(b"".join(written))
        audit.anchor_file().write_bytes(b"".join(anchors))


def test_writers_in_four_processes_make_one_chain(home: Path):
    code = ("import sys; from pipelines.governance import audit\n"
            "for n in range(25): audit.record('purge', subject=f'{sys.argv[1]}', number=n)")
    environment = {**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(PROJECT)}
    running = [subprocess.Popen([sys.executable, "-c", code, f"writer {n}"], env=environment, cwd=PROJECT)
               for n in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    found = audit.verify(ask_registry=False)
    assert (found.lines, found.bad) == (100, None)


def test_the_same_step_again_is_recorded_once_when_asked(home: Path):
    first = audit.record("consent_veto", subject="2026-03-01", once=True, rows=3)
    assert audit.record("consent_veto", subject="2026-03-01", once=True, rows=3) == first
    assert audit.record("consent_veto", subject="2026-03-01", once=True, rows=4).sequence == 2


@pytest.mark.parametrize("facts", [
    {"who": "+4366012345678"}, {"who": ["436601234567"]}, {"sub_1a2b3c4d5e6f7a8b": 1},
    {"why": {"told": "call 0660123456"}},
])
def test_a_line_with_an_identifier_or_a_token_is_refused_and_not_echoed(home: Path, facts: dict[str, object]):
    with pytest.raises(UsageError) as refused:
        audit.record("erasure", subject="request E1", **facts)
    assert not any(part in str(refused.value) for part in ("660", "1a2b"))
    assert not audit.log_file().exists()


def test_the_command_names_the_first_bad_line_and_ends_with_1(written: list[bytes], telco: Callable[..., object]):
    assert telco("audit", "verify", "--offline")[0] == 0
    audit.log_file().write_bytes(b"".join(written).replace(b'"version": 3', b'"version": 4'))
    code, _, said = telco("audit", "verify", "--offline")
    assert code == 1
    assert "line 3 was edited" in said
