"""What the files of the simulated house say agrees: bills with payments, numbers with ports, counters with cells."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from simulated_homes import rows, simulated

from pipelines.landing.contract import PRODUCTS
from pipelines.landing.feeds.billing_bravo import PRODUCT_CODES
from pipelines.landing.feeds.counters import VENDORS
from pipelines.landing.feeds.network import VENDORS as VENDOR_NAMES


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough for a number to be freed, to rest, and to be given to somebody else."""
    home = tmp_path_factory.mktemp("long")
    simulated(home, subscribers=800, days=160, nights=0, seed=3)
    return home


def test_customer_and_contract_numbers_of_the_two_operators_collide_and_mean_other_people(dumped: Path):
    alpha = {row["account_id"]: row["customer_name"] for row in rows(dumped, "billing_alpha.accounts")}
    bravo = {row["customer_no"]: row["full_name"] for row in rows(dumped, "billing_bravo.subscribers")}
    shared = set(alpha) & set(bravo)
    assert len(shared) > 40
    assert all(number.isdigit() for number in shared)
    assert not [number for number in shared if alpha[number] == bravo[number]]
    contracts = {row["subscription_id"] for row in rows(dumped, "billing_alpha.subscriptions")}
    assert contracts & {row["sub_ref"] for row in rows(dumped, "billing_bravo.subscribers")}


def test_about_a_third_of_the_lines_are_bravos(dumped: Path):
    alpha = {row["subscription_id"] for row in rows(dumped, "billing_alpha.subscriptions")}
    bravo = {row["sub_ref"] for row in rows(dumped, "billing_bravo.subscribers")}
    assert 0.3 < len(bravo) / (len(alpha) + len(bravo)) < 0.4


def test_names_need_the_encodings_their_operators_declare(dumped: Path):
    path = dumped / "landing/billing_alpha/accounts/dt=2025-12-30/accounts.csv"
    with pytest.raises(UnicodeDecodeError):
        path.read_bytes().decode("utf-8")
    names = " ".join(row["full_name"] for row in rows(dumped, "billing_bravo.subscribers"))
    with pytest.raises(UnicodeEncodeError):
        names.encode("iso-8859-1")


def test_bravo_speaks_its_own_codes_and_its_fee_is_exact_to_the_penny(dumped: Path):
    plans = {row["tariff_id"]: set(row["components"].split("|")) for row in rows(dumped, "billing_bravo.plans")}
    for row in rows(dumped, "billing_bravo.subscribers"):
        held = plans[row["tariff_id"]] | set((row["addons"] or "").split("|")) - {""}
        assert {PRODUCT_CODES[code] for code in held} <= set(PRODUCTS)
        assert not plans[row["tariff_id"]] & set((row["addons"] or "").split("|"))
        assert row["fee"].as_tuple().exponent == -2
        assert (row["pay_mode"] == "PRE") == (row["pay_channel"] == "VOUCHER")
        assert (row["term_months"] > 0) == (row["commit_until"] is not None)
        assert (row["state"] == "T") == (row["terminated_on"] is not None) == (row["term_code"] is not None)


@pytest.mark.parametrize(("bills", "payments", "number", "issued", "paid"), [
    ("billing_alpha.invoices", "billing_alpha.payments", "invoice_id", "issued_on", "paid_at"),
    ("billing_bravo.bills", "billing_bravo.payments", "bill_no", "issued_at", "booked_at"),
])
def test_every_payment_pays_a_bill_that_was_sent_before_it(
    dumped: Path, bills: str, payments: str, number: str, issued: str, paid: str,
):
    sent = {row[number]: row[issued][:10] for row in rows(dumped, bills)}
    made = rows(dumped, payments)
    assert len(made) > 100
    assert len(sent) == len(rows(dumped, bills)), "a number twice"
    assert all(sent[row[number]] <= row[paid][:10] for row in made)


