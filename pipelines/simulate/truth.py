"""The simulator's truth as Parquet below settings().truth: for benchmarks and tests, never for the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.publish import write_json
from pipelines.settings import settings
from pipelines.simulate.arrays import Columns, Ints, coded
from pipelines.simulate.billing import END_REASONS
from pipelines.simulate.governance import CONTROL
from pipelines.simulate.hazard import HORIZON, PARTS, daily, expected, logit
from pipelines.simulate.life import House, active
from pipelines.simulate.margin import MONTH, MONTHS, expected_margin
from pipelines.simulate.population import OPERATORS
from pipelines.simulate.radio import REGIONS
from pipelines.simulate.state import NEVER
from pipelines.simulate.streams import stream
from pipelines.simulate.tariffs import UPGRADE_DAYS, expected_upgrade
from pipelines.simulate.words import subscription_ids

KINDS = (*END_REASONS, "silence")
YEAR_DAYS = int(MONTH * MONTHS)
SAMPLE = 50_000  # lines whose truth is kept per cut-off: the oracle looks 12 months ahead for each


@dataclass
class Truth:
    """Collects at the cut-offs and when their horizons are over."""

    house: House
    cutoffs: frozenset[int]
    sample: int | None = SAMPLE  # None keeps everyone
    taken: list[Columns] = field(default_factory=list)
    drawn: list[Columns] = field(default_factory=list)

    def before(self, day: int) -> None:
        """Call at the start of a day: what could be expected at this cut-off, and what older ones came to."""
        if day in self.cutoffs:
            self.taken.append(self._cutoff(day))
        for columns in self.taken:
            self._mature(columns, day)

    def after(self, day: int, events: dict[str, Columns]) -> None:
        """Call when a day is over: the campaign's arms, with the effect contact has or would have."""
        seen = events.get("campaigns")
        if seen is None or not len(seen["line"]):
            return
        house, line = self.house, seen["line"]
        lines, state = house.lines.take(line), house.state.take(line)
        own = seen["effect"] + lines.reaction
        state.contacted_on[:] = -NEVER  # the logit without this contact
        terms = logit(lines, state, day, house.parameters, house.climate(day, lines, state)).total + lines.frailty
        days = house.parameters.campaigns.lasts_days
        without, with_contact = (1 - (1 - daily(m).astype(float)) ** days for m in (terms, terms + own))
        self.drawn.append({
            "line": line, "campaign": seen["campaign"], "arm": seen["arm"], "day": np.full(len(line), day),
            "effect": own, "without": without, "with": with_contact,
        })

    def _cutoff(self, day: int) -> Columns:
        house = self.house
        count = house.present(day)
        rows = active(house.lines.head(count), house.state.head(count), day, house.parameters)
        rows = rows[house.arrivals[house.lines.operator[rows]] <= day]
        if self.sample is not None and len(rows) > self.sample:
            rows = np.sort(stream(house.seed, "truth", day).choice(rows, self.sample, replace=False))
        lines, state = house.lines.take(rows), house.state.take(rows)
        climate, p = house.climate(day, lines, state), house.parameters
        terms = logit(lines, state, day, p, climate)
        columns = {
            "line": rows, "day": np.full(len(rows), day), "region": lines.region, "hazard_then": state.hazard,
            "margin_then": state.margin, "realised": np.full(len(rows), np.nan, np.float32),
            "margin": np.full(len(rows), np.nan, np.float32), "frailty": lines.frailty,
            **{f"logit_{name}": np.broadcast_to(values, len(rows)).astype(np.float32)
               for name, values in vars(terms).items()},
            **{f"expected_{observer}": expected(lines, state, day, p, climate, observer) for observer in PARTS},
            "level_then": state.level, "is_upgraded": np.zeros(len(rows), bool),
            "expected_upgrade": expected_upgrade(lines, state, day, p),
            "expected_margin": expected_margin(lines, state, day, p, climate, house.economy),
        }
        return {name: values.astype(np.float32) if name[:3] in ("log", "exp") else values
                for name, values in columns.items()}

    def _mature(self, columns: Columns, day: int) -> None:
        rows, then = columns["line"], int(columns["day"][0]) if len(columns["day"]) else day
        state = self.house.state
        if day - then == HORIZON:
            columns["realised"][:] = 1 - np.exp(columns["hazard_then"] - state.hazard[rows])
        if day - then == UPGRADE_DAYS:
            has_moved = (state.dearer_on[rows] >= then) & (state.level[rows] > columns["level_then"])
            columns["is_upgraded"][:] = has_moved
        if day - then == YEAR_DAYS:
            discount = self.house.economy.daily_discount**then
            columns["margin"][:] = (state.margin[rows] - columns["margin_then"]) / discount

    def write(self, facts: dict[str, Any]) -> Path:
        """Write every file of the truth; `facts` go into planted.json beside the plants."""
        root = settings().truth
        root.mkdir(parents=True, exist_ok=True)
        for name, table in (("hazard", self._hazards()), ("ends", self._ends()), ("treatment", self._treatment())):
            pq.write_table(table, root / f"{name}.parquet", compression="zstd")
        start = np.datetime64(self.house.start, "D")
        planted = self.house.plants.planted(start, self.house.stop)
        write_json(root / "planted.json", {**facts, "planted": planted})
        return root

    def _who(self, line: Ints) -> dict[str, pa.Array]:
        lines = self.house.lines
        return {"operator": coded(OPERATORS, lines.operator[line]).dictionary_decode(),
                "subscription_id": subscription_ids(lines.ordinal[line])}

    def _date(self, day: Ints) -> pa.Array:
        return pa.array(np.datetime64(self.house.start, "D") + day)

    def _hazards(self) -> pa.Table:
        """One row per kept line and cut-off. What came is null until its time is over."""
        if not self.taken:
            return pa.table({"operator": pa.array([], pa.string())})
        seen = {name: np.concatenate([part[name] for part in self.taken]) for name in self.taken[0]}
        line, day = seen["line"], seen["day"]
        gone = self._churn_day()[line]
        return pa.table({
            **self._who(line), "as_of": self._date(day),
            "region": coded(REGIONS, seen["region"]).dictionary_decode(),
            **{name: pa.array(values) for name, values in seen.items() if name.startswith("logit_")},
            "frailty": pa.array(seen["frailty"]),
            **{f"expected_{name}_30d": pa.array(seen[f"expected_{name}"]) for name in PARTS},
            "hazard_30d": pa.array(seen["realised"], mask=np.isnan(seen["realised"])),
            "expected_margin_12m": pa.array(seen["expected_margin"] / 100),
            "margin_12m": pa.array(seen["margin"] / 100, mask=np.isnan(seen["margin"])),
            "expected_upgrade_60d": pa.array(seen["expected_upgrade"]),
            "is_upgraded": pa.array(seen["is_upgraded"], mask=day + UPGRADE_DAYS > self.house.stop),
            "is_churned": pa.array((gone >= day) & (gone < day + HORIZON), mask=day + HORIZON > self.house.stop),
        })

    def _churn_day(self) -> Ints:
        return np.minimum(self.house.state.silent_on, self.house.state.ended)

    def _ends(self) -> pa.Table:
        """Churn as the house defines it: one row per line that churned, with the day and the kind."""
        state = self.house.state
        on = self._churn_day()
        line = np.flatnonzero((on < NEVER) & (on >= self.house.arrivals[self.house.lines.operator]))
        kind = np.where(state.silent_on[line] < state.ended[line], len(END_REASONS), state.reason[line])
        return pa.table({**self._who(line), "churned_on": self._date(on[line]),
                         "churn_kind": coded(KINDS, kind).dictionary_decode()})

    def _treatment(self) -> pa.Table:
        """One row per line drawn for a campaign, both arms: what contact does, or would have done."""
        names = ("line", "campaign", "arm", "day", "effect", "without", "with")
        seen = {name: np.concatenate([np.empty(0, np.int64), *(part[name] for part in self.drawn)]) for name in names}
        return pa.table({
            **self._who(seen["line"].astype(np.int64)),
            "campaign_id": pa.array([f"retention_{number + 1:03d}" for number in seen["campaign"].astype(int).tolist()],
                                    pa.string()),
            "assigned_on": self._date(seen["day"].astype(np.int64)), "is_contacted": pa.array(seen["arm"] != CONTROL),
            "effect_log_odds": pa.array(seen["effect"].astype(np.float64)),
            "churn_60d_without": pa.array(seen["without"].astype(np.float64)),
            "churn_60d_with": pa.array(seen["with"].astype(np.float64)),
        })


def cutoffs(days: int, stop: int, step: int = 7, first: int = 90) -> frozenset[int]:
    """Weekly from day 90 (the longest window of a feature), and every night after history."""
    return frozenset(range(first, days, step)) | frozenset(range(days, stop + 1))


