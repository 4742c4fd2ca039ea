"""Residency: where a subscriber's rows may be processed, and which regions this deployment stands for.

A row belongs to the region that the estate declares for its operator. `TELCO_REGIONS` names those this run may process;
without it, every region of the estate. (The `region` on the roster is a sales area within one of them.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipelines.errors import Held, UsageError
from pipelines.estate import estate
from pipelines.settings import settings


def of_run() -> tuple[str, ...]:
    """The regions this run may process, sorted. UsageError for one that no operator of the estate is in."""
    declared = sorted({operator.region for operator in estate().operators.values()})
    unknown = sorted(set(settings().regions) - set(declared))
    if unknown:
        raise UsageError(f"TELCO_REGIONS: no operator of the estate is in {', '.join(unknown)}; there are "
                         f"{', '.join(declared)}")
    return tuple(sorted(settings().regions)) or tuple(declared)


def operators_within() -> list[str]:
    """The operators whose rows this run may process."""
    regions = of_run()
    return [name for name, facts in sorted(estate().operators.items()) if facts.region in regions]


def is_everywhere() -> bool:
    """Whether this run may process every operator of the estate."""
    return len(operators_within()) == len(estate().operators)


def outside(operators: Iterable[str | None]) -> int:
    """How many of these rows' operators are none that this run may process; one the estate does not know is none."""
    within = set(operators_within())
    return sum(operator not in within for operator in operators)


def refuse_others(subject: str, operators: Sequence[str | None]) -> None:
    """Raise Held when a row of another region is among these, one operator a row: before reading and before writing."""
    count = outside(operators)
    if count:
        within = set(operators_within())
        theirs = sorted({str(operator) for operator in operators if operator not in within})
        raise Held(
            subject, [f"{count} of {len(operators)} rows are of operators outside {', '.join(of_run())}: "
                      f"{', '.join(theirs)}"],
            "nothing was read further or written; run it where these rows may be processed, or set TELCO_REGIONS",
        )
