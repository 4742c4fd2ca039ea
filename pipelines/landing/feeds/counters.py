"""Performance counters of four RAN vendors: one feed each, in the vendor's own names, units and granularity.

The names are in the vendors' style and the meanings nominal: measurements of 3GPP TS 32.425 (LTE) and TS 28.552 (NR).
What each counter is in canonical terms stands beside it; a counter without a line here is rejected at the door.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.landing.shapes import TS, Column, D, Feed, Form, Kind, S

SOURCE = "pm"


@dataclass(frozen=True)
class Counter:
    """A vendor's counter. canonical value = value * factor, in the unit of its measurement (see MEASUREMENTS)."""

    name: str
    measurement: str
    unit: str
    factor: float = 1.0


@dataclass(frozen=True)
class Vendor:
    name: str
    granularity_minutes: int
    form: Form
    cell: str  # the vendor's word for the cell
    start: str  # the vendor's word for the start of the period
    counters: tuple[Counter, ...]


# measurement -> (unit, how it adds up over periods, source)
MEASUREMENTS: dict[str, tuple[str, str, str]] = {
    "rrc_attempts": ("count", "sum", "RRC.ConnEstabAtt, TS 32.425 4.1.1.1, TS 28.552 5.1.1.15.1"),
    "rrc_successes": ("count", "sum", "RRC.ConnEstabSucc, TS 32.425 4.1.1.2, TS 28.552 5.1.1.15.2"),
    "bearer_attempts": ("count", "sum", "ERAB.EstabInitAttNbr, TS 32.425 4.2.1.1, TS 28.552 5.1.1.13.3"),
    "bearer_successes": ("count", "sum", "ERAB.EstabInitSuccNbr, TS 32.425 4.2.1.2"),
    "bearer_releases": ("count", "sum", "ERAB.RelEnbNbr, TS 32.425 4.2.2.1, all causes"),
    "bearer_abnormal_releases": ("count", "sum", "ERAB.RelActNbr, TS 32.425 4.2.2.6: releases with data to send"),
    "dl_volume_kbit": ("kbit", "sum", "DRB.PdcpSduVolumeDL, TS 28.552 5.1.2.1.1.1"),
    "dl_active_ms": ("ms", "sum", "time with data in the buffer, denominator of DRB.IPThpDl, TS 32.425 4.4.6.1"),
    "dl_delay_ms_sum": ("ms", "sum", "numerator of DRB.PdcpSduDelayDl, TS 32.425 4.4.5.1"),
    "dl_delay_packets": ("count", "sum", "denominator of DRB.PdcpSduDelayDl"),
    "unavailable_s": ("s", "sum", "RRU.CellUnavailableTime, TS 32.425 4.5.6"),
    "prb_used": ("PRB", "sum", "numerator of RRU.PrbTotDl, TS 32.425 4.5.3, TS 28.552 5.1.1.2.1"),
    "prb_available": ("PRB", "sum", "denominator of RRU.PrbTotDl"),
}

