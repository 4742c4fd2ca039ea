"""One number of one night: what every watcher returns, triage reads and the history keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What a number speaks of. Triage reads families in this order: a broken feed explains everything after it."""

    QUALITY = "quality"          # the feeds of the night: what the door saw, counts against their history
    INPUT = "input"              # one feature column, then and now: PSI, Wasserstein, missing share, new categories
    CONTINUITY = "continuity"    # one column per subscriber, last published night and tonight: a wrong join breaks it
    ASSOCIATION = "association"  # two columns, then and now: shuffled between people, every margin stays
    PEERS = "peers"              # a cohort of a vendor, region or plan against the others
    CLASSIFIER = "classifier"    # how well then and now can be told apart at all
    SCORE = "score"              # the scores themselves
    PERFORMANCE = "performance"  # calibration and ranking on matured labels: the delayed truth
    ESTIMATE = "estimate"        # performance without labels, until they mature


class Status(StrEnum):
    OK = "ok"
    ALARM = "alarm"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Measure:
    """A number, oriented so that more is worse, and the bound from which on it is an alarm.

    `subject` is the column, pair of columns, cohort (`region=north`), feed or metric. Without a bound it is kept and
    shown and decides nothing. A value of None, or not finite, is unknown: never a pass. `detail` says why, or adds
    what a person needs (`0 % missing in training, 31 % tonight`).
    """

    family: Family
    name: str
    subject: str
    value: float | None
    bound: float | None = None
    detail: str = ""

    @property
    def status(self) -> Status:
        if self.value is None or not math.isfinite(self.value):
            return Status.UNKNOWN
        return Status.ALARM if self.bound is not None and self.value >= self.bound else Status.OK
