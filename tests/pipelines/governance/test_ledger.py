"""The ledger answers who trained a version and what a subscriber trained, compactly, and cannot be swapped unseen."""

from __future__ import annotations

import json
import stat
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.errors import IntegrityError, UsageError
from pipelines.governance import ledger
from pipelines.landing.contract import Identifier
from pipelines.landing.tokens import Tokens

CUTOFFS = [date(2026, 1, 5) + timedelta(days=7 * week) for week in range(11)]
FACTS = {
    "identity": "one", "trained_as_of": "2026-06-01", "feature_service": "churn_v2", "frame_digest": "f" * 64,
    "git_commit": "c" * 40,
    "processing": {"purpose": "MODEL_TRAINING", "regions": ["EU"], "basis": "consent", "consent_sha256": "5" * 64},
}


def token(number: int) -> str:
    return f"sub_{number * 7919 % 2**32:08x}{number:024x}"


def frame(people: int, name: object = token) -> pd.DataFrame:
    """Subscriber n has a row at every cut-off whose place is a multiple of n % 5 + 1; rows in no order."""
    rows = [(name(number), pd.Timestamp(cutoff)) for number in range(people)  # type: ignore[operator]
            for place, cutoff in enumerate(CUTOFFS) if place % (number % 5 + 1) == 0]
    return pd.DataFrame(rows, columns=["subscriber_id", "event_timestamp"]).sample(frac=1, random_state=3)