def test_a_settled_billing_complaint_may_end_in_a_credit_note(long: Path):
    credits = [row for row in rows(long, "billing_alpha.invoices") if row["amount_cents"].startswith("-")]
    credits += [row for row in rows(long, "billing_bravo.bills") if row["total"] < 0]
    assert credits


def test_a_suspension_follows_failed_payments_and_non_payment_follows_a_suspension(long: Path):
    failed = Counter(row["account_id"] for row in rows(long, "billing_alpha.payments") if row["status"] == "failed")
    suspended: dict[str, str] = {}
    ends = 0
    for row in rows(long, "billing_alpha.subscriptions"):
        if row["status"] == "suspended" and row["subscription_id"] not in suspended:
            suspended[row["subscription_id"]] = row["changed_at"][:10]
            assert failed[row["account_id"]] >= 3
        if row["end_reason"] == "non_payment":
            ends += 1
            assert suspended[row["subscription_id"]] < row["changed_at"][:10]
    assert suspended
    assert ends


def test_a_product_is_taken_before_it_is_given_up_and_ends_with_its_line(long: Path):
    ended = {row["subscription_id"]: row["ended_on"] for row in rows(long, "billing_alpha.subscriptions")
             if row["status"] == "ended"}
    held: dict[tuple[str, str], str] = {}
    for row in rows(long, "billing_alpha.products"):
        key = (row["subscription_id"], row["product_code"])
        if row["ended_on"]:
            assert held.pop(key) == row["started_on"]
        else:
            assert key not in held
            held[key] = row["started_on"]
    assert ended
    assert not [key for key in held if key[0] in ended], "held after the end"


def test_an_ended_line_uses_nothing_from_its_last_day_until_its_number_is_given_on(long: Path):
    given = {row["msisdn"]: row["occurred_at"].date() for row in rows(long, "network.number_events")
             if row["event"] == "reassignment"}
    ended = {row["msisdn"].lstrip("+"): date.fromisoformat(row["ended_on"])
             for row in rows(long, "billing_alpha.subscriptions") if row["status"] == "ended"}
    used = [row for row in rows(long, "network.usage_daily") if row["msisdn"] in ended]
    assert used
    for row in used:
        on = row["usage_on"]
        assert on < ended[row["msisdn"]] or on >= given.get(row["msisdn"], date.max), row


def test_a_number_is_reassigned_to_a_stranger_only_after_its_quarantine(long: Path):
    holders: dict[str, list[tuple[str, str]]] = defaultdict(list)
    freed: dict[str, date] = {}
    for operator, feed, names in (
        ("alpha", "billing_alpha.subscriptions", ("subscription_id", "status", "ended", "ended_on")),
        ("bravo", "billing_bravo.subscribers", ("sub_ref", "state", "T", "terminated_on")),
    ):
        line, state, gone, on = names
        for row in rows(long, feed):
            number, who = row["msisdn"].lstrip("+"), (operator, row[line])
            if who not in holders[number]:
                holders[number].append(who)
            if row[state] == gone:
                freed.setdefault(number, date.fromisoformat(row[on]))
    given = [row for row in rows(long, "network.number_events") if row["event"] == "reassignment"]
    assert len(given) > 3
    for row in given:
        assert len(holders[row["msisdn"]]) == 2
        assert row["occurred_at"].date() - freed[row["msisdn"]] >= timedelta(60)
    moved = {number for number, who in holders.items() if len(who) > 1}
    assert moved == {row["msisdn"] for row in given}, "two lines share a number that was never reassigned"
    used = {row["msisdn"] for row in rows(long, "network.usage_daily") if row["usage_on"] > date(2026, 3, 31)}
    assert used & moved


