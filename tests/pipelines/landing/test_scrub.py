"""No identifier survives the scrubber, however it is written, and ordinary words do."""

from __future__ import annotations

import re
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.landing.scrub import _BEFORE_NAMES, LABELS, MARKS, VOCABULARY, scrub, scrubbed, vocabulary
from pipelines.simulate.words import (
    ALPHA_FIRST,
    ALPHA_LAST,
    BRAVO_FIRST,
    BRAVO_LAST,
    CANARY_SHARE,
    FIRMS,
    SAID,
    customer_names,
    notes,
)

NAMES = (*ALPHA_FIRST, *ALPHA_LAST, *BRAVO_FIRST, *BRAVO_LAST, *FIRMS)
LOWER = {word for name in NAMES for word in re.findall(r"\w+", name.lower())} - {"ó"}
SENTENCES = [said for topic in SAID.values() for said in topic]
HIDDEN = ["\u200b", "\u200d", "\u2060", "\u00ad", "\ufeff"]
SEPARATORS = ["", "", " ", "-", ".", "/", "\u00a0", "\u2011", "  ", *HIDDEN]
DIGITS = ["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "⁰¹²³⁴⁵⁶⁷⁸⁹"]


def is_closed(text: str) -> bool:
    """Whether a text is made of nothing but the vocabulary, the labels and the marks."""
    exact, beginning = vocabulary()
    words = [word.rstrip(MARKS) for word in text.split()]
    return all(
        word in LABELS or word in exact or word in beginning or all(part in exact for part in re.split("[-/]", word))
        for word in words
    )


@st.composite
def written(draw: st.DrawFn, digits: str) -> str:
    """Digits in the digits of some script, with separators between them."""
    script = draw(st.sampled_from(DIGITS))
    between = draw(st.lists(st.sampled_from(SEPARATORS), min_size=1, max_size=4))
    return "".join(script[int(digit)] + between[at % len(between)] for at, digit in enumerate(digits))


@st.composite
def identifiers(draw: st.DrawFn) -> str:
    number = str(draw(st.integers(10**6, 10**19)))
    kind = draw(st.sampled_from(["phone", "iban", "email", "name"]))
    if kind == "phone":
        return draw(st.sampled_from(["", "+", "00", "+(", "Tel.", "#"])) + draw(written(number))
    if kind == "iban":
        return draw(st.sampled_from(["DE", "gb", "F R ", "Ｅ Ｓ"])) + draw(written(number))
    name = draw(st.sampled_from([*NAMES, "Kanarius04711", "Özdemir", "Nguyễn", "O'Neill"]))
    name = draw(st.sampled_from([name, name.lower(), name.upper(), "\u200b".join(name), f"({name})", f"{name}-Maier"]))
    if kind == "name":
        return name
    at = draw(st.sampled_from(["@", " @ ", " at ", "(at)", " [at] ", "＠"]))
    dot = draw(st.sampled_from([".", " dot ", "(dot)"])) if "@" not in at else "."
    return f"{name}.x{number}{at}mail{dot}example"


@given(st.lists(st.one_of(st.sampled_from(SENTENCES), identifiers()), min_size=1, max_size=6),
       st.sampled_from([" ", ", ", "; ", "\n", "\t", " - "]))
def test_no_planted_identifier_survives_in_any_writing(parts: list[str], between: str) -> None:
    text = scrubbed(between.join(parts))
    assert not any(mark.isdigit() for mark in text)
    assert "@" not in text
    left = set(re.findall(r"\w+", text.lower()))
    assert not left & (LOWER | {"kanarius", "özdemir", "nguyễn", "neill"})
    assert is_closed(text)


@given(st.text(max_size=300))
def test_of_any_text_only_the_vocabulary_the_labels_and_the_marks_are_left(text: str) -> None:
    once = scrubbed(text)
    assert is_closed(once)
    assert scrubbed(once) == once


def test_what_customers_say_in_ordinary_words_stays() -> None:
    texts = [f"Customer {said}." for said in SENTENCES]
    scrubbed_texts = scrub(pa.array(texts)).to_pylist()
    plain = [(text, left) for text, left in zip(texts, scrubbed_texts, strict=True) if re.fullmatch(r"[\w .]+", text)]
    assert len(plain) > 8
    assert all(text.split() == left.split() for text, left in plain)
    assert "went up: nobody told me" in " ".join(scrubbed_texts)


def test_simulated_notes_keep_their_story_and_lose_what_was_planted() -> None:
    count = 200
    places = np.arange(count)
    names = customer_names(7, 1, places, places % 5 == 0)
    numbers = pa.array([f"+99910{place * 7919:09d}" for place in places])
    made = notes(7, list(SAID), places % len(SAID), places * CANARY_SHARE, names, numbers)
    for text, left in zip(made.text.to_pylist(), scrub(made.text).to_pylist(), strict=True):
        form = r"Customer [][wordnumbe ]+, phone \[number\], .+; reply to \[email\], refund to \[iban\]\."
        assert re.fullmatch(form, left), (text, left)
        assert is_closed(left)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Card 4111 1111-1111 1111 was charged", "Card [card] was charged"),
        ("Number 4111 1111 1111 1112", "Number [number]"),
        ("IMSI 262011234567890", "[word] [number]"),
        ("born 12.03.1980 or 3rd March 1980 or 1980-03-12", "[word] [date] or [date] or [date]"),
        ("see https://who.example/a?b=1. Then www.who.de, please", "see [url]. Then [url], please"),
        ("My name is Bill Price", "My [word]"),
        ("mrs price called", "[word]"),
        ("told by mrs price paying late", "told by [word] late"),
        ("his number is nine nine one one double four", "his number is [number]"),
        ("the bill will come in May, says Will", "the bill will come in [word], says [word]"),
        ("ANGRY ABOUT THE BILL", "angry about the bill"),
        ("Der Kunde ist sehr verärgert", "[word]"),
        ("", ""),
    ],
)
def test_forms_become_labels_and_names_that_are_words_are_hidden(text: str, left: str) -> None:
    assert scrubbed(text) == left


def test_nulls_stay_null_and_a_text_does_not_depend_on_its_neighbours() -> None:
    texts = ["no signal", None, "Anna called", "no signal", ""]
    together = scrub(pa.chunked_array([pa.array(texts[:2], pa.string()), pa.array(texts[2:], pa.string())]))
    assert together.to_pylist() == ["no signal", None, "[word] called", "no signal", ""]
    alone = [scrub(pa.array([text], pa.string()))[0].as_py() for text in texts]
    assert together.to_pylist() == alone
    assert scrub(pa.array([None, None], pa.string())).to_pylist() == [None, None]
    assert scrub(pa.array([], pa.string())).type == pa.string()


@pytest.mark.parametrize("text", ["a" * 200_000, "a." * 100_000, "1 " * 100_000, "@ " * 100_000, "a@" * 100_000,
                                  "at dot " * 30_000, "DE00" * 50_000, "a-" * 100_000])
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    began = time.perf_counter()
    scrubbed(text)
    assert time.perf_counter() - began < 5


def test_the_vocabulary_names_nobody() -> None:
    lines = VOCABULARY.read_text(encoding="utf-8").splitlines()
    words = [word.removeprefix("=") for line in lines if not line.startswith("#") for word in line.split()]
    assert 1000 < len(words) == len(set(words)) < 2500
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z'-]*", word) for word in words)
    assert not {word.lower() for word in words} & (LOWER | _BEFORE_NAMES)
    _, beginning = vocabulary()
    assert not beginning & {"Will", "May", "Bill", "Price", "Hope", "Young", "Hall", "Long", "Day", "Case", "Page"}
