"""The three themes that move a subscriber's score most, from the trees' exact contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pipelines.bundle import floats
from pipelines.errors import Held
from pipelines.reasons.phrases import LEVERS, PHRASES, Phrase

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

RISK = "risk"
COUNT = 3


class Choice(NamedTuple):
    """The three strongest themes of every row, strongest first; each (rows, 3).

    `theme` is a place among the themes of the columns, `speaker` that of the column which speaks for it, `sign` 1 where
    it raises, -1 where it lowers and 0 where no theme contributes any more.
    """

    theme: np.ndarray    # int16
    speaker: np.ndarray  # int16
    sign: np.ndarray     # int8


class Reason(NamedTuple):
    """The reasons of one rank, one entry per row: theme and words are missing where no theme contributes any more.

    `actionable`: it raises a risk, and LEVERS has something an agent can do about its theme.
    """

    words: pa.StringArray
    theme: pa.StringArray
    actionable: np.ndarray


def top_reasons(
    contributions: np.ndarray, table: pa.Table, columns: Sequence[str], outcome: str = RISK
) -> list[Reason]:
    """The three strongest reasons of every row, strongest first.

    `contributions` (rows, columns) in log-odds, positive towards the `outcome`; `table` holds the values the model saw,
    row by row.
    """
    return told(strongest(contributions, columns), table, columns, outcome)


def strongest(contributions: np.ndarray, columns: Sequence[str]) -> Choice:
    """Which themes move each row most.

    SHAP values add up, so a theme's weight is the sum over its features; a theme is spoken for by the feature that
    contributes most in the direction of that sum. Equal weights keep the order of `columns`.
    """
    import numpy as np

    summed, raising, lowering = _weighed(contributions, _themes(columns))
    shape, rows = (len(contributions), COUNT), np.arange(len(contributions))
    chosen = Choice(np.zeros(shape, "int16"), np.zeros(shape, "int16"), np.zeros(shape, "int8"))
    left = np.abs(summed)
    for rank in range(min(COUNT, left.shape[1])):
        theme = left.argmax(axis=1)  # the first of equals
        left[rows, theme] = -1
        sign = np.sign(summed[rows, theme])
        chosen.theme[:, rank], chosen.sign[:, rank] = theme, sign
        chosen.speaker[:, rank] = np.where(sign > 0, raising[rows, theme], lowering[rows, theme])
    return chosen


def told(choice: Choice, table: pa.Table, columns: Sequence[str], outcome: str = RISK) -> list[Reason]:
    """The chosen themes in words, with the values of the table; its rows are the choice's."""
    import numpy as np
    import pyarrow as pa

    themes = list(_themes(columns))
    names = pa.array(themes, pa.string())
    levers = np.array([LEVERS[theme] is not None and outcome == RISK for theme in themes])
    words, said_at = _words(choice, table, columns, outcome)
    reasons = []
    for rank in range(COUNT):
        sign, theme = choice.sign[:, rank], choice.theme[:, rank]
        is_silent = sign == 0
        reasons.append(Reason(words.take(pa.array(said_at[:, rank], mask=is_silent)),
                              names.take(pa.array(theme, mask=is_silent)), levers[theme] & (sign > 0)))
    return reasons


def _themes(columns: Sequence[str]) -> dict[str, list[int]]:
    """The themes of the columns in their order, each with the places of its columns."""
    unspoken = [name for name in columns if name not in PHRASES]
    if unspoken:
        raise Held("reasons", [f"no words for {', '.join(unspoken)}"], "add them to pipelines/reasons/phrases.py")
    themes: dict[str, list[int]] = {}
    for place, name in enumerate(columns):
        themes.setdefault(PHRASES[name].theme, []).append(place)
    return themes


