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
# Parquet of repeated values reaches 1:200 on our feeds; beyond this it is made to exhaust memory.
MAX_EXPANSION = 2_000

DAY_SECONDS = 86_400

# 2 TB a day: 200 Mbit/s without a pause, more than a subscriber's line carries over 24 hours.
MAX_DATA_KB = 2_147_483_648

# One a second for a day is a machine, and A2P traffic does not belong to a subscriber.
MAX_SMS = DAY_SECONDS
MAX_CALLS = DAY_SECONDS

# 100,000 in the operator's currency a month: no tariff comes near; beyond it an amount was sent in the wrong unit.
MAX_PRICE_CENTS = 10_000_000

# Ten million in the operator's currency on one document: the same.
MAX_AMOUNT_CENTS = 1_000_000_000
