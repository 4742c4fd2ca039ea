"""Bounds of the checks, each with its reason; a suite never holds a bare number."""

from __future__ import annotations

# One bad row in a hundred is a slip of the sender; more is a broken extract, and what was not checked is then bad too.
MAX_BAD_SHARE = 0.01

# A drop beyond this is not one operator's day (or its whole history) but a runaway query.
MAX_ROWS = 200_000_000

# What a file may be. A day of a million subscribers is some 100 MB; a dump of years some tens of GB.
MAX_FILE_BYTES = 256 * 2**30
MAX_COLUMNS = 1_000  # the widest feed of the contract has 22; a million columns exhaust the reader, not the disk
MAX_LINE_BYTES = 2**20  # one row as text; free text is the longest thing in it
MAX_TEXT = 100_000  # characters of one value
MAX_FOOTER_BYTES = 16 * 2**20  # Parquet metadata, read whole before anything can be checked
# Of one column in one row group: a single page may be all of it, and a page is unpacked whole. A million texts of 500
# bytes; a sender with more writes smaller row groups.
MAX_CHUNK_BYTES = 512 * 2**20
# Parquet of repeated values reaches 1:200 on our feeds; beyond this it is made to exhaust memory.
MAX_EXPANSION = 2_000

DAY_SECONDS = 86_400
DAY_MINUTES = 1_440

# --- money -----------------------------------------------------------------------------------------------------------
# In units of the house currency; a suite multiplies them by what one such unit is worth in the operator's currency,
# so that a bill of 400,000 VND is not beyond any tariff.

# 100,000 a month: no tariff comes near; beyond it an amount was sent in the wrong unit.
MAX_PRICE = 100_000

# Ten million on one document: the same.
MAX_AMOUNT = 10_000_000

MINOR_UNITS = 100  # minor units in a major one, at most: what is coarser (yen) has the wider bound, never the narrower

# --- lines and customers ---------------------------------------------------------------------------------------------
# A household is a flat or a house; beyond it is a customer number in the wrong column.
MAX_HOUSEHOLD = 30

# Ten years; nobody is bound so long (24 months at most for consumers in the EU: Directive 2018/1972, article 105).
MAX_TERM_MONTHS = 120

# --- use of the network ----------------------------------------------------------------------------------------------
# 2 TB a day: 200 Mbit/s without a pause, more than a subscriber's line carries over 24 hours.
MAX_DATA_KB = 2_147_483_648

# One a second for a day is a machine, and A2P traffic does not belong to a subscriber.
MAX_SMS = DAY_SECONDS
MAX_CALLS = DAY_SECONDS

# Shares are rounded by the sender: three of them to two places may add up to 1.015.
MAX_SHARE_SUM = 1.02

# --- performance counters, per second of a period --------------------------------------------------------------------
# A cell sets up some hundred connections a second at a stadium's worst; a thousand is a counter that was not reset.
MAX_SETUPS_PER_SECOND = 1_000

# 10 Gbit/s: above the peak of an NR carrier of 100 MHz with its layers (TS 38.306 4.1.2), so of any cell.
MAX_CELL_KBIT_PER_SECOND = 10_000_000

# At most so many users of a cell have data waiting at once: ten times what schedulers serve.
MAX_ACTIVE_USERS = 1_000

# 10 Gbit/s in packets of 100 bytes; real ones are longer.
MAX_PACKETS_PER_SECOND = 12_500_000

# Mean delay of a packet. The longest finite discardTimer of PDCP is 1.5 s (TS 36.331 6.3.2), so a mean above 10 s is
# microseconds taken for milliseconds: 20 ms would be 20,000.
MAX_MEAN_DELAY_MS = 10_000

# Volume by time with data waiting; kilobytes taken for megabytes turn 20 Mbit/s into 20,000.
MAX_MEAN_RATE_MBIT = 10_000

# 275 resource blocks a carrier (TS 38.104 5.3.2), five carriers, every slot of an eighth of a millisecond.
MAX_PRB_PER_SECOND = 275 * 5 * 8_000

# Used and available blocks are sampled apart; two in a hundred is the jitter of sampling, more is a swapped counter.
PRB_JITTER = 1.02

# Half of the periods missing is a broken collector and its means would be of chosen hours; a tenth is the usual loss.
MIN_PERIODS_REJECT = 0.5
MIN_PERIODS_WARN = 0.9

# --- volume against history (rows of the drop / median of the feed's last eight accepted drops) -----------------------
# Weekends, bill runs and campaigns move a feed within half and double; beyond is worth a look.
VOLUME_WARN = (0.5, 2.0)

# A tenth is a file that lost its parts, tenfold a file that was joined wrong or holds a history.
VOLUME_REJECT = (0.1, 10.0)

# Bills go out on 28 days of the month: on the 29th to 31st a whole house of 20,000 sent .097 of the usual.
MONTHLY = ("billing_alpha.invoices", "billing_alpha.payments", "billing_bravo.bills", "billing_bravo.payments")
VOLUME_REJECT_MONTHLY = (0.02, 10.0)

# --- freshness, in days before the day of the drop -------------------------------------------------------------------
# What closes at midnight in one zone is the day before in another; one day is therefore still of the drop's day.
FRESH_DAYS = 1

# A week: a drop in which everything is older was produced from a stopped source or is an old file under a new name.
STALE_DAYS = 7

# Feeds that speak of every cell or line every day: the newest row is of the day itself, or the file is another day's.
EVERY_DAY = ("network.usage_daily", "pm.ericsson", "pm.nokia", "pm.huawei", "pm.samsung")

# Feeds of few rows, where one late row can be the whole drop, and a refused one (a withdrawal, a request to be
# forgotten) would do harm: age is flagged and never refused.
RARE = (
    "network.number_events", "care.complaints", "governance.consents", "governance.erasure_requests",
    "governance.campaigns",
)

# An event older than this outside a day-zero dump: longer than a year's correction, so a history sent unannounced.
OLD_EVENT_DAYS = 400

# --- completeness: shares of rows in which a column that may be empty is not -----------------------------------------
# shape -> column -> (share, what is lost below it)
FILLED: dict[str, dict[str, tuple[float, str]]] = {
    "network.usage_daily": {
        "cell_1_id": (0.5, "lines without their most used cell have no quality of experience"),
    },
    "network.number_events": {
        "imsi": (0.5, "events without an IMSI cannot follow a SIM"),
    },
}

# Counters that every quality figure needs; a cell that is down reports none, which is the exception.
MIN_FILLED_COUNTER = 0.8
FILLED_COUNTERS = ("rrc_attempts", "bearer_attempts", "dl_volume_kbit", "prb_used", "unavailable_s")
