"""Who holds which number when: F24 to F27, told in lines and asked of the models."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from lives import Lives, ids


def known(lives: Lives, *days: str) -> dict[str, set[str]]:
    return ids(lives.ask(*days), days)


def test_f24_a_reassigned_number_leaves_nothing_of_its_past_to_the_new_person() -> None:
    lives = Lives().line("old", "n", "01-01").line("old", "n", "02-10", ended="02-10")
    lives.line("new", "n", "05-20", since="05-20").event("reassignment", "n", "05-20")
    assert lives.held() == {("old", "n", "01-01", "02-11"), ("new", "n", "05-20", None)}


def test_f24_a_line_of_years_first_heard_of_with_a_new_number_reaches_back_to_the_hand_over_only() -> None:
    """Its first known row says 2020, but the number was somebody else's until February."""
    old = Lives().line("old", "n", "01-01").line("old", "n", "02-10", ended="02-10")
    old.line("new", "n", "03-01", since=date(2020, 1, 1))
    assert ("new", "n", "02-11", None) in old.held()
    # The network says so where billing never knew the old holder.
    told = Lives().line("new", "n", "03-01", since=date(2020, 1, 1)).event("activation", "n", "02-20")
    assert told.held() == {("new", "n", "02-20", None)}


def test_f24_a_reassignment_ends_the_hold_that_billing_never_closed() -> None:
    lives = Lives().line("old", "n", "01-01").event("reassignment", "n", "04-01")
    assert lives.held() == {("old", "n", "01-01", "04-01")}
    # Sold three days before the network acted: the number is the new person's and stays so.
    lives.line("new", "n", "03-29")
    assert lives.held() == {("old", "n", "01-01", "03-29"), ("new", "n", "03-29", None)}


def test_f25_a_port_out_ends_the_hold_before_billing_says_so() -> None:
    lives = Lives().line("s", "n", "01-01").event("port_out", "n", "03-10")
    assert lives.held("03-10") == {("s", "n", "01-01", None)}
    assert lives.held("03-11") == {("s", "n", "01-01", "03-11")}
    by_network = lives.ask("06-01").rows("select ported_out_on from int_number_holding")
    assert by_network == [{"ported_out_on": date(2026, 3, 10)}]
    lives.line("s", "n", "03-12", ended="03-10", reason="port_out")
    assert lives.held() == {("s", "n", "01-01", "03-11")}


def test_f25_a_port_out_that_became_known_late_counts_from_that_day() -> None:
    lives = Lives().line("s", "n", "01-01").event("port_out", "n", "03-10", known="04-01")
    assert lives.held("03-31") == {("s", "n", "01-01", None)}
    assert lives.held("04-01") == {("s", "n", "01-01", "03-11")}


def test_f25_the_subscriber_survives_a_port_out_and_a_return() -> None:
    lives = Lives().line("s", "n", "01-01").event("port_out", "n", "02-10").event("port_in", "n", "04-01")
    assert lives.held() == {("s", "n", "01-01", "02-11"), ("s", "n", "04-01", None)}
    billed = Lives().line("s", "n", "01-01").line("s", "n", "02-10", ended="02-10", reason="port_out")
    billed.line("s", "n", "04-01")
    assert billed.held() == lives.held()
    for told in (lives, billed):
        assert known(told, "03-01", "05-01") == {"03-01": {"sub_s"}, "05-01": {"sub_s"}}


def test_f25_a_second_port_out_ends_the_return() -> None:
    lives = Lives().line("s", "n", "01-01").event("port_out", "n", "02-10").event("port_in", "n", "03-01")
    lives.event("port_out", "n", "04-10")
    assert lives.held() == {("s", "n", "01-01", "02-11"), ("s", "n", "03-01", "04-11")}


def test_f25_a_number_ported_in_brings_no_history_along() -> None:
    lives = Lives().line("s", "n", "03-02", since="01-15").event("port_in", "n", "03-01")
    assert lives.held() == {("s", "n", "03-01", None)}