VENDORS: tuple[Vendor, ...] = (
    Vendor("ericsson", 15, Form.PARQUET, "EUtranCellId", "ropStart", (
        Counter("pmRrcConnEstabAtt", "rrc_attempts", "count"),
        Counter("pmRrcConnEstabSucc", "rrc_successes", "count"),
        Counter("pmErabEstabAttInit", "bearer_attempts", "count"),
        Counter("pmErabEstabSuccInit", "bearer_successes", "count"),
        Counter("pmErabRelAll", "bearer_releases", "count"),
        Counter("pmErabRelAbnormalEnbAct", "bearer_abnormal_releases", "count"),
        Counter("pmPdcpVolDlDrb", "dl_volume_kbit", "kbit"),
        Counter("pmUeThpTimeDl", "dl_active_ms", "ms"),
        Counter("pmPdcpLatTimeDl", "dl_delay_ms_sum", "ms"),
        Counter("pmPdcpLatPktTransDl", "dl_delay_packets", "count"),
        Counter("pmCellDowntimeAuto", "unavailable_s", "s"),
        Counter("pmPrbUsedDlSum", "prb_used", "PRB"),
        Counter("pmPrbAvailDlSum", "prb_available", "PRB"),
    )),
    Vendor("nokia", 60, Form.CSV, "LNCEL_ID", "PERIOD_START_TIME", (
        Counter("SIGN_CONN_ESTAB_ATT", "rrc_attempts", "count"),
        Counter("SIGN_CONN_ESTAB_COMP", "rrc_successes", "count"),
        Counter("EPS_BEARER_SETUP_ATTEMPTS", "bearer_attempts", "count"),
        Counter("EPS_BEARER_SETUP_COMPLETIONS", "bearer_successes", "count"),
        Counter("ERAB_REL_TOTAL", "bearer_releases", "count"),
        Counter("ERAB_REL_ABNORMAL_ACT", "bearer_abnormal_releases", "count"),
        Counter("PDCP_SDU_VOL_DL", "dl_volume_kbit", "kB (1000 bytes)", 8.0),
        Counter("ACTIVE_TTI_DL", "dl_active_ms", "TTI (1 ms)"),
        Counter("PDCP_SDU_DELAY_DL_SUM", "dl_delay_ms_sum", "us", 0.001),
        Counter("PDCP_SDU_DELAY_DL_NUM", "dl_delay_packets", "count"),
        Counter("CELL_UNAVAIL_SAMPLES", "unavailable_s", "samples of 10 s", 10.0),
        Counter("PRB_USED_PDSCH", "prb_used", "PRB"),
        Counter("PRB_AVAIL_PDSCH", "prb_available", "PRB"),
    )),
    Vendor("huawei", 30, Form.CSV, "Cell ID", "Result Time", (
        Counter("L.RRC.ConnReq.Att", "rrc_attempts", "count"),
        Counter("L.RRC.ConnReq.Succ", "rrc_successes", "count"),
        Counter("L.E-RAB.AttEst", "bearer_attempts", "count"),
        Counter("L.E-RAB.SuccEst", "bearer_successes", "count"),
        Counter("L.E-RAB.Rel.All", "bearer_releases", "count"),
        Counter("L.E-RAB.AbnormRel", "bearer_abnormal_releases", "count"),
        Counter("L.Thrp.bits.DL", "dl_volume_kbit", "bit", 0.001),
        Counter("L.Thrp.Time.DL", "dl_active_ms", "ms"),
        Counter("L.Traffic.DL.PktDelay.Time", "dl_delay_ms_sum", "ms"),
        Counter("L.Traffic.DL.PktDelay.Num", "dl_delay_packets", "count"),
        Counter("L.Cell.Unavail.Dur.Sys", "unavailable_s", "s"),
        Counter("L.ChMeas.PRB.DL.Used", "prb_used", "PRB"),
        Counter("L.ChMeas.PRB.DL.Avail", "prb_available", "PRB"),
    )),
    Vendor("samsung", 15, Form.PARQUET, "cell_num", "period_begin", (
        Counter("ConnEstabAtt", "rrc_attempts", "count"),
        Counter("ConnEstabSucc", "rrc_successes", "count"),
        Counter("ErabInitEstabAtt", "bearer_attempts", "count"),
        Counter("ErabInitEstabSucc", "bearer_successes", "count"),
        Counter("ErabRelease", "bearer_releases", "count"),
        Counter("ErabReleaseActAbnormal", "bearer_abnormal_releases", "count"),
        Counter("AirMacDlMByte", "dl_volume_kbit", "MB (10^6 bytes)", 8000.0),
        Counter("DlActiveTime", "dl_active_ms", "s", 1000.0),
        Counter("PdcpDelayDlTot", "dl_delay_ms_sum", "us", 0.001),
        Counter("PdcpDelayDlCnt", "dl_delay_packets", "count"),
        Counter("CellUnavailableTime", "unavailable_s", "min", 60.0),
        Counter("TotPrbDl", "prb_used", "PRB"),
        Counter("AvailPrbDl", "prb_available", "PRB"),
    )),
)

FEEDS: tuple[Feed, ...] = tuple(
    Feed(
        SOURCE, vendor.name, Kind.EVENT, vendor.form, (vendor.cell, vendor.start), vendor.start, is_strict=True,
        columns=(
            Column(vendor.cell, S, "cell, as network.cells names it"),
            Column(vendor.start, TS, f"start of a period of {vendor.granularity_minutes} minutes, UTC"),
            *(
                Column(counter.name, D, f"{counter.measurement}, in {counter.unit}; empty where not measured",
                       nullable=True)
                for counter in vendor.counters
            ),
        ),
    )
    for vendor in VENDORS
)
