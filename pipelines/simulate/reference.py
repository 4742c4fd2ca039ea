"""The tables of docs/reference/simulator.md that are made from the code: parameters with their sources, scenarios.

`python -m pipelines.simulate.reference` prints them; a test holds the page to them.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pipelines.simulate import parameters
from pipelines.simulate.scenario import shipped

_FIELD = re.compile(r"^    (\w+): [^=]+ = [^#]+(?:#\s*(.*))?$")


def meanings() -> dict[str, str]:
    """What the comment beside each parameter says, by `Class.name`."""
    found, owner = {}, ""
    for line in Path(parameters.__file__).read_text(encoding="utf-8").splitlines():
        if line.startswith("class "):
            owner = line.removeprefix("class ").rstrip(":")
        elif match := _FIELD.match(line):
            found[f"{owner}.{match[1]}"] = match[2] or ""
    return found


def parameter_table() -> str:
    """One row per parameter: its key in a scenario file, value, meaning, source."""
    lines = ["| key in a scenario | value | meaning | source |", "|---|---|---|---|"]
    told = meanings()

    def walk(values: Any, path: str) -> None:
        for field in fields(values):
            value, key = getattr(values, field.name), f"{path}{field.name}"
            if is_dataclass(value):
                continue
            source = parameters.SOURCES.get(key, "assumption")
            meaning = told[f"{type(values).__name__}.{field.name}"]
            lines.append(f"| `{key}` | {_value(value)} | {meaning} | {source} |")
        for field in fields(values):
            if is_dataclass(getattr(values, field.name)):
                walk(getattr(values, field.name), f"{path}{field.name}.")

    walk(parameters.Parameters(), "")
    return "\n".join(lines)


def scenario_table() -> str:
    """One row per shipped scenario: what it plants, where and when."""
    lines = ["| scenario | in a line | plants |", "|---|---|---|"]
    for one in shipped():
        plants = "; ".join(
            ", ".join(f"{name} = {_plain(value)}" for name, value in plant.model_dump().items()) for plant in one.plant)
        lines.append(f"| `{one.name}` | {one.says} | {plants or 'nothing'} |")
    return "\n".join(lines)


def _value(value: object) -> str:
    """A rare event's rate reads best as one in so many."""
    if isinstance(value, float) and 0 < value < 0.026 and abs(1 / value - round(1 / value)) < 1e-6:
        return f"1/{round(1 / value)}"
    return ", ".join(_value(one) for one in value) if isinstance(value, tuple) else f"{value:g}"


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    print(parameter_table())
    print()
    print(scenario_table())