def test_f25_a_number_that_moves_within_the_house_on_one_day_is_the_new_lines() -> None:
    lives = Lives().line("a", "n", "01-01").event("port_out", "n", "03-10").event("port_in", "n", "03-10")
    lives.line("b", "n", "03-10", operator="bravo")
    assert lives.held() == {("a", "n", "01-01", "03-10"), ("b", "n", "03-10", None)}


def test_f26_a_sim_swap_changes_nothing_about_who_holds_the_number() -> None:
    lives = Lives().line("s", "n", "01-01")
    before = lives.held()
    lives.event("sim_swap", "n", "03-01", imsi_token="i2").event("sim_swap", "n", "03-01", imsi_token="i3")
    assert lives.held() == before == {("s", "n", "01-01", None)}


def test_f26_a_change_of_number_keeps_the_subscriber() -> None:
    lives = Lives().line("s", "n1", "01-01").line("s", "n2", "03-01")
    assert lives.held() == {("s", "n1", "01-01", "03-01"), ("s", "n2", "03-01", None)}
    assert known(lives, "02-01", "04-01") == {"02-01": {"sub_s"}, "04-01": {"sub_s"}}


def test_f27_the_same_number_in_two_systems_is_the_newest_claims_from_its_day() -> None:
    lives = Lives().line("a", "n", "01-01", since=date(2025, 12, 1))
    lives.line("b", "n", "01-05", since=date(2025, 12, 20), operator="bravo")
    assert lives.held() == {("a", "n", "12-01", "12-20"), ("b", "n", "12-20", None)}
    # A price that changes for everyone claims nothing.
    lives.line("a", "n", "03-01")
    assert lives.held() == {("a", "n", "12-01", "12-20"), ("b", "n", "12-20", None)}


def test_f27_on_the_day_of_the_merger_lines_of_years_take_nothing_from_each_other() -> None:
    """Bravo's first file names customers since 2019; the number was alpha's until two days before."""
    lives = Lives().line("a", "n", "01-01", since=date(2025, 1, 1)).line("a", "n", "02-27", ended="02-26")
    lives.line("b", "n", "03-01", since=date(2019, 1, 1), operator="bravo")
    assert ("b", "n", "02-27", None) in lives.held()
    # Ids that collide are told apart by the door: the token is made of operator and id.
    lives.line("c", "m", "03-01", operator="bravo")
    assert {row["operator"] for row in lives.ask("06-01").rows("select * from int_subscriber_identity")} == {
        "alpha", "bravo"}


DAYS = st.integers(0, 120).map(lambda days: date(2026, 1, 1) + timedelta(days))
ROWS = st.lists(st.tuples(
    st.sampled_from("abc"), st.sampled_from(["n1", "n2"]), DAYS, DAYS, st.none() | DAYS), min_size=1, max_size=8)
EVENTS = st.lists(st.tuples(
    st.sampled_from(["activation", "port_in", "port_out", "reassignment", "sim_swap"]), st.sampled_from(["n1", "n2"]),
    DAYS), max_size=6)


@settings(max_examples=60, deadline=None)
@given(ROWS, EVENTS)
def test_f24_f27_no_number_ever_has_two_holders_and_no_later_day_renames_anyone(rows, events) -> None:
    lives = Lives()
    for name, number, told, since, ended in rows:
        lives.line(name, number, told, since=since, ended=ended)
    for kind, number, day in events:
        lives.event(kind, number, day)
    days = ["02-01", "03-15", "06-01"]
    asked = lives.ask(*days)
    assert asked.faults("one_holder", "int_number_holding", keys=["known_by", "msisdn_token"]) == []
    assert asked.faults("grain", "int_number_holding",
                        columns=["known_by", "msisdn_token", "subscriber_id", "held_from_on"]) == []
    told = ids(asked, days)
    assert told["02-01"] <= told["03-15"] <= told["06-01"]
    asked.connection.close()


def test_the_test_of_one_holder_can_fail() -> None:
    asked = Lives().line("s", "n", "01-01").ask("06-01")
    asked.connection.execute("insert into int_number_holding select known_by, msisdn_token, 'sub_x', held_from_on + 1, "
                             "null, null from int_number_holding")
    assert len(asked.faults("one_holder", "int_number_holding", keys=["known_by", "msisdn_token"])) == 1
