"""The world the warehouse tests look at, told once. The estate is the repository's: history starts 2025-11-01."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

from world import World

from pipelines.settings import settings

MARCH, APRIL, JULY = date(2026, 3, 1), date(2026, 4, 7), date(2026, 7, 6)
# April is 37 days after March and July 127: both labels of March are matured by the newest as_of.
AS_OFS = [MARCH, APRIL, JULY]


@contextmanager
def living_in(home: Path) -> Iterator[None]:
    before = os.environ.get("TELCO_HOME")
    os.environ["TELCO_HOME"] = str(home)
    settings.cache_clear()
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("TELCO_HOME")
        else:
            os.environ["TELCO_HOME"] = before
        settings.cache_clear()


def tell(bravo: bool = True) -> None:
    world = World()
    world.subscriber("plain", "2025-11-10").uses_daily("2025-12-01", "2026-06-30", mb=10).holds("mobile_data") \
        .billed("2026-02-10", 3000).pays("2026-02-12").billed("2026-03-10", 3100).contacts("2026-02-20")
    world.subscriber("quiet_landline", "2025-11-10").holds("voice")
    # Everything of this one arrives three days late or is corrected later.
    late = world.subscriber("late", "2025-11-10").uses("2026-02-01", mb=1)
    late.uses("2026-02-27", mb=100, dropped="2026-03-01").billed("2026-02-27", 9900, dropped="2026-03-01")
    late.contacts("2026-02-27", dropped="2026-03-01")
    late.uses("2026-02-10", mb=7, known_on="2026-02-11").uses("2026-02-10", mb=70, version=2, known_on="2026-03-20")
    # Two networks report one day, each with versions of its own: none of them is a correction of the other.
    two = world.subscriber("seen_by_two_networks", "2025-11-10").uses("2026-02-10", mb=1)
    two.uses("2026-02-10", mb=20, sender="network_gamma").uses("2026-02-10", mb=300, version=2, sender="network_gamma")
    world.subscriber("cancels", "2025-11-10").leaves("2026-03-01")
    world.subscriber("ports_out", "2025-11-10").uses_daily("2026-02-01", "2026-03-30").ports_out("2026-03-30")
    world.subscriber("leaves_a_day_too_late", "2025-11-10").leaves("2026-03-31")
    # The end lies in the window; its drop comes so late that it is known one day after the label.
    world.subscriber("end_known_too_late", "2025-11-10").leaves("2026-03-20", dropped="2026-04-07")
    world.subscriber("end_known_just_in_time", "2025-11-10").leaves("2026-03-20", dropped="2026-04-06")
    world.subscriber("suspended", "2025-11-10").suspends("2026-02-20")
    world.subscriber("silent_prepaid", "2025-11-10", contract_type="prepaid").uses("2026-01-20")
    world.subscriber("silent_contract", "2025-11-10").uses("2026-01-20")
    world.subscriber("gone_silent", "2025-11-10").uses("2026-01-14")
    world.subscriber("begins_today", "2026-02-28", started_on=MARCH)
    # One number, two owners: handed over on 2026-02-15.
    world.subscriber("first_owner", "2025-11-10", number="shared").uses("2026-02-01", mb=5).leaves("2026-02-10")
    world.subscriber("second_owner", "2026-02-15", number="shared").uses("2026-02-20", mb=50)
    # A price that changes twice in one drop's day: the later change speaks.
    dear = world.subscriber("dearer", "2025-11-10", price_cents=2000)
    dear.changes("2026-02-05", price_cents=2500)
    dear.changes("2026-02-06", price_cents=2600, dropped="2026-03-05")
    both = world.subscriber("grants_and_withdraws", "2025-11-10")
    for purpose in ("ANALYTICS", "MODEL_TRAINING", "NW_CAP_EXPOSURE"):
        both.consents("2025-11-10", purpose)
    # Withdrawn in February and known in time; the withdrawal of the other comes late, and its return later still.
    both.consents("2026-02-20", "ANALYTICS", "withdrawn")
    both.consents("2026-02-20", "MODEL_TRAINING", "withdrawn", dropped="2026-03-10")
    both.consents("2026-05-01", "MODEL_TRAINING", known_on="2026-05-02")
    left = world.subscriber("left_and_never_withdrew", "2025-11-10").leaves("2026-02-10")
    left.consents("2025-11-10", "MODEL_TRAINING")
    if bravo:
        tell_of_bravo(world)
    world.write(until="2026-07-07")


def tell_of_bravo(world: World) -> None:
    world.plan("2025-11-10", "S", "VOX")
    world.plan("2025-11-10", "L", "VOX|DATA")
    # Bills have the numbers of alpha's invoices, and pay in pounds.
    line = world.line("bravo_plain", "2025-11-10", addons="SEC", fee=Decimal("18.50"), household=3)
    line.uses("2026-02-20", mb=30).billed("2026-02-10", "20.00", "i000001").pays("2026-02-20", "5.00", "i000001", "REJ")
    line.changes("2026-02-15", tariff_id="L", fee=Decimal("28.50"), term_months=24, commit_until=date(2028, 2, 14))
    world.line("bravo_prepaid", "2025-11-10", pay_mode="PRE", pay_channel="VOUCHER").uses("2026-01-20")
    world.line("bravo_barred", "2025-11-10").uses("2026-02-01").changes("2026-02-20", state="B")
    world.line("bravo_in_debt", "2025-11-10").uses("2026-02-01").leaves("2026-03-10", "DEBT")
    # A number that moved within the house: its use before the port stays with alpha.
    world.subscriber("moves_to_bravo", "2025-11-10", number="moving").uses("2026-02-05", mb=5).ports_out("2026-02-09")
    world.line("moved_from_alpha", "2026-02-10", msisdn_token="moving").uses("2026-02-12", mb=50)
