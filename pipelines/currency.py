"""Currencies: minor digits of ISO 4217, and amounts in the house currency by the estate's dated rates, exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.estate import Estate

# ISO 4217: every currency not listed has two digits after the point.
_MINOR_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
                     "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
HOUSE = pa.decimal128(18, 4)
_FACTOR = pa.decimal128(18, 11)  # a rate of 8 places times a thousandth


def minor_digits(currency: str) -> int:
    """Digits after the point of a currency's major unit: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _MINOR_DIGITS.get(currency, 2)


def factors(estate: Estate, currency: pa.Array, on: pa.Array, *, minor: bool) -> pa.Array:
    """decimal128(18, 11) per row: what one (minor or major) unit of `currency` was worth in the house's on day `on`
    (date32). Null where the estate has no rate, the currency is empty or the day is."""
    codes, days = currency.dictionary_encode(), on.dictionary_encode()
    width = max(len(days.dictionary), 1)
    code = pc.fill_null(codes.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    day = pc.fill_null(days.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    pairs, where = np.unique(np.where((code < 0) | (day < 0), -1, code * width + day), return_inverse=True)
    names, dates = codes.dictionary.to_pylist(), days.dictionary.to_pylist()
    worth = [None if pair < 0 else _worth(estate, names[pair // width], dates[pair % width], minor) for pair in pairs]
    return pa.array(worth, _FACTOR).take(pa.array(where))


def in_house(amount: pa.Array, factor: pa.Array) -> pa.Array:
    """Amounts (int64 minor units or decimal128(18, 4) major ones) times their factor: decimal128(18, 4) of the house
    currency, half to even."""
    exact = amount.cast(pa.decimal128(19, 0)) if pa.types.is_integer(amount.type) else amount
    return pc.round(pc.multiply(exact, factor), 4, round_mode="half_to_even").cast(HOUSE)


def _worth(estate: Estate, currency: str, on: date, minor: bool) -> Decimal | None:
    rate = estate.rate(currency, on)
    if rate is None:
        return None
    return rate.scaleb(-minor_digits(currency)) if minor else rate
