"""A reader sees the old partition or the new one, whatever happens to the writer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import IntegrityError, PublishedChanged, UsageError
from pipelines.publish import LIVE, Dataset, sha256

KEY = {"as_of": "2026-03-01"}


@pytest.fixture
def scores(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path / "scores", ("as_of",))


def writing(text: str, rows: int = 1):  # type: ignore[no-untyped-def]
    def write(path: Path) -> int:
        path.write_text(text)
        return rows

    return write


def test_a_publication_is_one_live_file_and_one_standing_entry(scores: Dataset) -> None:
    entry = scores.publish(KEY, writing("a", 3), inputs={"raw": "x"})
    assert (entry.version, entry.rows, entry.sha256) == (1, 3, sha256(scores.live(KEY)))
    assert [path.name for path in scores.directory(KEY).iterdir()] == [LIVE]
    assert scores.entry(KEY) == entry


def test_publishing_the_same_bytes_again_changes_nothing(scores: Dataset) -> None:
    first = scores.publish(KEY, writing("a"))
    journal, modified = scores.manifest.read_bytes(), scores.live(KEY).stat().st_mtime_ns
    assert scores.publish(KEY, writing("a")) == first
    assert scores.manifest.read_bytes() == journal
    assert scores.live(KEY).stat().st_mtime_ns == modified


def test_other_bytes_for_a_frozen_partition_are_refused_and_the_old_ones_stand(scores: Dataset) -> None:
    scores.publish(KEY, writing("a"))
    with pytest.raises(PublishedChanged, match="the published bytes stand"):
        scores.publish(KEY, writing("b"))
    assert scores.live(KEY).read_text() == "a"
    assert [path.name for path in scores.directory(KEY).iterdir()] == [LIVE]


def test_a_thawed_partition_gets_a_new_version_and_keeps_its_history(scores: Dataset) -> None:
    scores.publish(KEY, writing("a"), frozen=False)
    scores.publish(KEY, writing("b"), frozen=False)
    assert [entry.version for entry in scores.history(KEY)] == [1, 2]
    assert scores.live(KEY).read_text() == "b"


def test_a_failed_audit_leaves_what_stood(scores: Dataset) -> None:
    scores.publish(KEY, writing("a"), frozen=False)

    def refuse(path: Path) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        scores.publish(KEY, writing("b"), audit=refuse, frozen=False)
    assert scores.live(KEY).read_text() == "a"
    assert len(scores.history(KEY)) == 1


def test_a_key_of_the_wrong_shape_is_refused(scores: Dataset) -> None:
    with pytest.raises(UsageError, match="keyed"):
        scores.publish({"dt": "2026-03-01"}, writing("a"))


def test_a_declared_absence_stands_but_never_hides_data(scores: Dataset) -> None:
    scores.declare_absent([KEY], "the operator has none")
    standing = scores.entry(KEY)
    assert standing is not None
    assert standing.state == "absent"
    scores.publish(KEY, writing("a"))
    assert scores.declare_absent([KEY], "too late")[0].state == "committed"


def test_an_edited_live_file_is_found(scores: Dataset) -> None:
    scores.publish(KEY, writing("a"))
    scores.live(KEY).write_text("tampered")
    with pytest.raises(IntegrityError, match="not the published"):
        scores.verify(KEY)


def test_a_kill_between_rename_and_record_is_settled_from_the_directory(scores: Dataset) -> None:
    scores.publish(KEY, writing("a"))
    lines = scores.manifest.read_text().splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["prepared", "committed"]
    scores.manifest.write_text(lines[0] + "\n")
    assert scores.entry(KEY) is None
    assert scores.repair() == 1
    assert scores.entry(KEY) is not None


def test_a_kill_between_prepare_and_rename_leaves_no_entry(scores: Dataset) -> None:
    scores.publish(KEY, writing("a"), frozen=False)
    line = json.loads(scores.manifest.read_text().splitlines()[0])
    with scores.manifest.open("a") as handle:
        handle.write(json.dumps({**line, "version": 2, "sha256": "0" * 64, "state": "prepared"}) + "\n{\"cut")
    assert scores.repair() == 0
    standing = scores.entry(KEY)
    assert standing is not None
    assert standing.version == 1
    assert scores.publish(KEY, writing("c"), frozen=False).version == 2  # after a line that was cut in half
    assert scores.live(KEY).read_text() == "c"


WRITER = """
import sys, time
from pathlib import Path
from pipelines.publish import Dataset
data = Dataset(Path(sys.argv[1]), ("as_of",))
def write(path):
    with path.open("w") as handle:
        for _ in range(40):
            handle.write(str(n) * 5000); handle.flush(); time.sleep(0.0005)
    return n
