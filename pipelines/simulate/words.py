"""Names and free text: small lists, numbers of a country code nobody has, and planted personal data (canaries)."""

from __future__ import annotations

from hashlib import sha256

FIRST = ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hannes", "Ida", "Jonas", "Katrin", "Lukas", "Mia",
         "Nils", "Olga", "Paul", "Rosa", "Simon", "Tilda", "Uwe", "Vera", "Yusuf")
LAST = ("Adler", "Brandt", "Conrad", "Dietz", "Engel", "Fuchs", "Graf", "Huber", "Jansen", "Keller", "Lorenz", "Maier",
        "Neumann", "Otto", "Peters", "Richter", "Sommer", "Thiel", "Urban", "Vogel", "Weber", "Ziegler")
FIRMS = ("Bau", "Logistik", "Praxis", "Verlag", "Technik", "Handel")
SAID = {
    "network": ("calls drop at home since last week", "no signal in the kitchen", "data is slow every evening"),
    "billing": ("does not understand the last invoice", "asks why the price went up", "says a payment was returned"),
    "contract": ("asks when the contract ends", "wants to know the notice period"),
    "device": ("new phone does not find the network", "asks for a second SIM"),
    "other": ("waits for a call back", "moved and needs the contract changed", "asks about a promotion"),
}
CANARY_SHARE = 4  # one text in four carries personal data, as real notes do


def account_id(account: int) -> str:
    return f"A{account + 10_000_000}"


def subscription_id(line: int) -> str:
    return f"S{line + 20_000_000}"


def msisdn(line: int) -> str:
    """E.164 with `+`. No country has the code 999, so nobody's telephone rings."""
    return f"+99910{(line * 7_919_591 + 12_345_677) % 10**9:09d}"


def customer_name(account: int, is_business: bool, seed: int) -> str:
    """A made-up name, the same for every run of a seed; its last word makes it findable as a canary."""
    code = _number(seed, "name", account)
    person = f"{FIRST[code % len(FIRST)]} {LAST[code // 97 % len(LAST)]}"
    mark = f"Kanarius{code % 100_000:05d}"
    return f"{LAST[code // 97 % len(LAST)]} {FIRMS[code // 7 % len(FIRMS)]} {mark} GmbH" if is_business \
        else f"{person}-{mark}"


def note(topic: str, draw: int, name: str, number: str) -> tuple[str, dict[str, str]]:
    """The free text of one contact, and the identifiers planted in it by kind."""
    said = SAID[topic][draw // CANARY_SHARE % len(SAID[topic])]
    if draw % CANARY_SHARE:
        return f"Customer {said}.", {}
    mark = sha256(f"{draw}|{number}".encode()).hexdigest()
    email = f"kanarius.{mark[:10]}@mail.example"
    iban = f"DE00{int(mark[10:26], 16) % 10**18:018d}"
    return (
        f"Customer {name}, phone {number}, {said}; reply to {email}, refund to {iban}.",
        {"email": email, "iban": iban, "msisdn": number, "customer_name": name},
    )


def _number(seed: int, purpose: str, key: int) -> int:
    return int.from_bytes(sha256(f"{seed}|{purpose}|{key}".encode()).digest()[:8], "big")
