"""Names, numbers and free text, a column at a time: nobody's telephone rings, and what is personal can be found again.

Numbers lie in the country code 999 and the test MCC 999, which no country has. Every name ends in a mark that occurs
nowhere else, so that one search finds it in any output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.simulate.arrays import Ints, join, mixed, text

ALPHA_FIRST = ("Anna", "Björn", "Clara", "David", "Emma", "Felix", "Greta", "Hannes", "Ida", "Jörg", "Katrin", "Lukas",
               "Mia", "Nils", "Olga", "Günter", "Rosa", "Sören", "Tilda", "Uwe", "Vera", "Zoë")
ALPHA_LAST = ("Adler", "Böhm", "Conrad", "Dietz", "Engel", "Fuchs", "Größl", "Huber", "Jäger", "Keller", "Lorenz",
              "Müller", "Neumann", "Otto", "Peters", "Richter", "Schäfer", "Thiel", "Urban", "Voß", "Weber", "Ziegler")
BRAVO_FIRST = ("Aoife", "Bríd", "Callum", "Dafydd", "Ewan", "Fiona", "Gráinne", "Harriet", "Isla", "Jack", "Kieran",
               "Łukasz", "Mhairi", "Niamh", "Oisín", "Priya", "Rhys", "Seán", "Tomasz", "Una", "Siân", "Zoë")
BRAVO_LAST = ("Ashworth", "Brown", "Carter", "Ní Dhónaill", "Evans", "Fraser", "Gwynn", "Hughes", "Iqbal", "Jones",
              "Kowalski", "Llewellyn", "MacLeod", "Nowak", "Ó Briain", "Patel", "Quinn", "Roberts", "Smith", "Taylor",
              "Wójcik", "Young")
FIRMS = ("Bau", "Logistik", "Praxis", "Verlag", "Technik", "Handel")
SAID = {
    "network": ("calls drop at home since last week", "no signal in the kitchen", "data is slow every evening"),
    "billing": ("does not understand the last invoice", 'asks why the price went up: "nobody told me"',
                "says a payment was returned"),
    "contract": ("asks when the contract ends", "wants to know the notice period", "asks for the T&C\\small print"),
    "device": ("new phone does not find the network", "asks for a second SIM", "display broken\nasks for repair"),
    "other": ("waits for a call back", "moved and needs the contract changed", "asks about a promotion"),
}
CANARY_SHARE = 4  # one text in four carries personal data, as real notes do

OWN, PORTED = 999_10_000_000_000, 999_20_000_000_000  # first MSISDN of each range, nine digits below
_IMSI = 999_01_0000000000
_ACCOUNT = 7_000_000_000  # ten digits that are neither a date nor a time


def account_numbers(account: Ints) -> pa.Array:
    """Customer numbers. Both operators count alike, so every number of the smaller one is also the larger one's."""
    return text(_ACCOUNT + (account.astype(np.int64) * 7_919_591 + 35_711) % 10**9)


def subscription_ids(ordinal: Ints) -> pa.Array:
    """Contract numbers; they collide between operators too."""
    return join("S", text(20_000_000 + ordinal.astype(np.int64)))


def own_number(line: Ints) -> Ints:
    return OWN + (line.astype(np.int64) * 7_919_591 + 12_345_677) % 10**9


def ported_number(line: Ints) -> Ints:
    return PORTED + (line.astype(np.int64) * 7_919_591 + 12_345_677) % 10**9


def imsi(line: Ints, swaps: Ints) -> pa.Array:
    """15 digits (3GPP TS 23.003): MCC 999, MNC 01, and a serial of the line and how often its SIM was changed."""
    serial = line.astype(np.int64) * 16 + swaps.astype(np.int64) % 16
    return text(_IMSI + serial * 7_919_591 % 10**10)


def name_marks(seed: int, operator: int, account: Ints) -> pa.Array:
    """The last word of a customer's name."""
    return join("Kanarius", text(10**8 + mixed(seed, 11 + operator, account) % (9 * 10**8)))


def customer_names(seed: int, operator: int, account: Ints, is_business: Ints) -> pa.Array:
    """Made-up names: alpha's fit ISO-8859-1, bravo's need UTF-8."""
    firsts, lasts = (ALPHA_FIRST, ALPHA_LAST) if operator == 0 else (BRAVO_FIRST, BRAVO_LAST)
    code = mixed(seed, 7, account)
    last, mark = chosen(lasts, code // 97), name_marks(seed, operator, account)
    person = join(chosen(firsts, code), " ", last, " ", mark)
    return pc.if_else(pa.array(is_business), join(last, " ", chosen(FIRMS, code // 7), " ", mark, " GmbH"), person)


def chosen(words: Sequence[str], code: Ints) -> pa.Array:
    """words[code % len(words)] for every code."""
    return pa.array(words).take(pa.array(code % len(words)))


@dataclass(frozen=True)
class Notes:
    """Free texts and what was planted in them."""

    text: pa.Array
    email: pa.Array
    iban: pa.Array


def notes(seed: int, topics: Sequence[str], topic: Ints, draw: Ints, name: pa.Array, number: pa.Array) -> Notes:
    """The free text of each contact; one in CANARY_SHARE holds a name, a phone number, an e-mail and an IBAN."""
    most = max(len(SAID[one]) for one in topics)
    phrases = pa.array([SAID[one][place % len(SAID[one])] for one in topics for place in range(most)])
    said = phrases.take(pa.array(topic.astype(np.int64) * most + draw // CANARY_SHARE % most))
    plain = join("Customer ", said, ".")
    holds = draw % CANARY_SHARE == 0
    rows = pa.array(np.flatnonzero(holds))
    code = mixed(seed, 5, draw[holds])
    email = join("kanarius.", text(10**9 + code % (9 * 10**9)), "@mail.example")
    iban = join("DE00", text(10**17 + mixed(seed, 6, draw[holds]) % (9 * 10**17)))
    planted = join("Customer ", name.take(rows), ", phone ", number.take(rows), ", ", said.take(rows), "; reply to ",
                   email, ", refund to ", iban, ".")
    return Notes(pc.replace_with_mask(plain, pa.array(holds), planted), email, iban)
