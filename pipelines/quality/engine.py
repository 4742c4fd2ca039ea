"""Great Expectations, and the only module that imports it: checks and a batch in, outcomes out."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.quality.findings import Findings, Outcome
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.quality.findings import Positions

ROW = "_row"  # name of the batch's index: the row's position in the batch

# Positions without the values that stand there: 0.06 s instead of 1 s for 250,000 wrong rows, and no clear text in
# the library's results.
_NAMED = {
    "result_format": "COMPLETE", "exclude_unexpected_values": True, "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}
_BOOLEAN = {"result_format": "BOOLEAN_ONLY"}


@dataclass(frozen=True)
class Ran:
    """One check and what it did; `positions` are the rows it failed, None where it names none (passed, row count)."""

    outcome: Outcome
    positions: Positions | None = None
    why: str = ""  # of a crash


def run(name: str, expectations: Sequence[Any], frame: pd.DataFrame, measures: Collection[str] = ()) -> list[Ran]:
    """Run a suite on a batch. Booleans first, then each failed check again for its rows: clean batches are common.

    The second pass takes one check at a time, so that the rows of one are in memory, not those of all.
    """
    frame = frame.reset_index(drop=True)
    frame.index.name = ROW
    ran = _ask(name, expectations, frame, _BOOLEAN)
    numbers = _drops(frame)
    for number, one in enumerate(ran):
        if one.outcome.state == "failed":
            (again,) = _ask(f"{name} (failed)", [expectations[number]], frame, _NAMED)
            ran[number] = _explained(again, frame, numbers, measures)
    return ran


def validate(name: str, expectations: Sequence[Any], frame: pd.DataFrame, measures: Collection[str] = ()) -> Findings:
    """Findings of a suite on a batch of rows. `measures`: columns whose wrong numbers may be shown, roughly.

    The positions that `Findings.rows` names count from 0 in the frame's order.
    """
    ran = run(name, expectations, frame, measures)
    numbers, counts = np.unique(_drops(frame), return_counts=True)
    sizes = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    outcomes = tuple(one.outcome for one in ran)
    crashed = tuple(one.why for one in ran if one.outcome.state == "crashed")
    if crashed:
        return Findings(crashed=crashed, outcomes=outcomes, sizes=sizes)
    failed = [one for one in ran if one.outcome.state == "failed"]
    named = [(one.outcome, one.positions) for one in failed if one.positions is not None]
    warned = tuple((outcome.reason, where) for outcome, where in named if outcome.severity == "warn")
    return Findings(
        rejected=tuple(_sentence(one.outcome) for one in failed if one.outcome.severity == "reject"),
        rows=tuple((outcome.reason, where) for outcome, where in named if outcome.severity == "quarantine"),
        warned=warned,
        warnings=tuple(f"{reason} ({where.size} rows)" for reason, where in warned),
        outcomes=outcomes, sizes=sizes,
    )


def bound_of(config: Any) -> str:
    """The check as Great Expectations' data docs put it, as plain text (not escaped); empty where they do not.

    By the renderer of the documentation pages: 0.1 ms, where the newer atomic one takes 10 ms.
    """
    from great_expectations.expectations.registry import get_renderer_impl
    from great_expectations.render import LegacyRendererType

    found = get_renderer_impl(config.type, LegacyRendererType.PRESCRIPTIVE)
    if found is None:
        return ""
    sentences = []
    for content in found.renderer(configuration=config, runtime_configuration={"include_column_name": True}):
        words = content.to_json_dict().get("string_template")
        if words:
            sentences.append(Template(words["template"]).safe_substitute(words["params"]))
    return " ".join(sentences)


def _sentence(outcome: Outcome) -> str:
    return f"{outcome.reason} (found {outcome.observed})" if outcome.observed else outcome.reason


def _drops(frame: pd.DataFrame) -> Positions:
    if "_drop" not in frame.columns:
        return np.zeros(len(frame), dtype=np.int64)
    return frame["_drop"].to_numpy(dtype=np.int64)


def _explained(one: Ran, frame: pd.DataFrame, numbers: Positions, measures: Collection[str]) -> Ran:
    """A failed check with its rows counted; one that failed without saying what, is a crash after all."""
    outcome, positions = one.outcome, one.positions
    if outcome.state == "passed":
        return _as_crash(outcome, "failed, then passed on the same batch")
    if outcome.state == "crashed" or positions is None:
        return one
    if not positions.size:
        return _as_crash(outcome, "failed without naming a row")
    owners, counts = np.unique(numbers[positions], return_counts=True)
    spans = {}
    column = outcome.config.kwargs.get("column")
    if column in measures:
        wrong = frame[column].to_numpy(dtype=np.float64)[positions]
        for owner in owners.tolist():
            own = wrong[numbers[positions] == owner]
            spans[owner] = (float(np.nanmin(own)), float(np.nanmax(own)))
    return replace(one, outcome=replace(
        outcome, bad=dict(zip(owners.tolist(), counts.tolist(), strict=True)), spans=spans))


def _as_crash(outcome: Outcome, why: str) -> Ran:
    return Ran(replace(outcome, state="crashed"), None, f"{outcome.reason}: {why}")


def _ask(name: str, expectations: Sequence[Any], frame: pd.DataFrame, result_format: dict[str, Any]) -> list[Ran]:
    """One answer per check, in order. One crash may swallow other answers: what did not answer has crashed too."""
    answers = {result.expectation_config.meta["check"]: result
               for result in _results(name, expectations, frame, result_format)}
    return [_answer(expectation, answers.get(number)) for number, expectation in enumerate(expectations)]


def _answer(expectation: Any, result: Any) -> Ran:
    meta = expectation.meta
    outcome = Outcome(meta["severity"], meta["reason"], expectation.configuration, "crashed")
    error = "it did not answer" if result is None else _exception(result.exception_info)
    if error is not None:
        return Ran(outcome, None, f"the check '{meta['reason']}' crashed: {error}")
    if result.success is True:
        return Ran(replace(outcome, state="passed"))
    found = result.result.get("unexpected_index_list")
    observed = result.result.get("observed_value")
    if found is None and (observed is not None or "element_count" not in result.result):
        return Ran(replace(outcome, state="failed", observed="" if observed is None else str(observed)))
    positions = np.unique(np.array([row for part in found or [] for row in part[ROW]], dtype=np.int64))
    counted = result.result.get("unexpected_count")
    if counted is not None and counted != positions.size:
        return _as_crash(outcome, f"failed in {counted} rows and named {positions.size}")
    return Ran(replace(outcome, state="failed"), positions)


def _exception(info: Any) -> str | None:
    """The kind of exception in an `exception_info`, which is flat for one crash and nested by metric for others."""
    if not isinstance(info, dict):
        return None
    if "raised_exception" in info:
        # The message may quote a value of the batch, which holds clear identifiers: the first word names the kind.
        return str(info.get("exception_message") or "unknown").split(":")[0][:80] if info["raised_exception"] else None
    return next((found for found in map(_exception, info.values()) if found is not None), None)


def _results(
    name: str, expectations: Sequence[Any], frame: pd.DataFrame, result_format: dict[str, Any]
) -> Iterator[Any]:
    gx, batches = _engine()
    suite = gx.ExpectationSuite(name=name)
    for number, expectation in enumerate(expectations):
        numbered = expectation.copy(deep=True)
        numbered.meta = {**(expectation.meta or {}), "check": number}
        suite.expectations.append(numbered)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations warns of its own deprecated dependencies
        batch = batches.get_batch(batch_parameters={"dataframe": frame})
        return iter(batch.validate(suite, result_format=result_format).results)


@lru_cache(maxsize=1)
def _engine() -> tuple[Any, Any]:
    """Great Expectations and a batch definition in a scratch context: once per process, results are not stored."""
    settings()  # sets the variables that keep it from phoning home, before the import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from tqdm import tqdm  # type: ignore[import-untyped]  # what Great Expectations draws its bars with

        # Its progress bars share a lock with every process forked from this one, and one that is killed keeps it.
        tqdm.set_lock(threading.RLock())

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("door").add_dataframe_asset("drop")
        return gx, asset.add_batch_definition_whole_dataframe("batch")
