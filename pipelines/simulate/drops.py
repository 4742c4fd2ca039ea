"""A run's drops, made and written in a thread beside the simulation: NumPy, Arrow and zstd give up the interpreter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from queue import Queue
from threading import Thread
from types import TracebackType

import numpy as np
import pyarrow as pa

from pipelines.clock import DAY
from pipelines.importers.drops import OpenDrop, write_drop
from pipelines.landing.contract import BY_ID
from pipelines.simulate.feeds import MAKERS, SNAPSHOTS, bravo, network
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.life import Today

AHEAD = 2  # days the simulation may be ahead of the files: each holds about 150 MB at 1M lines


@dataclass(frozen=True)
class Packing:
    """Which days go into the dump: [0, dump_days), 0 without one; every later day is its own drop."""

    dump_days: int


class Writer:
    """Takes days in order; as a context manager it waits for the last one and passes errors on."""

    def __init__(self, context: Context, packing: Packing) -> None:
        self.context, self.packing = context, packing
        self.rows: Counter[str] = Counter()
        self._dumps: dict[str, OpenDrop] = {}
        self._queue: Queue[Today | None] = Queue(maxsize=AHEAD)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="drops", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def write(self, today: Today) -> None:
        """Hand over one day; blocks while the files are AHEAD days behind."""
        if self._error is not None:
            raise self._error
        self._queue.put(today)

    def _work(self) -> None:
        while (today := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._day(today)
                except BaseException as error:
                    self._error = error

    def _day(self, today: Today) -> None:
        day, context = today.day, self.context
        dt = context.start + day * DAY
        for feed_id, make in MAKERS.items():
            if day >= self.packing.dump_days:
                self.rows[feed_id] += write_drop(BY_ID[feed_id], dt, self._made(feed_id, make(context, today), day))
            elif feed_id not in SNAPSHOTS:
                self._dump(feed_id).add(self._made(feed_id, make(context, today), day))
        if day == self.packing.dump_days - 1:
            for feed_id, table in self._standing(day).items():
                self._dump(feed_id).add(table)
            for feed_id, drop in self._dumps.items():
                self.rows[feed_id] += drop.close()

    def _made(self, feed_id: str, table: pa.Table, day: int) -> pa.Table:
        return self.context.plants.broken(feed_id, day, table)

    def _dump(self, feed_id: str) -> OpenDrop:
        if feed_id not in self._dumps:
            last: date = self.context.start + (self.packing.dump_days - 1) * DAY
            self._dumps[feed_id] = OpenDrop(BY_ID[feed_id], last, day_zero=True)
        return self._dumps[feed_id]

    def _standing(self, day: int) -> dict[str, pa.Table]:
        """Snapshots in a dump: each row once, as it stands on the last day, dated by the day since when it stands."""
        context = self.context
        since = context.plants.vendor_since(context.cells, day)
        return {
            "network.cells": network.cell_list(context, day, since),
            "billing_bravo.plans": bravo.price_list(context, np.datetime64(context.start, "D")),
        }
