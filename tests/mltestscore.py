"""The ML Test Score of this repository, from the tests that passed: `make mltestscore`.

Breck, Cai, Nielsen, Salib and Sculley (2017), "The ML Test Score: a rubric for ML production readiness and technical
debt reduction", IEEE Big Data. An item scores 1 when tests marked with it ran and all of them passed, else 0: half a
point for what is done by hand is not given here. The final score is the least of the four sections'.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import pytest

SECTIONS: Final = {"D": "features and data", "M": "model development", "I": "infrastructure", "O": "monitoring"}
ITEMS: Final = {
    "D1": "feature expectations are in a schema", "D2": "every feature is beneficial",
    "D3": "no feature costs too much", "D4": "features keep to requirements on their use",
    "D5": "the pipeline has privacy controls", "D6": "new features can be added quickly",
    "D7": "all feature code is tested",
    "M1": "model specs are reviewed and in the repository", "M2": "offline metrics correlate with impact",
    "M3": "hyperparameters are tuned", "M4": "the impact of staleness is known", "M5": "a simpler model is not better",
    "M6": "quality holds on slices", "M7": "the model was tested for inclusion",
    "I1": "training is reproducible", "I2": "model code is unit tested", "I3": "the whole pipeline is tested",
    "I4": "quality is validated before serving", "I5": "one example can be followed step by step",
    "I6": "models are canaried before serving", "I7": "models can be rolled back",
    "O1": "changes of dependencies are noticed", "O2": "data invariants hold in serving",
    "O3": "training and serving do not differ", "O4": "models are not stale", "O5": "models are numerically stable",
    "O6": "computing performance has not regressed", "O7": "prediction quality has not regressed",
}


class Sheet:
    """Counts the marked tests and writes the sheet when the run ends."""

    def __init__(self) -> None:
        self.items: dict[str, tuple[str, ...]] = {}
        self.passed: dict[str, int] = defaultdict(int)
        self.failed: dict[str, int] = defaultdict(int)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            marked = tuple(str(mark.args[0]) for mark in item.iter_markers("mlts"))
            unknown = sorted(set(marked) - set(ITEMS))
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: the ML Test Score has no item {', '.join(unknown)}")
            self.items[item.nodeid] = marked

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name in self.items.get(report.nodeid, ()):
            if report.failed:
                self.failed[name] += 1
            elif report.when == "call" and report.passed:
                self.passed[name] += 1

    def scored(self, name: str) -> bool:
        return self.passed[name] > 0 and not self.failed[name]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        write = terminalreporter.write_line
        write("")
        totals = {}
        for letter, title in SECTIONS.items():
            names = [name for name in ITEMS if name[0] == letter]
            totals[letter] = sum(self.scored(name) for name in names)
            write(f"{title}: {totals[letter]} of {len(names)}")
            for name in names:
                counts = f"{self.passed[name]} passed" + (f", {self.failed[name]} FAILED" if self.failed[name] else "")
                write(f"  {name}  {'1' if self.scored(name) else '0'}  {ITEMS[name]:52s} {counts}")
        write(f"ML Test Score: {min(totals.values())} (the least section of four)")
