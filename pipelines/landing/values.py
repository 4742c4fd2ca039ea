"""Text to typed columns, strictly and in bulk: what does not convert is a fault of its row, never a NULL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.landing.shapes import Column, Dialect, Identifier, Money, Type

Mask = npt.NDArray[np.bool_]

ARROW: dict[Type, pa.DataType] = {
    Type.STRING: pa.string(), Type.INTEGER: pa.int64(), Type.DOUBLE: pa.float64(), Type.BOOLEAN: pa.bool_(),
    Type.DECIMAL: pa.decimal128(18, 4), Type.DATE: pa.date32(), Type.LOCAL_TIME: pa.timestamp("us"),
    Type.INSTANT: pa.timestamp("us"),
}

# The written forms of the contract. Longer digits than 18 do not fit an int64.
_FORMS: dict[Type, tuple[str, str]] = {
    Type.INTEGER: (r"^-?[0-9]{1,18}$", "a whole number"),
    Type.DOUBLE: (r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$", "a number with a decimal point"),
    Type.DECIMAL: (r"^-?[0-9]{1,14}(\.[0-9]{1,4})?$", "an amount with a decimal point and at most 4 places"),
    Type.BOOLEAN: (r"^(true|false)$", "true or false"),
    Type.DATE: (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "a day YYYY-MM-DD"),
    Type.LOCAL_TIME: (r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", "a local time YYYY-MM-DD HH:MM:SS"),
    Type.INSTANT: (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$",
                   "an instant YYYY-MM-DDTHH:MM:SSZ"),
}
# Nobody's contract is older; 9999-12-31 is how some senders write `no end`.
_FIRST, _LAST = datetime(1900, 1, 1), datetime(9999, 12, 31, 23, 59, 59)
_NUL = "has a NUL character"  # JSON can write one, and Parquet; programs in C end a text there
_MSISDN = r"^\+?[1-9][0-9]{6,14}$"  # E.164: up to 15 digits, no leading zero


@dataclass
class Faults:
    """Reasons and the rows (positions from 0) they hold for. A row may have several."""

    found: list[tuple[str, npt.NDArray[np.int64]]] = field(default_factory=list)
    refused: dict[str, Mask] = field(default_factory=dict)  # by column: values that are null here and were not there

    def refuse(self, column: Column, why: str, mask: Mask) -> None:
        """A fault of a column's value; the value is null from here on, which is then no second fault."""
        self.add(f"{column.name} {why}", mask)
        self.refused[column.name] = self.refused.get(column.name, np.zeros_like(mask)) | mask

    def add(self, reason: str, mask: Mask) -> None:
        positions = np.flatnonzero(mask)
        if positions.size:
            self.found.append((reason, positions))

    def rows(self) -> npt.NDArray[np.int64]:
        """Positions of every row with a fault, ascending, once."""
        if not self.found:
            return np.empty(0, dtype=np.int64)
        return np.unique(np.concatenate([positions for _, positions in self.found]))


def typed(column: Column, text: pa.ChunkedArray, faults: Faults, declared: str | None = None) -> pa.Array:
    """A text column (null = empty) in the contract's type. Rows that do not convert become faults (and null here).

    `declared`: the form a sender declared for days or times, for the words of a fault.
    """
    array = _one(text)
    if column.type is Type.STRING:
        return array
    form, words = _FORMS[column.type]
    if declared:
        words = f"of the declared form {declared}"
    wrong = _true(pc.invert(pc.match_substring_regex(array, form)))
    kept = pc.if_else(pa.array(~wrong), array, pa.scalar(None, pa.string()))
    converted = _convert(column.type, kept)
    impossible = _true(pc.and_(pc.is_valid(kept), pc.is_null(converted)))
    faults.refuse(column, f"is not {words}", wrong | impossible)
    return converted


def possible(column: Column, array: pa.Array, faults: Faults) -> pa.Array:
    """The column without days of no calendar in use: faults, and null from here on.

    A form with its own dates can hold the year 29349, which Python's cannot; the year 1 is a program's word for none.
    """
    if column.type not in (Type.DATE, Type.LOCAL_TIME, Type.INSTANT):
        return array
    first, last = (pa.scalar(bound).cast(array.type) for bound in (_FIRST, _LAST))
    wrong = _true(pc.or_(pc.less(array, first), pc.greater(array, last)))
    if not wrong.any():
        return array
    faults.refuse(column, f"lies outside the years {_FIRST.year} to {_LAST.year}", wrong)
    return pc.if_else(pa.array(wrong), pa.scalar(None, array.type), array)


