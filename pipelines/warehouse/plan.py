"""Which features and which matured labels a build makes, decided by dates alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines import models
from pipelines.estate import LONGEST_WINDOW, estate
from pipelines.models.spec import Label


@dataclass(frozen=True)
class Plan:
    """Sorted days without repeats. Labels never outrun the newest as_of: what matures later is not yet known."""

    as_ofs: tuple[date, ...]
    labels: Mapping[Label, tuple[date, ...]]  # the cut-offs of every label of a spec

    @classmethod
    def of(cls, as_ofs: Iterable[date], *, nights: Iterable[date] | None = None) -> Plan:
        """The labels of the as_ofs themselves where they mature by the newest, and those that mature on a night.

        `nights` (by default every as_of): a build of several publishes what each of them alone would. A bootstrap of
        training cut-offs names its last alone, for the cut-offs would bring labels of days without features.
        """
        wanted = tuple(sorted(set(as_ofs)))
        told = wanted if nights is None else tuple(nights)
        return cls(wanted, {label: _matured(wanted, told, label.known_after) for label in models.labels()})

    def parts(self, most: int) -> Iterator[Plan]:
        """The same work in builds of at most `most` as_ofs, oldest first; a label goes with the first build that may
        know it. What is published does not depend on the division."""
        before = date.min
        for place in range(0, len(self.as_ofs), most):
            as_ofs = self.as_ofs[place:place + most]
            yield Plan(as_ofs, {
                label: tuple(day for day in days if before < day + label.known_after <= as_ofs[-1])
                for label, days in self.labels.items()
            })
            before = as_ofs[-1]

    def windows(self) -> list[tuple[date, date]]:
        """The half-open ranges of drop days the build reads, merged and sorted."""
        ranges = sorted(
            [(day - LONGEST_WINDOW, day) for day in self.as_ofs]
            + [(day - timedelta(days=label.lookback_days), day + label.known_after)
               for label, days in self.labels.items() for day in days]
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
