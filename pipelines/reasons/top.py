"""The three themes that move a subscriber's score most, from the trees' exact contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pipelines.errors import Held
from pipelines.reasons.phrases import LEVERS, PHRASES, Phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RISK = "risk"
COUNT = 3


class Reason(NamedTuple):
    """The reasons of one rank, one entry per row: theme and words are None where no theme contributes any more.

    `actionable`: it raises a risk, and LEVERS has something an agent can do about its theme.
    """

    words: np.ndarray
    theme: np.ndarray
    actionable: np.ndarray


def top_reasons(
    contributions: np.ndarray, frame: pd.DataFrame, columns: Sequence[str], outcome: str = RISK
) -> list[Reason]:
    """The three strongest reasons of every row, strongest first.

    `contributions` (rows, columns) in log-odds, positive towards the `outcome`; `frame` holds the values the model saw,
    row by row. SHAP values add up, so a theme's weight is the sum over its features; a theme is spoken for by the
    feature that contributes most in the direction of that sum. Equal weights keep the order of `columns`.
    """
    import numpy as np

    themes = _themes(columns)
    names = np.array([*themes, None], dtype=object)
    levers = np.array([LEVERS[theme] is not None and outcome == RISK for theme in themes])
    summed, raising, lowering = _weighed(contributions, themes)
    order = np.argsort(-np.abs(summed), axis=1, kind="stable")[:, :COUNT]
    reasons = []
    for rank in range(COUNT):
        if rank >= len(themes):
            nothing = np.full(len(frame), None, dtype=object)
            reasons.append(Reason(nothing, nothing, np.zeros(len(frame), dtype=bool)))
            continue
        theme, rows = order[:, rank], np.arange(len(frame))
        weight = summed[rows, theme]
        speaker = np.where(weight > 0, raising[rows, theme], lowering[rows, theme])
        words = _words(speaker, weight, frame, columns, outcome)
        reasons.append(Reason(words, names[np.where(weight == 0, -1, theme)], levers[theme] & (weight > 0)))
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
    summed, raising, lowering = np.empty(shape), np.empty(shape, dtype="int32"), np.empty(shape, dtype="int32")
    for theme, places in enumerate(themes.values()):
        parts = contributions[:, places]
        summed[:, theme] = parts.sum(axis=1, dtype="float64")
        raising[:, theme] = np.take(places, parts.argmax(axis=1))
        lowering[:, theme] = np.take(places, parts.argmin(axis=1))
    return summed, raising, lowering


def _words(
    chosen: np.ndarray, weight: np.ndarray, frame: pd.DataFrame, columns: Sequence[str], outcome: str
) -> np.ndarray:
    import numpy as np

    words = np.full(len(frame), None, dtype=object)
    for position in np.unique(chosen):
        name = columns[position]
        for moves, rows in (("raises", (chosen == position) & (weight > 0)),
                            ("lowers", (chosen == position) & (weight < 0))):
            if rows.any():
                words[rows] = _spoken(frame[name][rows], PHRASES[name], f"{moves} the {outcome}")
    return words


def _spoken(values: pd.Series, phrase: Phrase, direction: str) -> np.ndarray:
    """Words for each value; each distinct value is put into words once."""
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(values)
    spoken = [f"{direction}: {_say(value, phrase)}" for value in distinct] + [f"{direction}: {phrase.unknown}"]
    return np.array(spoken, dtype=object)[codes]  # pandas codes a missing value as -1: the last one


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
