"""Days of cells out of the four vendors' counters, as the landing contract names them and gives their units.

Read from the dropped files without the house's own code. A counter becomes whole thousandths of the canonical unit, so
that sums are exact; a part and its whole are summed over the periods in which the vendor measured both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from features_landed import Drops

CellDay = tuple[str, date]

# measure -> (counter, units of the canonical measure in one of the counter): kbit, ms, packets, s
VENDORS: dict[str, tuple[str, str, int, dict[str, tuple[str, float]]]] = {
    "ericsson": ("EUtranCellId", "ropStart", 15, {
        "releases": ("pmErabRelAll", 1), "lost": ("pmErabRelAbnormalEnbAct", 1), "volume": ("pmPdcpVolDlDrb", 1),
        "active": ("pmUeThpTimeDl", 1), "delay": ("pmPdcpLatTimeDl", 1), "packets": ("pmPdcpLatPktTransDl", 1),
        "gone": ("pmCellDowntimeAuto", 1)}),
    "nokia": ("LNCEL_ID", "PERIOD_START_TIME", 60, {
        "releases": ("ERAB_REL_TOTAL", 1), "lost": ("ERAB_REL_ABNORMAL_ACT", 1), "volume": ("PDCP_SDU_VOL_DL", 8),
        "active": ("ACTIVE_TTI_DL", 1), "delay": ("PDCP_SDU_DELAY_DL_SUM", 0.001),
        "packets": ("PDCP_SDU_DELAY_DL_NUM", 1), "gone": ("CELL_UNAVAIL_SAMPLES", 10)}),
    "huawei": ("Cell ID", "Result Time", 30, {
        "releases": ("L.E-RAB.Rel.All", 1), "lost": ("L.E-RAB.AbnormRel", 1), "volume": ("L.Thrp.bits.DL", 0.001),
        "active": ("L.Thrp.Time.DL", 1), "delay": ("L.Traffic.DL.PktDelay.Time", 1),
        "packets": ("L.Traffic.DL.PktDelay.Num", 1), "gone": ("L.Cell.Unavail.Dur.Sys", 1)}),
    "samsung": ("cell_num", "period_begin", 15, {
        "releases": ("ErabRelease", 1), "lost": ("ErabReleaseActAbnormal", 1), "volume": ("AirMacDlMByte", 8000),
        "active": ("DlActiveTime", 1000), "delay": ("PdcpDelayDlTot", 0.001), "packets": ("PdcpDelayDlCnt", 1),
        "gone": ("CellUnavailableTime", 60)}),
}
PAIRS = (("lost", "releases"), ("volume", "active"), ("delay", "packets"))


class Sums(NamedTuple):
    """What one file tells of a cell's day, in thousandths; `observed` are the seconds of the periods with `gone`."""

    known_on: date
    lost: int
    releases: int
    volume: int
    active: int
    delay: int
    packets: int
    gone: int
    observed: int


def read_cells(drops: Drops, wanted: set[CellDay]) -> dict[CellDay, list[Sums]]:
    """The sums of each wanted cell and UTC day, one entry per vendor's file that speaks of it."""
    cells = pa.array(sorted({cell for cell, _ in wanted}), pa.string())
    told: dict[CellDay, list[Sums]] = defaultdict(list)
    for vendor, (cell, start, minutes, counters) in VENDORS.items():
        names = [cell, start, *(counter for counter, _ in counters.values())]
        for path, known in drops.files(f"pm.{vendor}"):
            added: dict[CellDay, list[int]] = {}
            for table in _tables(path, names):
                mine = table.filter(pc.is_in(table[cell].cast(pa.string()), cells))
                for key, sums in _summed(mine, cell, start, minutes, counters):
                    if key in wanted:
                        added[key] = [a + b for a, b in zip(added.get(key, [0] * 8), sums, strict=True)]
            for key, sums in added.items():
                told[key].append(Sums(known(key[1]), *sums))
    return told


def _tables(path: Path, names: list[str]) -> Iterator[pa.Table]:
    """The columns of a counter file, part by part."""
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches(batch_size=500_000, columns=names):
            yield pa.Table.from_batches([batch])
        return
    kinds = {name: pa.float64() for name in names[2:]} | {names[0]: pa.string(), names[1]: pa.string()}
    with pacsv.open_csv(
        path, read_options=pacsv.ReadOptions(block_size=1 << 26), parse_options=pacsv.ParseOptions(delimiter=";"),
        convert_options=pacsv.ConvertOptions(column_types=kinds, include_columns=names, strings_can_be_null=False),
    ) as batches:
        for batch in batches:
            yield pa.Table.from_batches([batch])


def _summed(
    table: pa.Table, cell: str, start: str, minutes: int, counters: dict[str, tuple[str, float]],
) -> Iterator[tuple[CellDay, list[int]]]:
    """The cells' days of one part of a file with their sums, in the order of Sums after known_on."""
    if not table.num_rows:
        return
    coded = table[cell].combine_chunks().cast(pa.string()).dictionary_encode()
    days = _days(table[start])
    first = int(days.min())
    width = int(days.max()) - first + 1
    group = coded.indices.to_numpy().astype(np.int64) * width + days - first
    groups, place = np.unique(group, return_inverse=True)
    value = {name: np.rint(table[counter].to_numpy().astype(float) * factor * 1000)
             for name, (counter, factor) in counters.items()}
    columns = []
    for part, whole in PAIRS:
        both = np.isfinite(value[part]) & np.isfinite(value[whole])
        columns += [np.bincount(place, np.where(both, value[name], 0)) for name in (part, whole)]
    seen = np.isfinite(value["gone"])
    columns += [np.bincount(place, np.where(seen, value["gone"], 0)), np.bincount(place, seen * 60_000.0 * minutes)]
    names = coded.dictionary.to_pylist()
    for number, sums in zip(groups, np.stack(columns, axis=1), strict=True):
        day = date.fromordinal(719_163 + first + int(number % width))
        yield (names[number // width], day), [int(one) for one in sums]


def _days(starts: pa.ChunkedArray) -> Any:
    """Days since 1970 of the starts of periods, UTC."""
    if pa.types.is_string(starts.type):
        starts = pc.strptime(pc.utf8_rtrim(starts, "Z"), format="%Y-%m-%dT%H:%M:%S", unit="s")
    return starts.to_numpy().astype("datetime64[D]").astype(np.int64)
