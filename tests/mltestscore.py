"""The ML Test Score of this repository, from markers: `telco mltestscore`, and with --run from the tests that pass.

Breck, Cai, Nielsen, Salib and Sculley (2017), "The ML Test Score: a rubric for ML production readiness and technical
debt reduction", IEEE Big Data. An item scores 1 where tests marked `mlts` check it every time they run (all of them
must pass), 1/2 where it is done by hand and written down, else 0. A section is the sum of its seven items; the score is
the least of the four sections.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
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
# Done by hand and written down: half a point. The page must say it; a test looks that it is there.
HALF: Final = {
    "D2": ("docs/reference/models.md", "every card names the features no tree asks for; nobody has taken them out one "
                                       "by one and measured"),
    "D3": ("docs/reference/performance.md", "what all features of a night cost beside a program by hand; not each "
                                            "feature for itself"),
}

Tests = Mapping[str, list[str]]  # by item: `path::test`, in the order of the files


def marked(tests: Path = ROOT / "tests") -> Tests:
    """The tests that carry a marker, read without running anything. Raises ValueError for an item there is not."""
    found: dict[str, list[str]] = {}
    for path in sorted(tests.rglob("*.py")):
        for item, name in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            if item not in ITEMS:
                raise ValueError(f"{path}: the ML Test Score has no item {item}")
            found.setdefault(item, []).append(f"{path.relative_to(tests.parent).as_posix()}::{name}")
    return found


def _marks(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", ()):
            for call in ast.walk(decorator):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.mlts"):
                    yield str(ast.literal_eval(call.args[0])), str(getattr(node, "name", ""))


def points(item: str, tests: Tests) -> float:
    """1, a half, or 0."""
    return 1.0 if tests.get(item) else 0.5 if item in HALF else 0.0


def sections(score: Mapping[str, float]) -> dict[str, float]:
    return {letter: sum(score[name] for name in ITEMS if name[0] == letter) for letter in SECTIONS}


def lines(score: Mapping[str, float], told: Mapping[str, str]) -> Iterator[str]:
    """The sheet. `told`: what stands behind each item."""
    totals = sections(score)
    for letter, title in SECTIONS.items():
        yield f"{title}: {totals[letter]:g} of 7"
        for name in ITEMS:
            if name[0] == letter:
                yield f"  {name}  {score[name]:3g}  {ITEMS[name]:46s}  {told[name]}"
    least = ", ".join(SECTIONS[letter] for letter, total in totals.items() if total == min(totals.values()))
    yield f"ML Test Score: {min(totals.values()):g} (the least of four sections: {least})"


def sheet(tests: Tests) -> list[str]:
    """As the markers say, without running a test."""
    return list(lines({name: points(name, tests) for name in ITEMS}, {
        name: f"{len(tests[name])} test{'s' * (len(tests[name]) > 1)}" if tests.get(name)
        else "by hand" if name in HALF else "nothing" for name in ITEMS}))


def page(tests: Tests) -> str:
    """The reference page: the sheet with every test behind it."""
    score = {name: points(name, tests) for name in ITEMS}
    totals = sections(score)
    parts = ["# ML Test Score\n", f"{(__doc__ or '').partition(chr(10))[2].strip()}\n",
             f"**The score is {min(totals.values()):g}**, the least of: "
             + ", ".join(f"{SECTIONS[letter]} {total:g}" for letter, total in totals.items())
             + ". `telco mltestscore` prints this sheet in a checkout; `telco mltestscore --run` runs the tests.\n"]
    for letter, title in SECTIONS.items():
        parts += [f"## {title.capitalize()}: {totals[letter]:g} of 7\n",
                  "| item | what | points | by |", "|---|---|---|---|"]
        for name in (name for name in ITEMS if name[0] == letter):
            by = "<br>".join(f"`{test}`" for test in tests.get(name, ())) or (
                f"by hand: {HALF[name][1]} (`{HALF[name][0]}`)" if name in HALF else "nothing")
            parts.append(f"| {name} | {ITEMS[name]} | {score[name]:g} | {by} |")
        parts.append("")
    return "\n".join(parts)


class Sheet:
    """Counts the marked tests of a run and writes the sheet when it ends: `pytest --ml-test-score`."""

    def __init__(self) -> None:
        self.items: dict[str, tuple[str, ...]] = {}
        self.passed: dict[str, int] = defaultdict(int)
        self.failed: dict[str, int] = defaultdict(int)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        import pytest

        for item in items:
            names = tuple(str(mark.args[0]) for mark in item.iter_markers("mlts"))
            unknown = sorted(set(names) - set(ITEMS))
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: the ML Test Score has no item {', '.join(unknown)}")
            self.items[item.nodeid] = names

    def pytest_runtest_logreport(self, report: Any) -> None:
        for name in self.items.get(report.nodeid, ()):
            if report.failed:
                self.failed[name] += 1
            elif report.when == "call" and report.passed:
                self.passed[name] += 1

    def scored(self, name: str) -> float:
        if self.failed[name]:
            return 0.0
        return 1.0 if self.passed[name] else 0.5 if name in HALF else 0.0

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        told = {name: f"{self.passed[name]} passed" + (f", {self.failed[name]} FAILED" if self.failed[name] else "")
                for name in ITEMS}
        terminalreporter.write_line("")
        for line in lines({name: self.scored(name) for name in ITEMS}, told):
            terminalreporter.write_line(line)
