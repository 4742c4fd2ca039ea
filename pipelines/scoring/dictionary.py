"""The contract of the extract: its columns in their order, from the specs.

`python docs/site/data_dictionary.py` writes docs/reference/extract.md from it; a test holds that it is up to date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipelines.models import SPECS
from pipelines.models.spec import Kind, ModelSpec
from pipelines.scoring.table import ACTIONABLE, REASONS, THEMES, probability_column

TEXT, WHOLE, NUMBER, YES_NO, DAY, INSTANT = "text", "whole number", "number", "yes or no", "day", "instant"
BANDS: Final = ((0.10, "very high"), (0.30, "high"), (0.70, "middle"), (1.00, "low"))  # up to this share, by rank
LOSS: Final = "loss"  # below zero, whatever the rank


@dataclass(frozen=True)
class Column:
    """`source`: its name in the model's scores; empty: made here. `is_listed`: also in the call list."""

    name: str
    kind: str
    says: str
    source: str = ""
    model: str = ""
    is_listed: bool = False


def columns() -> tuple[Column, ...]:
    """Every column of the nightly extract, in its order."""
    return (*_OF_EVERYBODY, *(column for spec in SPECS.values() for column in of_model(spec)))


def of_model(spec: ModelSpec) -> tuple[Column, ...]:
    """The columns a model adds; empty cells where it left somebody out or has no champion."""
    made = _of_value(spec) if spec.kind is Kind.FORMULA else _of_classifier(spec)
    name = spec.name
    listed = spec.kind is Kind.FORMULA or spec.outcome == "risk"
    return (*made, Column(f"{name}_version", WHOLE, "version of the model that scored", "model_version", name, listed),
            Column(f"{name}_expires_at", INSTANT, "from then on this score is not to be used", "expires_at", name))


_OF_EVERYBODY: Final = (
    Column("subscriber_id", TEXT, "pseudonym, the same every night; `telco lookup` and `telco explain` take it",
           is_listed=True),
    Column("as_of", DAY, "the night: everything known at the start of this day, UTC", is_listed=True),
    Column("expires_at", INSTANT, "the earliest expiry of this row's scores; do not use it from then on",
           is_listed=True),
    Column("operator", TEXT, "whose subscriber", is_listed=True),
    Column("region", TEXT, "sales area", is_listed=True),
    Column("segment", TEXT, "consumer, business, ... as the operator says", is_listed=True),
    Column("do_not_contact", YES_NO, "yes: leave alone now, by the contact policy. Who has not consented, or withdrew, "
           "has no row at all", is_listed=True),
    Column("do_not_contact_because", TEXT, "why, and until when; empty where it is no"),
    Column("control_group", TEXT, "the campaign that holds this subscriber out; such rows say do_not_contact"),
)


def _of_classifier(spec: ModelSpec) -> Iterator[Column]:
    name, listed = spec.name, spec.outcome == "risk"
    chance = "probability that the subscriber leaves" if listed else f"probability of {spec.label_column}"
    yield Column(probability_column(name), NUMBER, f"{chance} within {spec.horizon_days} days of as_of, 0 to 1",
                 probability_column(name), name, listed)
    yield Column(f"{name}_decile", WHOLE, "1: the likeliest tenth of everyone scored, 10: the least", "decile", name,
                 listed)
    for place, reason in enumerate(REASONS, start=1):
        yield Column(f"{name}_{reason}", TEXT, f"reason {place} in words, with the value it rests on", reason, name,
                     listed)
    for theme in THEMES:
        yield Column(f"{name}_{theme}", TEXT, "what the reason is about, for grouping", theme, name)
    for actionable in ACTIONABLE:
        yield Column(f"{name}_{actionable}", YES_NO, "yes: it raises the risk and somebody can do something about it",
                     actionable, name, listed)


def _of_value(spec: ModelSpec) -> Iterator[Column]:
    name = spec.name
    said = {
        "ltv_eur_12m": "expected discounted margin of the next 12 months, in the currency of the house",
        "ltv_low_eur_12m": "lower end of its 80 % interval", "ltv_high_eur_12m": "upper end of its 80 % interval",
        "margin_eur_month": "expected margin of the first month", "survival_12m": "probability to be here in 12 months",
    }
    for source, says in said.items():
        yield Column(source, NUMBER, says, source, name, source.startswith(name))
    shares = ", ".join(f"`{word}` to {share:.0%}" for share, word in BANDS)
    says = f"place among everyone valued that night, from the top: {shares}; `{LOSS}`: below zero"
    yield Column(f"{name}_band", TEXT, says, "", name, True)
    for place, reason in enumerate(REASONS, start=1):
        yield Column(f"{name}_{reason}", TEXT, f"reason {place} of the value in words", reason, name)
