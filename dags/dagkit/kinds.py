"""The kinds of work a task may be: whose it is, how long a try may take, which goes first when slots are short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Kind:
    """`priority` is absolute: a night's scores before its monitoring, and both before what has no hour to be ready by.

    `timeout` is of one try; time spent waiting for a file (rescheduled) does not count. It is several times what
    a million subscribers took on two cores, so it ends what hangs and nothing that is merely slow. `by_the_hour`: part
    of the chain that must have the scores ready at the estate's `scores_by`.
    """

    owner: str
    timeout: timedelta
    priority: int
    by_the_hour: bool = False


LANDING = Kind("data engineers", timedelta(hours=2), 100, by_the_hour=True)
WAREHOUSE = Kind("data engineers", timedelta(hours=3), 90, by_the_hour=True)
FEATURES = Kind("data engineers", timedelta(hours=2), 80, by_the_hour=True)
SCORING = Kind("ML engineers", timedelta(hours=2), 70, by_the_hour=True)
PRIVACY = Kind("privacy officers", timedelta(hours=6), 60)
PROMOTION = Kind("ML engineers", timedelta(hours=1), 40)
MONITORING = Kind("ML engineers", timedelta(hours=2), 30)
TRAINING = Kind("ML engineers", timedelta(hours=6), 20)
HISTORY = Kind("data engineers", timedelta(hours=24), 10)
