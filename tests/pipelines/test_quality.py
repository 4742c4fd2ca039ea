"""A crashed check is not a failed one and not a pass; what a check failed is named exactly; big batches stay small."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pytest

from expectations.checks import between, meta, row_count
from pipelines import quality
from pipelines.errors import TelcoError
from pipelines.landing.contract import BY_ID
from pipelines.quality import engine

pytestmark = pytest.mark.usefixtures("home")


def batch(rows: int = 10) -> pd.DataFrame:
    return pd.DataFrame({"_drop": np.repeat([0, 1], [rows // 2, rows - rows // 2]), "x": np.arange(rows)})


def test_a_check_on_a_column_that_is_not_there_crashed_and_the_rest_says_nothing() -> None:
    suite = [row_count("no rows at all here"), between("y", 0, 1, "y is not 0 to 1"), between("x", 0, 3, "x is big")]
    findings = engine.validate("broken", suite, batch())
    assert any("y is not 0 to 1" in crash for crash in findings.crashed)
    assert not findings.rows
    assert not findings.rejected
    assert not findings.clean
    assert "crashed" in {outcome.state for outcome in findings.outcomes}


def test_a_crash_does_not_quote_the_values_of_the_batch() -> None:
    frame = batch().assign(x=[f"+49151000000{n}" for n in range(10)])
    findings = engine.validate("text", [between("x", 0, 3, "x is not 0 to 3")], frame)
    assert findings.crashed
    assert "49151" not in str(findings.crashed)


def test_a_check_that_answers_differently_the_second_time_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = engine._ask

    def forgetful(name, expectations, frame, result_format):  # type: ignore[no-untyped-def]
        ran = ask(name, expectations, frame, result_format)
        if result_format["result_format"] == "COMPLETE":
            return [replace(one, outcome=replace(one.outcome, state="passed")) for one in ran]
        return ran

    monkeypatch.setattr(engine, "_ask", forgetful)
    findings = engine.validate("forgetful", [between("x", 0, 3, "x is big")], batch())
    assert findings.crashed == ("x is big: failed, then passed on the same batch",)


def test_a_check_that_does_not_answer_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_results", lambda *_: iter(()))
    assert "did not answer" in engine.validate("mute", [between("x", 0, 3, "x is big")], batch()).crashed[0]


def test_failed_rows_are_named_by_position_whatever_the_index_of_the_frame() -> None:
    frame = batch().set_index(pd.Index(range(100, 110)))
    findings = engine.validate("rows", [between("x", 0, 7, "x is big")], frame, {"x"})
    ((reason, positions),) = findings.rows
    assert (reason, positions.tolist()) == ("x is big", [8, 9])
    (outcome,) = findings.outcomes
    assert dict(outcome.bad) == {1: 2}
    assert dict(outcome.spans) == {1: (8.0, 9.0)}
    assert dict(findings.sizes) == {0: 5, 1: 5}


def test_a_warning_neither_stops_nor_keeps_out() -> None:
    findings = engine.validate("warn", [between("x", 0, 7, "x is big", severity="warn")], batch())
    assert findings.clean
    assert findings.warnings == ("x is big (2 rows)",)


def test_an_empty_batch_fails_its_row_count_though_all_else_passes() -> None:
    suite = [row_count("no rows at all here"), between("x", 0, 3, "x is big"),
             gxe.ExpectColumnValuesToNotBeNull(column="x", meta=meta("quarantine", "x is empty"))]
    findings = engine.validate("empty", suite, batch().iloc[:0])
    assert findings.rejected == ("no rows at all here (found 0)",)
    assert [outcome.state for outcome in findings.outcomes] == ["failed", "passed", "passed"]


def test_a_feed_that_is_like_another_has_its_suite_and_one_like_none_is_refused() -> None:
    cells = BY_ID["network.cells"]
    charlie = replace(cells, source="network_charlie")
    with pytest.raises(TelcoError, match=r"network_charlie\.cells: no suite"):
        quality.check_raw(charlie, pd.DataFrame(), "EUR")

    class Like:
        shape = "network.cells"

        def __getattr__(self, name: str) -> object:
            return getattr(charlie, name)

    findings = quality.check_raw(Like(), pd.DataFrame(columns=["_drop"]), "EUR")  # type: ignore[arg-type]
    assert findings.crashed  # its suite ran: it wants the columns of cells


def test_the_rows_of_failed_checks_are_asked_for_one_check_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ask, asked = engine._ask, []

    def spy(name, expectations, frame, result_format):  # type: ignore[no-untyped-def]
        asked.append((len(expectations), result_format["result_format"]))
        return ask(name, expectations, frame, result_format)

    monkeypatch.setattr(engine, "_ask", spy)
    suite = [between("x", 0, 7, "x is big"), between("x", 1, None, "x is small"), between("x", 0, 9, "x is odd")]
    assert len(engine.validate("two", suite, batch()).rows) == 2
    assert asked == [(3, "BOOLEAN_ONLY"), (1, "COMPLETE"), (1, "COMPLETE")]


def test_a_process_killed_while_it_checks_keeps_no_lock_of_its_siblings() -> None:
    """By default the progress bars of Great Expectations share a semaphore with all forks, and the killed keep it."""
    from tqdm.auto import tqdm

    engine._engine()
    lock = tqdm.get_lock()
    child = os.fork()
    if not child:
        lock.acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert lock.acquire(timeout=5)
    lock.release()
