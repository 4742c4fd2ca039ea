"""Great Expectations, and the only module that imports it: a suite and a batch in, findings out. Findings decide."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import TelcoError
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from pipelines.landing.contract import Feed

log = logging.getLogger(__name__)

ROW = "_row"  # name of the batch's index: the row's position in the batch


@dataclass(frozen=True)
class Findings:
    """What the checks of one batch found.

    `rejected`: sentences of failed checks of severity `reject`. `rows`: (reason, positions) of failed checks of
    severity `quarantine`. `crashed`: checks that neither passed nor failed; nothing may be concluded from the batch.
    """

    rejected: tuple[str, ...] = ()
    rows: tuple[tuple[str, npt.NDArray[np.int64]], ...] = ()
    crashed: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not (self.rejected or self.rows or self.crashed)


def check_raw(feed: Feed, frame: pd.DataFrame, currency: str) -> Findings:
    """Findings of a feed's landing suite on a batch (one row per line; `_drop`, `_days_after_drop` added)."""
    from expectations.raw import SUITES, Facts

    if feed.id not in SUITES:
        raise TelcoError(f"{feed.id}: no suite in expectations/raw.py; every feed of the contract needs one")
    facts = Facts(
        key=feed.key, currency=currency,
        values={column.name: column.values for column in feed.columns if column.values},
    )
    return validate(feed.id, SUITES[feed.id](facts), frame)


def validate(name: str, expectations: Sequence[Any], frame: pd.DataFrame) -> Findings:
    """Run a suite on a batch. Booleans first, then the failed checks again for their rows: clean batches are common.

    The batch's index becomes 0..n-1, the positions that `Findings.rows` names.
    """
    frame = frame.reset_index(drop=True)
    frame.index.name = ROW
    results = _run(name, expectations, frame, "BOOLEAN_ONLY")
    crashed = _crashed(results, expectations)
    if crashed:
        return Findings(crashed=crashed)
    failed = [result.expectation_config.meta["check"] for result in results if result.success is not True]
    if not failed:
        return Findings()
    again = [expectations[number] for number in failed]
    results = _run(f"{name} (failed)", again, frame, "COMPLETE")
    crashed = _crashed(results, again)
    return Findings(crashed=crashed) if crashed else _findings(results)


def _findings(results: Sequence[Any]) -> Findings:
    rejected: list[str] = []
    rows: list[tuple[str, npt.NDArray[np.int64]]] = []
    crashed: list[str] = []
    for result in results:
        meta = result.expectation_config.meta
        if result.success is True:
            crashed.append(f"{meta['reason']}: failed, then passed on the same batch")
        elif meta["severity"] == "reject":
            observed = result.result.get("observed_value")
            rejected.append(f"{meta['reason']} (found {observed})" if observed is not None else meta["reason"])
        else:
            found = result.result.get("unexpected_index_list")
            positions = np.unique(np.array([row[ROW] for row in found or []], dtype=np.int64))
            if positions.size:
                rows.append((meta["reason"], positions))
            else:
                crashed.append(f"{meta['reason']}: failed without naming a row")
    return Findings(tuple(rejected), tuple(rows), tuple(crashed))


def _crashed(results: Sequence[Any], expectations: Sequence[Any]) -> tuple[str, ...]:
    """A crashed check looks like a failed one, and one crash may swallow others: read `exception_info`, and count."""
    crashed = []
    for result in results:
        error = _exception(result.exception_info)
        if error is not None:
            what = (result.expectation_config.meta or {}).get("reason", result.expectation_config.type)
            crashed.append(f"the check '{what}' crashed: {error}")
    if len(results) != len(expectations) and not crashed:
        crashed.append(f"{len(expectations)} checks were asked for, {len(results)} answered")
    return tuple(crashed)


def _exception(info: Any) -> str | None:
    """The kind of exception in an `exception_info`, which is flat for one crash and nested by metric for others."""
    if not isinstance(info, dict):
        return None
    if "raised_exception" in info:
        # The message may quote a value of the batch, which holds clear identifiers: the first word names the kind.
        return str(info.get("exception_message") or "unknown").split(":")[0][:80] if info["raised_exception"] else None
    return next((found for found in map(_exception, info.values()) if found is not None), None)


def _run(name: str, expectations: Sequence[Any], frame: pd.DataFrame, result_format: str) -> list[Any]:
    gx, batches = _engine()
    suite = gx.ExpectationSuite(name=name)
    for number, expectation in enumerate(expectations):
        numbered = expectation.copy(deep=True)
        numbered.meta = {**(expectation.meta or {}), "check": number}
        suite.expectations.append(numbered)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations warns of its own deprecated dependencies
        batch = batches.get_batch(batch_parameters={"dataframe": frame})
        return list(batch.validate(suite, result_format={"result_format": result_format}).results)


@lru_cache(maxsize=1)
def _engine() -> tuple[Any, Any]:
    """Great Expectations and a batch definition in a scratch context: once per process, results are not stored."""
    settings()  # sets the variables that keep it from phoning home, before the import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("door").add_dataframe_asset("drop")
        return gx, asset.add_batch_definition_whole_dataframe("batch")
