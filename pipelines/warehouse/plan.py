"""Which features and which matured labels a build makes, decided by dates alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.estate import LONGEST_WINDOW, estate

# A label is known a grace after its window: churn 30 + 7 days, margin 90 + one bill cycle + 7.
CHURN_KNOWN_AFTER = timedelta(days=37)
LTV_KNOWN_AFTER = timedelta(days=127)
SILENCE = timedelta(days=45)


@dataclass(frozen=True)
class Plan:
    """Sorted days without repeats. Labels never outrun the newest as_of: what matures later is not yet known."""

    as_ofs: tuple[date, ...]
    churn_labels: tuple[date, ...]
    ltv_labels: tuple[date, ...]

    @classmethod
    def of(cls, as_ofs: Iterable[date], *, nights: Iterable[date] | None = None) -> Plan:
        """The labels of the as_ofs themselves where they mature by the newest, and those that mature on a night.

        `nights` (by default every as_of): a build of several publishes what each of them alone would. A bootstrap of
        training cut-offs names its last alone, for the cut-offs would bring labels of days without features.
        """
        wanted = tuple(sorted(set(as_ofs)))
        told = wanted if nights is None else tuple(nights)
        return cls(wanted, _matured(wanted, told, CHURN_KNOWN_AFTER), _matured(wanted, told, LTV_KNOWN_AFTER))

    def parts(self, most: int) -> Iterator[Plan]:
        """The same work in builds of at most `most` as_ofs, oldest first; a label goes with the first build that may
        know it. What is published does not depend on the division."""
        before = date.min
        for place in range(0, len(self.as_ofs), most):
            as_ofs = self.as_ofs[place:place + most]
            churn, ltv = (
                tuple(day for day in labels if before < day + known_after <= as_ofs[-1])
                for labels, known_after in (
                    (self.churn_labels, CHURN_KNOWN_AFTER), (self.ltv_labels, LTV_KNOWN_AFTER),
                )
            )
            yield Plan(as_ofs, churn, ltv)
            before = as_ofs[-1]

    def windows(self) -> list[tuple[date, date]]:
        """The half-open ranges of drop days the build reads, merged and sorted."""
        ranges = sorted(
            [(day - LONGEST_WINDOW, day) for day in self.as_ofs]
            + [(day - SILENCE, day + CHURN_KNOWN_AFTER) for day in self.churn_labels]
            + [(day, day + LTV_KNOWN_AFTER) for day in self.ltv_labels]
        )
        merged: list[tuple[date, date]] = []
        for start, stop in ranges:
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged


def _matured(as_ofs: tuple[date, ...], nights: tuple[date, ...], known_after: timedelta) -> tuple[date, ...]:
    own = {day for day in as_ofs if day + known_after <= as_ofs[-1]}
    tonight = {night - known_after for night in nights}
    return tuple(sorted(day for day in own | tonight if day >= estate().training_start))
