"""What the checks of one landing run found, by feed and drop: counts and sentences, no row and no value of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from pipelines.quality.findings import Findings, Outcome

# What a sender wrote (the names of columns nobody expects) may be data of a file without its header: no number as long
# as a telephone's is kept.
_LONG_NUMBER = re.compile(r"\+?\d[\d\s/.-]{5,}\d")


@dataclass
class Check:
    """One check over all chunks of a drop. `bound` is Great Expectations' sentence; `low`, `high` have two figures."""

    scope: str
    severity: str
    reason: str
    bound: str
    state: str = "passed"
    bad: int = 0
    low: float | None = None
    high: float | None = None
    observed: str = ""


@dataclass
class Checked:
    """One drop: rows the suite saw, what became of it (the door's words), rows the door itself set aside."""

    feed: str
    dt: date
    rows: int = 0
    verdict: str = ""
    form: list[tuple[str, int]] = field(default_factory=list)
    checks: dict[tuple[str, str], Check] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "feed": self.feed, "dt": self.dt.isoformat(), "rows": self.rows, "verdict": self.verdict,
            "form": [list(pair) for pair in self.form], "checks": [asdict(check) for check in self.checks.values()],
        }


class Record:
    """Gathers the findings of a landing run as they are made. Whoever adds a chunk twice counts it twice."""

    def __init__(self) -> None:
        self._drops: dict[tuple[str, date], Checked] = {}
        self._bounds: dict[tuple[str, str, str], str] = {}

    @property
    def drops(self) -> list[Checked]:
        """Every drop so far, by day and in the order of their feeds' first appearance."""
        return sorted(self._drops.values(), key=lambda checked: checked.dt)

    def add(self, feed: str, dt: date, findings: Findings, number: int = 0) -> None:
        """What `check_raw` found in a chunk, or `check_drop` in a drop; `number` is the drop's `_drop` in the chunk."""
        checked = self._of(feed, dt)
        if any(outcome.scope == "rows" for outcome in findings.outcomes):
            checked.rows += findings.sizes.get(number, 0)
        for outcome in findings.outcomes:
            self._merge(checked, outcome, number if outcome.scope == "rows" else 0)

    def note(self, feed: str, dt: date, verdict: str, form: Iterable[tuple[str, int]] = ()) -> None:
        """What became of a drop, in words, and what the door set aside before the suite: (reason, rows)."""
        checked = self._of(feed, dt)
        checked.verdict = masked(verdict)
        checked.form = [(masked(reason), rows) for reason, rows in form]

    def _of(self, feed: str, dt: date) -> Checked:
        return self._drops.setdefault((feed, dt), Checked(feed, dt))

    def _merge(self, checked: Checked, outcome: Outcome, number: int) -> None:
        check = checked.checks.get((outcome.scope, outcome.reason))
        if check is None:
            check = Check(outcome.scope, outcome.severity, outcome.reason, self._bound(checked.feed, outcome))
            checked.checks[outcome.scope, outcome.reason] = check
        bad = outcome.bad.get(number, 0)
        failed = outcome.state == "failed" and (bad > 0 or not outcome.bad)
        check.bad += bad
        if outcome.state == "crashed" or check.state == "crashed":
            check.state = "crashed"
        elif failed:
            check.state = "failed"
            check.observed = outcome.observed or check.observed
        if number in outcome.spans:
            low, high = map(_rough, outcome.spans[number])
            check.low = low if check.low is None else min(low, check.low)
            check.high = high if check.high is None else max(high, check.high)

    def _bound(self, feed: str, outcome: Outcome) -> str:
        from pipelines.quality.engine import bound_of

        key = (feed, outcome.scope, outcome.reason)
        if key not in self._bounds:
            self._bounds[key] = bound_of(outcome.config)
        return self._bounds[key]


def _rough(value: float) -> float:
    """Two figures: enough to see a wrong unit, too few to know a number by (columns may have been shifted)."""
    return float(f"{value:.2g}")


def masked(text: str) -> str:
    """A text in which no number as long as a telephone's is left."""
    return _LONG_NUMBER.sub("(a long number)", text)