def _weighed(
    contributions: np.ndarray, themes: Mapping[str, Sequence[int]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each theme's sum, and the columns that raise and lower it most; all (rows, themes)."""
    import numpy as np

    shape = (len(contributions), len(themes))
    summed, raising, lowering = np.empty(shape), np.empty(shape, dtype="int16"), np.empty(shape, dtype="int16")
    for theme, places in enumerate(themes.values()):
        if len(places) == 1:
            summed[:, theme] = contributions[:, places[0]]
            raising[:, theme] = lowering[:, theme] = places[0]
            continue
        parts = contributions[:, places]
        summed[:, theme] = parts.sum(axis=1, dtype="float64")
        raising[:, theme] = np.take(places, parts.argmax(axis=1))
        lowering[:, theme] = np.take(places, parts.argmin(axis=1))
    return summed, raising, lowering


def _words(
    choice: Choice, table: pa.Table, columns: Sequence[str], outcome: str
) -> tuple[pa.StringArray, np.ndarray]:
    """All that is said to anybody, each once, and its place for every reason, (rows, 3)."""
    import numpy as np
    import pyarrow as pa

    said_at, sign = np.zeros(choice.sign.size, "int32"), choice.sign.ravel()
    speaker = np.where(sign == 0, -1, choice.speaker.ravel())
    order = np.argsort(speaker, kind="stable")
    bounds = np.searchsorted(speaker, np.arange(len(columns) + 1), sorter=order)
    words: list[str] = []
    for name, (first, last) in zip(columns, pairwise(bounds), strict=True):
        if first == last:
            continue
        at = order[first:last]
        codes, spoken = _spoken(table[name].take(at // COUNT), PHRASES[name])
        # A missing value has code -1: the last one.
        said_at[at] = len(words) + codes % len(spoken) + np.where(sign[at] > 0, 0, len(spoken))
        words += [f"{moves} the {outcome}: {said}" for moves in ("raises", "lowers") for said in spoken]
    return pa.array(words, pa.string()), said_at.reshape(choice.sign.shape)


def _spoken(values: pa.ChunkedArray, phrase: Phrase) -> tuple[np.ndarray, list[str]]:
    """The place of each value's words, -1 where it is missing, and the words, of which the last say that."""
    import pyarrow as pa

    if pa.types.is_string(values.type):
        encoded = values.combine_chunks().dictionary_encode()
        codes, found = encoded.indices.fill_null(-1).to_numpy(), encoded.dictionary.to_pylist()
    elif pa.types.is_boolean(values.type):
        codes, found = distinct(floats(values.cast(pa.int8())))
    else:
        codes, found = distinct(_rounded(floats(values), phrase.digits))
    return codes, [*(_say(value, phrase) for value in found), phrase.unknown]


def distinct(values: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """The place of each number among the distinct ones, -1 where it is missing, and those.

    Distinct to the bit: minus zero is said otherwise.
    """
    import numpy as np
    import pandas as pd

    codes, found = pd.factorize(values.view("int64"))
    return np.where(np.isnan(values), -1, codes), found.view("float64").tolist()


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    """Numbers that are said alike made one, as there are far fewer of them: those that so many digits would show.

    What lies so close to the middle of two that the product's last bit may decide stays as it is.
    """
    import numpy as np

    shifted = values * 10.0**digits
    whole = np.rint(shifted)
    stays = (np.abs(np.abs(shifted - whole) - 0.5) < 1e-3) | (np.abs(shifted) > 1e12)
    return np.where(stays, values, whole / 10.0**digits)


def _say(value: object, phrase: Phrase) -> str:
    if phrase.denied is not None:
        return phrase.said if bool(value) else phrase.denied
    if isinstance(value, str):
        return phrase.said.format(value=value.replace("_", " "))
    return phrase.said.format(value=f"{float(value):.{phrase.digits}f}")  # type: ignore[arg-type]


def said(name: str, value: object) -> str:
    """One feature's value in words, without a direction; None and NaN are said to be unknown."""
    phrase = PHRASES[name]
    return phrase.unknown if value is None or value != value else _say(value, phrase)