n = int(sys.argv[2])
while True:
    n += 1
    data.publish({"as_of": "2026-03-01"}, write, frozen=False)
"""


def test_fifty_kills_at_random_moments_never_show_half_a_partition(scores: Dataset) -> None:
    import random

    dice = random.Random(7)
    version = 0
    for attempt in range(50):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(scores.root), str(attempt * 1000)])
        time.sleep(0.12 + dice.random() * 0.15)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        scores.repair()
        entry = scores.entry(KEY)
        if entry is None:
            assert not scores.live(KEY).exists()
            continue
        assert sha256(scores.live(KEY)) == entry.sha256
        assert scores.live(KEY).read_text() == str(entry.rows) * 200_000
        assert entry.version >= version
        version = entry.version
    assert version > 10


def erased(text: str, rows: int = 1):  # type: ignore[no-untyped-def]
    def write(live: Path, beside: Path) -> int:
        assert live.exists()
        beside.write_text(text)
        return rows

    return write


def test_a_rewritten_partition_stands_and_says_what_it_was(scores: Dataset) -> None:
    first = scores.publish(KEY, writing("ab", 2), inputs={"raw": "x"})
    made = scores.rewrite(KEY, erased("b"), {"job": "R1"})
    assert made is not None
    assert scores.verify(KEY).read_text() == "b"
    assert scores.entry(KEY) == made
    assert (made.state, made.version, made.rows) == ("committed", 1, 1)
    assert made.inputs == {"raw": "x", "rewritten": [{"sha256": first.sha256, "rows": 2, "job": "R1"}]}
    assert scores.publications() == [first]
    assert scores.publish(KEY, writing("b")) == made  # a rebuild without the person
    with pytest.raises(PublishedChanged):
        scores.publish(KEY, writing("ab"))
    assert scores.rewrite(KEY, erased("b"), {"job": "R2"}) == made  # nothing to take out
    assert scores.rewrite({"as_of": "2026-03-02"}, erased("b"), {"job": "R2"}) is None


def test_a_killed_rewriting_is_settled_as_one(scores: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    scores.publish(KEY, writing("ab", 2))
    append = Dataset._append

    def dies(self: Dataset, *entries: object, state: str) -> None:
        if state == "rewritten":
            raise KeyboardInterrupt
        append(self, *entries, state=state)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Dataset, "_append", dies)
        with pytest.raises(KeyboardInterrupt):
            scores.rewrite(KEY, erased("b"), {"job": "R1"})
    assert scores.verify(KEY).read_text() == "b"
    assert scores.repair() == 1
    assert [json.loads(line)["state"] for line in scores.manifest.read_text().splitlines()][-2:] == [
        "prepared", "rewritten"]
    assert len(scores.publications()) == 1


def test_neighbours_of_somebody_erased_may_be_rebuilt_otherwise_and_stand(scores: Dataset) -> None:
    scores.publish(KEY, writing("ab", 2))
    made = scores.rewrite(KEY, erased("b"), {"job": "R1", "touches_others": True})
    assert scores.publish(KEY, writing("B")) == made  # a decile moved: what was published stands
    with pytest.raises(PublishedChanged):
        scores.publish(KEY, writing("BB", 2))  # a row more is no neighbour's value


def test_a_purged_partition_is_gone_and_remembered(scores: Dataset) -> None:
    scores.publish(KEY, writing("ab", 2))
    assert scores.purge(KEY) == 2
    assert scores.purge(KEY) == 0
    entry = scores.entry(KEY)
    assert entry is not None
    assert (entry.state, entry.rows) == ("purged", 2)
    assert not scores.directory(KEY).exists()
    with pytest.raises(IntegrityError, match="no published partition"):
        scores.verify(KEY)