def complete(column: Column, array: pa.Array, faults: Faults) -> None:
    """Faults for what must be there and for identifiers without their form; looks at distinct values only."""
    if not column.nullable:
        empty = _true(pc.is_null(array))
        faults.add(f"{column.name} is empty", empty & ~faults.refused.get(column.name, np.zeros_like(empty)))
    if column.type is not Type.STRING:
        return
    if column.identifier in (Identifier.NAME, Identifier.FREE_TEXT):
        faults.add(f"{column.name} {_NUL}", _true(pc.match_substring(array, "\0")))
        return
    coded = array.dictionary_encode()
    faults.add(f"{column.name} {_NUL}", _spread(coded, _true(pc.match_substring(coded.dictionary, "\0"))))
    blank = _true(pc.not_equal(pc.utf8_trim_whitespace(coded.dictionary), coded.dictionary))
    blank |= _true(pc.equal(coded.dictionary, ""))
    faults.add(f"{column.name} is empty or has blanks around it", _spread(coded, blank))
    if column.identifier is Identifier.MSISDN:
        odd = _true(pc.invert(pc.match_substring_regex(coded.dictionary, _MSISDN)))
        faults.add(f"{column.name} is not a number in E.164 form", _spread(coded, odd & ~blank))


def _spread(coded: pa.DictionaryArray, bad: Mask) -> Mask:
    """A mask over distinct values as a mask over rows; null rows are False."""
    if not bad.any():
        return np.zeros(len(coded), dtype=np.bool_)
    indices = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    mask: Mask = np.append(bad, False)[indices]
    return mask


def _convert(kind: Type, text: pa.Array) -> pa.Array:
    """Text of the right form -> typed; what is no number, day or time after all becomes null."""
    if kind is Type.BOOLEAN:
        return pc.equal(text, "true")
    target = ARROW[kind]
    if kind is Type.INSTANT:
        text = pc.replace_substring(text, "Z", "")
    try:
        converted = text.cast(target)
    except pa.ArrowInvalid:
        parse: Callable[[str], object] = date.fromisoformat if kind is Type.DATE else datetime.fromisoformat
        coded = text.dictionary_encode()
        values = pa.array([_or_none(parse, value) for value in coded.dictionary.to_pylist()], target)
        converted = values.take(coded.indices)
    if kind is Type.DOUBLE:
        converted = pc.if_else(pc.is_finite(converted), converted, pa.scalar(None, target))
    return converted


def _or_none(parse: Callable[[str], object], value: str) -> object:
    try:
        return parse(value)
    except ValueError:
        return None


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _true(array: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return mask.astype(np.bool_)


def translated(column: Column, text: pa.ChunkedArray, dialect: Dialect, minor_digits: int, faults: Faults) -> pa.Array:
    """A text column in the contract's words: the sender's codes, days, times, decimal mark and major amounts undone.

    A text column without a fault is left as it is; one that does not fit becomes a fault when it is typed.
    """
    array = _one(text)
    if column.name in dialect.values:
        array = _by_value(array, lambda word: dialect.values[column.name].get(word, word) or None)
    if column.type in (Type.DOUBLE, Type.DECIMAL, Type.INTEGER) and dialect.decimal_mark != ".":
        # A point is then a mark of thousands or a slip; either way it is not what was declared.
        odd = _true(pc.match_substring(array, "."))
        faults.refuse(column, "has a point where a decimal comma is declared (marks of thousands are not taken)", odd)
        array = pc.if_else(pa.array(~odd), pc.replace_substring(array, dialect.decimal_mark, "."), None)
    if column.money is Money.MINOR and dialect.amounts_in_major:
        array = _by_value(array, lambda word: _in_minor(word, minor_digits))
    form = declared_form(column, dialect)
    if form:
        array = _by_value(array, lambda word: _in_iso(word, form, _ISO[column.type]))
    return array


def declared_form(column: Column, dialect: Dialect) -> str | None:
    """The form the sender declared for a column of days or times."""
    if column.type is Type.DATE:
        return dialect.date_format
    return dialect.time_format if column.type in _ISO else None


_ISO = {Type.DATE: "%Y-%m-%d", Type.LOCAL_TIME: "%Y-%m-%d %H:%M:%S", Type.INSTANT: "%Y-%m-%dT%H:%M:%SZ"}


def _by_value(array: pa.Array, change: Callable[[str], str | None]) -> pa.Array:
    """Change each distinct value once."""
    coded = array.dictionary_encode()
    values = pa.array([None if word is None else change(word) for word in coded.dictionary.to_pylist()], pa.string())
    return values.take(coded.indices)


def _in_iso(word: str, form: str, iso: str) -> str:
    try:
        found = datetime.strptime(word, form)
        return (found.astimezone(UTC) if found.tzinfo else found).strftime(iso)
    except (ValueError, OverflowError):
        return f"? {word}"  # not of the declared form: typing refuses it, also where it happens to be ISO


def _in_minor(word: str, digits: int) -> str:
    """Major to minor units, exactly: 29.99 -> 2999. What is no such amount is left for typing to refuse."""
    try:
        amount = Decimal(word).scaleb(digits)
        return str(int(amount)) if amount == int(amount) else word
    except (ArithmeticError, ValueError):
        return word