def test_ports_agree_with_billing_and_a_sim_swap_changes_the_imsi(long: Path):
    events = rows(long, "network.number_events")
    assert {row["event"] for row in events} == {"activation", "port_in", "port_out", "sim_swap", "reassignment"}
    ported = {row["msisdn"].lstrip("+") for row in rows(long, "billing_alpha.subscriptions")
              if row["end_reason"] == "port_out"}
    ported |= {row["msisdn"].lstrip("+") for row in rows(long, "billing_bravo.subscribers")
               if row["term_code"] == "MNP"}
    assert ported == {row["msisdn"] for row in events if row["event"] == "port_out"}
    for row in events:
        assert (row["other_network"] is not None) == (row["event"] in ("port_in", "port_out"))
        assert len(row["imsi"]) == 15
        assert row["imsi"].startswith("999")
    sims: dict[str, str] = {}
    swaps = 0
    for row in events:
        if row["event"] == "sim_swap" and row["msisdn"] in sims:
            swaps += 1
            assert row["imsi"] != sims[row["msisdn"]]
        sims[row["msisdn"]] = row["imsi"]
    assert swaps


def test_every_cell_used_is_listed_and_shares_leave_room_for_other_cells(dumped: Path):
    cells = {row["cell_id"] for row in rows(dumped, "network.cells")}
    used = rows(dumped, "network.usage_daily")
    assert len(used) > 10_000
    thirds = 0
    for row in used:
        found = [(row[f"cell_{rank}_id"], row[f"cell_{rank}_share"]) for rank in (1, 2, 3)]
        there = [(cell, share) for cell, share in found if cell is not None]
        thirds += len(there) == 3
        assert {cell for cell, _ in there} <= cells
        assert len({cell for cell, _ in there}) == len(there) >= 2
        shares = [share for _, share in there]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1.0000001
        assert (row["cell_3_id"] is None) == (row["cell_3_share"] is None)
    assert 0 < thirds < len(used)


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_vendor_reports_its_own_cells_in_every_period(daily: Path, vendor):
    day = "dt=2025-12-20"
    mine = {row["cell_id"] for row in rows(daily, "network.cells", day, day) if row["vendor"] == vendor.name}
    found = Counter(row[vendor.cell] for row in rows(daily, f"pm.{vendor.name}", day, day))
    assert mine
    assert found == dict.fromkeys(mine, 24 * 60 // vendor.granularity_minutes)


def canonical(home: Path, day: str) -> dict[str, dict[str, float]]:
    """The day's sums of every cell in canonical terms: vendor value * factor."""
    cells: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for vendor in VENDORS:
        for row in rows(home, f"pm.{vendor.name}", day, day):
            for counter in vendor.counters:
                cells[row[vendor.cell]][counter.measurement] += float(row[counter.name]) * counter.factor
    return cells


def test_counters_of_all_vendors_mean_the_same_once_units_are_undone(daily: Path):
    day = "dt=2025-12-20"
    cells = {row["cell_id"]: row for row in rows(daily, "network.cells", day, day)}
    traffic: dict[str, float] = defaultdict(float)
    for row in rows(daily, "network.usage_daily", day, day):
        for rank in (1, 2, 3):
            if row[f"cell_{rank}_id"]:
                traffic[row[f"cell_{rank}_id"]] += row["data_kb"] * row[f"cell_{rank}_share"]
    seen = {name: 0 for name in VENDOR_NAMES}
    for cell, sums in canonical(daily, day).items():
        assert sums["rrc_successes"] <= sums["rrc_attempts"]
        assert sums["bearer_abnormal_releases"] <= sums["bearer_releases"]
        assert 0 < sums["prb_used"] < sums["prb_available"]
        prbs = 273 if cells[cell]["technology"] == "nr" else 100
        assert sums["prb_available"] == pytest.approx(prbs * 86_400)
        if traffic[cell] > 100_000:
            seen[cells[cell]["vendor"]] += 1
            assert sums["dl_volume_kbit"] == pytest.approx(traffic[cell] * 8.192 * 0.9, rel=0.35)
            assert 5 < sums["dl_volume_kbit"] / sums["dl_active_ms"] < 120  # Mbit/s
            assert 15 < sums["dl_delay_ms_sum"] / sums["dl_delay_packets"] < 100
    assert all(seen.values()), seen


def test_a_complaint_begins_with_a_contact_and_is_closed_once(long: Path):
    contacts = {row["interaction_id"]: row for row in rows(long, "care.interactions")}
    states: dict[str, list[str]] = defaultdict(list)
    for row in rows(long, "care.complaints"):
        contact = contacts[row["interaction_id"]]
        assert contact["is_complaint"]
        assert contact["msisdn"] == row["msisdn"]
        assert contact["topic"] == row["category"]
        states[row["complaint_id"]].append(row["status"])
    assert len(states) == sum(row["is_complaint"] for row in contacts.values())
    closed = [found for found in states.values() if len(found) > 1]
    assert closed
    assert all(found[0] == "open" and len(found) <= 2 for found in states.values())


def test_consents_are_given_once_then_change_and_some_withdraw(long: Path):
    stands: dict[tuple[str, str, str], str] = {}
    withdrawn = 0
    for row in rows(long, "governance.consents"):
        key = (row["operator"], row["subscription_id"], row["purpose"])
        assert stands.get(key, "withdrawn") != row["status"]
        stands[key] = row["status"]
        withdrawn += row["status"] == "withdrawn"
    assert withdrawn > 10
    training = [status for (_, _, purpose), status in stands.items() if purpose == "MODEL_TRAINING"]
    assert training.count("granted") > 0.9 * len(training)


def test_a_campaign_holds_a_fifth_out_at_random_and_leaves_them_without_an_offer(long: Path):
    drawn = rows(long, "governance.campaigns")
    held_out = [row for row in drawn if row["arm"] == "control"]
    assert 0.1 < len(held_out) / len(drawn) < 0.3
    assert all(not row["offer"] and not row["channel"] for row in held_out)
    assert all(row["offer"] and row["channel"] for row in drawn if row["arm"] == "contacted")


def test_who_asks_to_be_forgotten_asks_once(long: Path):
    asked = [(row["operator"], row["subscription_id"]) for row in rows(long, "governance.erasure_requests")]
    assert len(set(asked)) == len(asked) > 0


def test_the_planted_personal_data_is_in_the_notes_and_in_the_list_of_canaries(dumped: Path):
    canaries = json.loads((dumped / "truth/canaries.json").read_text())
    notes = "\n".join(row["text"] for feed in ("care.interactions", "care.complaints") for row in rows(dumped, feed))
    for kind in ("email", "iban"):
        assert len(canaries[kind]) > 10
        assert all(value in notes for value in canaries[kind])
    assert any(name in notes for name in canaries["customer_name"])
    assert any(f"phone +{number}" in notes for number in canaries["msisdn"])


def test_the_list_of_canaries_has_every_identifier_of_every_file(dumped: Path):
    canaries = {kind: set(found) for kind, found in json.loads((dumped / "truth/canaries.json").read_text()).items()}
    places = {
        "account_id": {"billing_alpha.accounts": "account_id", "billing_bravo.subscribers": "customer_no"},
        "customer_name": {"billing_alpha.accounts": "customer_name", "billing_bravo.subscribers": "full_name"},
        "subscription_id": {"billing_alpha.subscriptions": "subscription_id", "billing_bravo.subscribers": "sub_ref"},
        "msisdn": {"billing_alpha.subscriptions": "msisdn", "billing_bravo.subscribers": "msisdn",
                   "network.usage_daily": "msisdn", "network.number_events": "msisdn", "care.interactions": "msisdn"},
        "imsi": {"billing_bravo.subscribers": "imsi", "network.number_events": "imsi"},
    }
    for kind, columns in places.items():
        found = {row[column].lstrip("+") for feed, column in columns.items() for row in rows(dumped, feed)}
        assert found == canaries[kind], kind
    assert {name.replace(" GmbH", "").split()[-1] for name in canaries["customer_name"]} == canaries["name_mark"]


def test_local_times_stay_clear_of_the_hours_a_clock_change_skips_or_repeats(dumped: Path):
    hours = {datetime.fromisoformat(row["changed_at"]).hour for row in rows(dumped, "billing_alpha.subscriptions")}
    assert min(hours) >= 7
    assert max(hours) <= 19
