"""The landing contract as data: every feed's columns, types, identifiers and form. The docs table is made from it."""

from __future__ import annotations

from pipelines.landing.feeds import billing_alpha, billing_bravo, care, counters, governance, network
from pipelines.landing.feeds.billing_alpha import CONTRACT_TYPES, PAYMENT_METHODS, PRODUCTS
from pipelines.landing.shapes import Column, Feed, Form, Identifier, Kind, Money, Type

__all__ = [
    "BY_ID", "CONTRACT_TYPES", "FEEDS", "PAYMENT_METHODS", "PRODUCTS", "RAW_COLUMNS", "SOURCES", "Column", "Feed",
    "Form", "Identifier", "Kind", "Money", "Type",
]

FEEDS: tuple[Feed, ...] = (
    *billing_alpha.FEEDS, *billing_bravo.FEEDS, *network.FEEDS, *counters.FEEDS, *care.FEEDS, *governance.FEEDS,
)
BY_ID: dict[str, Feed] = {feed.id: feed for feed in FEEDS}
SOURCES: tuple[str, ...] = tuple(dict.fromkeys(feed.source for feed in FEEDS))

# Columns every raw row carries beside the feed's own (see docs/reference/landing_contract.md).
#   operator         string  whose row it is: of the feed, from the estate ("alpha"), or of its operator column
#   source           string  who sent it: the first part of the feed's id ("billing_alpha")
#   dt               string  drop day
#   drop_version     int32   1 for the first accepted file of the drop, 2.. for corrections
#   known_on         date    first as_of that may see the row
#   is_known_assumed bool    true for rows of a day-zero dump
RAW_COLUMNS = ("operator", "source", "dt", "drop_version", "known_on", "is_known_assumed")
