"""One day at the care desk: problems arise out of radio, bills and life; unresolved ones come back as contacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.arrays import Bools, Floats, Ints, some, uniform
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import Lines
from pipelines.simulate.state import BILLING, CARE_DAYS, ENDED, NETWORK, NEVER, NONE, OTHER, State, elapsed

TOPICS = ("other", "network", "billing", "contract", "device")  # by problem code, then small talk
CHANNELS = ("call", "chat", "ticket")
SETTLED, REJECTED = 1, 2


@dataclass(frozen=True)
class CareDay:
    """Contacts of one day, in line order; seconds are counted from midnight UTC."""

    line: Ints
    topic: Ints  # index into TOPICS
    channel: Ints  # index into CHANNELS
    second: Ints
    is_resolved: Bools
    is_complaint: Bools
    wait_seconds: Ints
    text: Ints  # a draw that picks the free text


def contact(
    rng: np.random.Generator, lines: Lines, state: State, day: int, weekday: int, bad: Floats, failed_today: Ints,
    parameters: Parameters, season: float = 1.0,
) -> CareDay:
    """Draw the day's contacts and carry them into the states. `season` multiplies contacts without a problem."""
    n = len(lines)
    served = (state.status != ENDED) & ~state.gone_silent & (lines.started <= day)
    _new_problems(rng, state, day, bad, failed_today, served, parameters)
    due = np.flatnonzero((state.contact_on <= day) & served & (state.problem != NONE))
    chat = some(rng, n, parameters.small_talk * season)
    chat = np.setdiff1d(chat[served[chat]], due, assume_unique=True)
    row = np.concatenate([due, chat])
    is_due = np.arange(len(row)) < len(due)
    order = np.argsort(row, kind="stable")
    row, is_due, count = row[order], is_due[order], len(row)
    topic = np.where(is_due, np.where(state.problem[row] == OTHER, 0, state.problem[row]), rng.integers(3, 5, count))
    resolved = uniform(rng, count) < np.where(is_due, parameters.solved, 0.95)
    insists = np.where(is_due, 0.12 + 0.2 * np.minimum(state.unresolved[row], 2), 0.02)
    complains = ~resolved & (uniform(rng, count) < insists)
    wait = rng.gamma(1.5, 90 + 60 * (weekday == 0), count).astype(np.int64)
    channel = np.searchsorted(np.array([0.55, 0.85]), rng.random(count))
    second, text = rng.integers(7 * 3600, 19 * 3600, count), rng.integers(0, 1 << 30, count)
    again = day + rng.integers(4, 15, count)

    state.unresolved[:] = elapsed(state.unresolved, 1, CARE_DAYS)
    state.complaints[:] = elapsed(state.complaints, 1, CARE_DAYS)
    state.unresolved[row[is_due & ~resolved]] += 1
    state.complaints[row[complains]] += 1
    state.contact_on[row[is_due]] = np.where(resolved, NEVER, again)[is_due]
    state.problem[row[is_due & resolved]] = NONE
    return CareDay(row, topic, channel, second, resolved, complains, wait, text)


def _new_problems(
    rng: np.random.Generator, state: State, day: int, bad: Floats, failed_today: Ints, served: Bools,
    parameters: Parameters,
) -> None:
    n = len(served)
    radio = np.flatnonzero(uniform(rng, n) < np.float32(parameters.problem_radio) * bad)
    dear = np.flatnonzero(day - state.rise_on < 10)
    bills = np.concatenate([
        failed_today[uniform(rng, len(failed_today)) < parameters.problem_failed],
        dear[uniform(rng, len(dear)) < parameters.problem_rise],
    ])
    for rows, kind in ((radio, NETWORK), (bills, BILLING), (some(rng, n, parameters.problem), OTHER)):
        new = np.unique(rows[served[rows] & (state.problem[rows] == NONE)])
        state.problem[new] = kind
        state.contact_on[new] = day + rng.integers(0, 4, len(new))


class Complaints:
    """Open complaints, by the day on which they will be settled or rejected."""

    def __init__(self) -> None:
        self._due: dict[int, list[dict[str, Ints]]] = {}

    def opened(self, rng: np.random.Generator, seen: CareDay, day: int) -> dict[str, Ints]:
        """Complaints that begin with today's contacts."""
        which = seen.is_complaint
        columns = {
            "line": seen.line[which], "opened": np.full(int(which.sum()), day), "topic": seen.topic[which],
            "text": seen.text[which], "second": seen.second[which],
        }
        closes = day + rng.integers(4, 25, len(columns["line"]))
        for when in np.unique(closes):
            part = {name: values[closes == when] for name, values in columns.items()}
            self._due.setdefault(int(when), []).append(part)
        return {**columns, "status": np.zeros(len(columns["line"]), dtype=np.int8)}

    def closed(self, rng: np.random.Generator, day: int) -> dict[str, Ints]:
        """Complaints that are settled or rejected today."""
        parts = self._due.pop(day, [])
        names = ("line", "opened", "topic", "text", "second")
        columns = {name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0, np.int64)
                   for name in names}
        order = np.lexsort((columns["opened"], columns["line"]))
        columns = {name: values[order] for name, values in columns.items()}
        count = len(order)
        columns["second"] = rng.integers(8 * 3600, 17 * 3600, count)
        return {**columns, "status": np.where(rng.random(count) < 0.75, SETTLED, REJECTED)}
