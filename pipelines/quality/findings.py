"""What checks found, as values: sentences that stop a file, rows that wait, warnings, every check's outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]

State = Literal["passed", "failed", "crashed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one check: for the report, never for a decision. Holds counts and extremes, no row.

    `bad` counts the rows it failed by drop of the batch (`_drop`); `spans` gives the smallest and largest wrong number
    by drop, of columns that are measured numbers. `config` is Great Expectations' own description of the check.
    `scope` says what was looked at: the rows of a chunk, or the drop as a whole.
    """

    severity: str
    reason: str
    config: Any
    state: State
    bad: Mapping[int, int] = field(default_factory=dict)
    spans: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    observed: str = ""
    scope: Literal["rows", "drop"] = "rows"


@dataclass(frozen=True)
class Findings:
    """What the checks of one batch found.

    `rejected`: sentences of failed checks of severity `reject`. `rows`: (reason, positions) of failed checks of
    severity `quarantine`. `warned`: the same of severity `warn`, and `warnings` the sentences. `crashed`: checks that
    neither passed nor failed; nothing may be concluded from the batch. `outcomes` and `sizes` (rows by drop of the
    batch) are for `Record.add`.
    """

    rejected: tuple[str, ...] = ()
    rows: tuple[tuple[str, Positions], ...] = ()
    crashed: tuple[str, ...] = ()
    warned: tuple[tuple[str, Positions], ...] = ()
    warnings: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    sizes: Mapping[int, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Nothing stops, waits or is unknown; warnings are allowed."""
        return not (self.rejected or self.rows or self.crashed)