def telco(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output + str(done.exception or "")


@pytest.mark.parametrize("name", [token, lambda number: f"sub_{number:06d}"], ids=["tokens of the door", "other ids"])
def test_every_row_is_found_again_and_no_other(home: Path, name: object) -> None:
    rows = frame(123, name)
    made = ledger.write("churn", 1, rows, FACTS)
    assert made.subscribers() == sorted(rows["subscriber_id"].unique())
    assert (made.facts["rows"], made.facts["subscribers"]) == (len(rows), 123)
    assert made.facts["rows_by_cutoff"] == rows.groupby("event_timestamp").size().tolist()
    for subscriber, mine in rows.groupby("subscriber_id"):
        assert made.cutoffs_of(subscriber) == sorted(str(stamp.date()) for stamp in mine["event_timestamp"])
    for nobody in (name(123), "sub_zzz", "sub_", token(5)[:-1], token(5) + "0"):  # type: ignore[operator]
        assert made.cutoffs_of(nobody) == []


def test_tokens_that_end_or_begin_in_zeros_are_no_others(home: Path) -> None:
    names = [f"sub_{'0' * at}{'a1' * (16 - at // 2)}"[:36] for at in range(0, 32, 2)] + ["sub_" + "ab" + "0" * 30]
    made = ledger.write("churn", 1, pd.DataFrame({"subscriber_id": names, "event_timestamp": pd.Timestamp(CUTOFFS[0])}),
                        FACTS)
    assert made.subscribers() == sorted(names)
    assert all(made.cutoffs_of(name) for name in names)


def test_it_is_closed_to_others_and_small(home: Path) -> None:
    made = ledger.write("churn", 1, frame(1000), FACTS)
    for path in (home / "ledger", made.directory.parent, made.directory):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    files = list(made.directory.iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert sum(path.stat().st_size for path in files if path.suffix == ".bin") == 1000 * 16 + 11 * 125


def test_the_same_training_again_finds_its_ledger_and_another_one_is_refused(home: Path) -> None:
    first = ledger.write("churn", 1, frame(10), FACTS)
    assert ledger.write("churn", 1, frame(10), {**FACTS, "git_commit": "later"}).digest == first.digest
    with pytest.raises(IntegrityError, match="ledger of another training"):
        ledger.write("churn", 1, frame(10), {**FACTS, "identity": "two"})


def test_a_subscriber_is_found_in_every_version_that_has_them(home: Path) -> None:
    ledger.write("churn", 1, frame(10), FACTS)
    ledger.write("churn", 2, frame(20), FACTS)
    ledger.write("ltv", 1, frame(5), FACTS)
    assert ledger.kept() == ["churn:1", "churn:2", "ltv:1"]
    assert set(ledger.models_of(token(15))) == {"churn:2"}
    assert {name: len(cutoffs) for name, cutoffs in ledger.models_of(token(1)).items()} == {
        "churn:1": 6, "churn:2": 6, "ltv:1": 6}
    assert ledger.models_of(token(99)) == {}


def test_a_version_with_the_heads_of_another_inherits_its_ledger(home: Path) -> None:
    standing = ledger.write("ltv", 1, frame(5), FACTS)
    assert ledger.inherit("ltv", 9, 10, "no ledger to inherit") is None
    moved = ledger.inherit("ltv", 1, 2, "moved")
    assert moved is not None
    assert (moved.version, moved.subscribers(), moved.facts["inherited_digest"]) == (
        2, standing.subscribers(), standing.digest)
    assert ledger.inherit("ltv", 1, 2, "moved").digest == moved.digest  # type: ignore[union-attr]
    assert set(ledger.models_of(token(4))) == {"ltv:1", "ltv:2"}


@pytest.mark.parametrize("name", ["subscribers.bin", "ledger.json"])
def test_a_ledger_that_was_changed_is_refused(home: Path, name: str) -> None:
    made = ledger.write("churn", 1, frame(10), FACTS)
    bundle = home / "models" / "churn" / "v1"
    bundle.mkdir(parents=True)
    (bundle / "bundle.json").write_text(json.dumps({"ledger": made.digest}))
    assert len(ledger.read("churn", 1).subscribers()) == 10
    path = made.directory / name
    path.write_bytes(path.read_bytes().replace(b"churn_v2", b"churn_v9") if name.endswith("json")
                     else path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(IntegrityError, match="restore the ledger"):
        ledger.read("churn", 1).subscribers()


def test_a_number_of_billings_is_found_by_the_linking_key_and_not_printed(home: Path) -> None:
    with pytest.raises(UsageError, match="no linking key"):
        ledger.subscriber_of("S-4711")
    assert not (home / "secrets").exists()
    mine = "sub_" + Tokens().column(Identifier.SUBSCRIPTION, "bravo", pa.array(["S-4711"]))[0].as_py()
    rows = pd.DataFrame({"subscriber_id": [mine, token(1)], "event_timestamp": pd.Timestamp(CUTOFFS[0])})
    ledger.write("churn", 1, rows, FACTS)
    code, said = telco("audit", "models-of", "S-4711")
    assert (code, "churn:1" in said, mine in said, "S-4711" in said) == (0, True, True, False)
    assert telco("audit", "models-of", mine)[1] == said
    assert json.loads(telco("audit", "models-of", mine, "--json")[1]) == {mine: {"churn:1": ["2026-01-05"]}}


def test_who_trained_a_version_is_told_listed_and_written_for_its_reader_alone(home: Path, tmp_path: Path) -> None:
    made = ledger.write("churn", 1, frame(10), FACTS)
    code, said = telco("audit", "trained-by", "churn:1", "--to", str(tmp_path / "tokens.txt"))
    assert code == 0
    assert "MODEL_TRAINING in EU, by consent" in said
    assert made.digest[:40] in said.replace("\n", "")
    assert telco("audit", "trained-by", "churn:1", "--list")[1].split() == made.subscribers()
    assert (tmp_path / "tokens.txt").read_text().split() == made.subscribers()
    assert stat.S_IMODE((tmp_path / "tokens.txt").stat().st_mode) == 0o600
    assert "no version" in telco("audit", "trained-by", "churn")[1]
    assert "has no ledger; there are: churn:1" in telco("audit", "trained-by", "churn:7")[1]


def test_bits_are_laid_as_the_page_says(home: Path) -> None:
    made = ledger.write("churn", 1, frame(17), FACTS)
    bits = np.fromfile(made.directory / "cutoffs.bin", np.uint8).reshape(11, 3)
    people = made.subscribers()
    for place, cutoff in enumerate(made.cutoffs):
        there = [who for number, who in enumerate(people) if bits[place, number // 8] & 0x80 >> number % 8]
        assert there == [who for who in people if cutoff in made.cutoffs_of(who)]
