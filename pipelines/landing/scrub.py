"""Free text to text without identifiers. What survives is listed; what is not listed does not survive.

Two steps. What has the form of an identifier becomes a label that says what it was: [email], [url], [iban], [card],
[date], [number]. Then every word that is not in `vocabulary.txt` becomes [word]. The second step is there because a
name has no form: a recogniser of names finds most, and the one it misses stays in the store for years. A closed
vocabulary misses none: the output is made of some two thousand common words, seven labels and six marks, and holds no
digit. None of its parts says who somebody is, however rare the name, whatever the spelling. The price is
readability: rare but harmless words are lost, and of other languages than English nearly all is.

What it does not do: a story told in common words can still fit one person only. Scrubbed text therefore stays in the
raw store of care, and no model reads it.

A text's output depends on that text and the vocabulary alone, never on other rows or on what ran before.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

WORD, NUMBER = "[word]", "[number]"
LABELS = ("[email]", "[url]", "[iban]", "[card]", "[date]", NUMBER, WORD)
MARKS = ".,;:?!"
VOCABULARY = Path(__file__).with_name("vocabulary.txt")

# A name follows these: the two words after one are hidden even if they are common words ("mrs price", "name is bill").
_BEFORE_NAMES = frozenset({
    "mr", "mrs", "ms", "mister", "dr", "doctor", "prof", "sir", "madam", "herr", "frau", "name", "names", "named",
    "surname",
})
_NUMBER_WORDS = frozenset({
    "zero", "nought", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty",
    "fifty", "sixty", "seventy", "eighty", "ninety",
})
_NUMERIC = frozenset({NUMBER, "one", "double", "triple", "hundred", "thousand"})  # one number when side by side

# Bounded repetitions: without bounds a long text without blanks would take time in the square of its length.
_EMAIL = re.compile(r"[^\s@]{1,64}\s{0,2}@\s{0,2}[^\s@]*[^\s@.,;:?!]")
_SPELT_EMAIL = re.compile(
    r"\S{1,64}\s*(?:\sat\s|[\[({]\s?at\s?[\])}])\s*\S{1,64}"
    r"(?:\s*(?:\sdot\s|[\[({]\s?dot\s?[\])}])\s*\S{1,64}){1,5}", re.I)
_URL = re.compile(
    r"\b[a-z]{2,10}\s?:\s?//\S*[^\s.,;:?!]|\bwww\s?\.\s?\S*[^\s.,;:?!]"
    r"|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.(?:com|org|net|info|biz|io|eu|de|uk|fr|at|ch|nl|it|es|example|test)\b"
    r"(?:[/:]\S*[^\s.,;:?!])?",
    re.I)
_IBAN = re.compile(  # ISO 13616: country, two check digits, up to 30 more; together, or in groups as on paper
    r"\b[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}\b|\b[A-Z]{2}[\s.-]?\d{2}(?:[\s.-]?[A-Z]{4})?(?:[\s.-]{0,2}\d){8,26}\w*")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DATE = re.compile(
    r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:T[\d:.]+Z?)?\b|\b\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\.?\s{{0,2}}{_MONTH}(?:\s{{0,2}}\d{{4}})?\b"
    rf"|\b{_MONTH}\s{{0,2}}\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s{{0,2}}\d{{4}})?\b", re.I)
_NUMBER = re.compile(r"[+(]{0,3}\d(?:[\s().,/_*#-]*\d)*")
# Cheap questions first: they spare most texts the expensive patterns.
_DOT = re.compile(r"\bdot\b", re.I)
_INNER_DOT = re.compile(r"\w\.\w")
_HAS_DIGIT = re.compile(r"\d", re.ASCII)
_CHUNK = re.compile(r"\W*(.*?)(\W*)", re.DOTALL)
_JOINTS = re.compile(r"[-/]")


def scrub(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """String array -> string array of the same length without identifiers; nulls stay null.

    About 0.1 ms for a distinct text of a line with four identifiers; equal texts are scrubbed once.
    """
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    coded = array.cast(pa.string()).dictionary_encode()
    return pa.array([scrubbed(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def scrubbed(text: str) -> str:
    """One text, scrubbed. Scrubbing twice changes nothing more."""
    out: list[tuple[str, str]] = []  # (word or label, the mark after it)
    hidden = 0  # words still to hide after a title
    for chunk in _labelled(_plain(text)).split():
        word, mark, is_title = _word(chunk, not out or out[-1][1] in (".", "?", "!"))
        if hidden:
            hidden -= 1
            if word and word not in LABELS:
                word = WORD
        if is_title:
            hidden = 2
        _append(out, word, mark)
    return " ".join(word + mark for word, mark in out)


@lru_cache(maxsize=1)
def vocabulary() -> tuple[frozenset[str], frozenset[str]]:
    """(words as they may be written, words that may also begin a sentence with a capital)."""
    lines = VOCABULARY.read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    plain = frozenset(word for word in words if not word.startswith("="))
    return plain | {word[1:] for word in words if word.startswith("=")}, frozenset(w.capitalize() for w in plain)


class _Plain(dict[int, str]):
    """What a character of a text becomes: digits of every script 0-9, nothing for what cannot be seen."""

    def __missing__(self, code: int) -> str:
        mark = chr(code)
        kind = unicodedata.category(mark)
        if kind == "Nd":
            plain = str(unicodedata.decimal(mark))
        elif kind in ("Cf", "Mn", "Me", "Cs", "Co", "Cn"):
            plain = ""
        elif kind == "Pd":
            plain = "-"
        elif kind in ("Cc", "Zl", "Zp", "Zs"):
            plain = " "
        else:
            plain = {"\u2019": "'", "\u2018": "'", "\u02bc": "'"}.get(mark, mark)
        self[code] = plain
        return plain


_TABLE = _Plain()


def _plain(text: str) -> str:
    """One spelling for what looks the same (Unicode NFKC: full width, circled, mathematical letters and digits)."""
    if text.isascii():
        return text.lower() if text.isupper() else text
    # Twice: what cannot be seen may stand between two characters that belong together.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_TABLE)).translate(_TABLE)
    return text.lower() if text.isupper() else text


def _labelled(text: str) -> str:
    """The text with labels for what has the form of an identifier; a label stands apart from its neighbours."""
    if "@" in text:
        text = _EMAIL.sub(" [email] ", text)
    if _DOT.search(text):
        text = _SPELT_EMAIL.sub(" [email] ", text)
    if _INNER_DOT.search(text) or "//" in text or "www" in text.lower():
        text = _URL.sub(" [url] ", text)
    if _HAS_DIGIT.search(text):
        text = _IBAN.sub(" [iban] ", text)
        text = _DATE.sub(" [date] ", text)
        text = _NUMBER.sub(_number, text)
    return text


def _number(found: re.Match[str]) -> str:
    """[card] for what may be one: 13 to 19 digits from 2 to 6 on (ISO/IEC 7812-1), the check digit right, no `+`."""
    digits = [int(mark) for mark in found.group() if mark.isdigit()]
    is_card = 13 <= len(digits) <= 19 and 2 <= digits[0] <= 6 and "+" not in found.group() and _luhn(digits)
    # No blanks around it: letters that touch the digits belong to them (`A10000001`, `5G`).
    return "[card]" if is_card else NUMBER


def _luhn(digits: list[int]) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


@lru_cache(maxsize=65_536)
def _word(chunk: str, begins: bool) -> tuple[str, str, bool]:
    """What stands between two blanks: (word, label or nothing; mark; whether names follow it)."""
    mark = chunk[-1] if chunk[-1] in MARKS else ""
    label = next((label for label in LABELS if label in chunk), None)
    if label is not None:
        return label, mark, False
    found = _CHUNK.fullmatch(chunk)
    core = found.group(1) if found else chunk
    if core.lower() in _NUMBER_WORDS:
        return NUMBER, mark, False
    return _allowed(core, begins), mark, core.lower() in _BEFORE_NAMES


def _allowed(core: str, begins: bool) -> str:
    exact, beginning = vocabulary()
    if not core or core in exact or (begins and core in beginning):
        return core
    parts = _JOINTS.split(core)
    if len(parts) > 1 and all(len(part) > 1 and part in exact for part in parts):
        return core
    return WORD


def _append(out: list[tuple[str, str]], word: str, mark: str) -> None:
    """Add a word. A label that repeats is written once; `one` next to a number belongs to it; a lone mark joins."""
    last, last_mark = out[-1] if out else ("", "")
    if last_mark or not last:
        if word:
            out.append((word, mark))
    elif not word:
        out[-1] = (last, mark)
    elif word in _NUMERIC and last in _NUMERIC:
        out[-1] = (NUMBER, mark)
    elif last == word and word in LABELS:
        out[-1] = (word, mark)
    else:
        out.append((word, mark))
