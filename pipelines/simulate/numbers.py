"""What happens to numbers and SIMs: activations, ports, SIM swaps, and numbers given to strangers after quarantine."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.simulate.arrays import Columns, Ints, some
from pipelines.simulate.billing import PORT_OUT
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import OPERATORS, Lines
from pipelines.simulate.state import ENDED, State
from pipelines.simulate.words import ported_number

EVENTS = ("activation", "port_in", "port_out", "sim_swap", "reassignment")
ACTIVATION, PORT_IN, PORTED_OUT, SIM_SWAP, REASSIGNMENT = range(5)
NETWORKS = ("carrier-a", "carrier-b", "carrier-c")


@dataclass
class Quarantine:
    """Numbers of ended lines, resting; one queue per operator, oldest first."""

    freed: dict[int, list[tuple[int, Ints]]] = field(default_factory=lambda: {i: [] for i in range(len(OPERATORS))})

    def rest(self, operator: int, day: int, numbers: Ints) -> None:
        if len(numbers):
            self.freed[operator].append((day, numbers))

    def ready(self, operator: int, last_freed: int, wanted: int) -> Ints:
        """Take up to `wanted` numbers freed on `last_freed` or before."""
        taken: list[Ints] = []
        queue = self.freed[operator]
        while queue and queue[0][0] <= last_freed and wanted > 0:
            day, numbers = queue.pop(0)
            taken.append(numbers[:wanted])
            if len(numbers) > wanted:
                queue.insert(0, (day, numbers[wanted:]))
            wanted -= len(taken[-1])
        return np.concatenate(taken) if taken else np.empty(0, np.int64)


def activate(
    rng: np.random.Generator, lines: Lines, state: State, day: int, quarantine: Quarantine, parameters: Parameters,
) -> Columns:
    """Give today's new lines their numbers: their own brought along, one out of quarantine, or a fresh one."""
    rows = np.arange(int(np.searchsorted(lines.started >= day, True)), len(lines))
    draw = rng.random(len(rows))
    kind = np.where(draw < parameters.port_in, PORT_IN, ACTIVATION)
    state.number[rows[kind == PORT_IN]] = ported_number(rows[kind == PORT_IN])
    wishes = rows[(kind == ACTIVATION) & (rng.random(len(rows)) < parameters.reassigned)]
    for operator in range(len(OPERATORS)):
        mine = wishes[lines.operator[wishes] == operator]
        found = quarantine.ready(operator, day - parameters.quarantine_days, len(mine))
        mine = mine[:len(found)]
        state.number[mine] = found
        kind[np.isin(rows, mine)] = REASSIGNMENT
    return _events(rows, kind, state, rng)


def close(
    rng: np.random.Generator, lines: Lines, state: State, day: int, quarantine: Quarantine, parameters: Parameters,
) -> Columns:
    """SIM swaps and port-outs of the day; the numbers of other ended lines begin to rest."""
    swaps = some(rng, len(lines), parameters.sim_swap)
    swaps = swaps[(state.status[swaps] != ENDED) & (lines.started[swaps] < day)]
    state.swaps[swaps] += 1
    ended = np.flatnonzero(state.ended == day)
    is_port = state.reason[ended] == PORT_OUT
    for operator in range(len(OPERATORS)):
        mine = ended[~is_port & (lines.operator[ended] == operator)]
        quarantine.rest(operator, day, state.number[mine])
    ports = ended[is_port]
    rows = np.concatenate([ports, swaps])
    kind = np.repeat([PORTED_OUT, SIM_SWAP], [len(ports), len(swaps)])
    order = np.lexsort((kind, rows))
    return _events(rows[order], kind[order], state, rng)


def _events(rows: Ints, kind: Ints, state: State, rng: np.random.Generator) -> Columns:
    count = len(rows)
    return {
        "line": rows, "kind": kind, "number": state.number[rows], "swaps": state.swaps[rows],
        "network": rng.integers(0, len(NETWORKS), count), "second": rng.integers(6 * 3600, 20 * 3600, count),
    }
