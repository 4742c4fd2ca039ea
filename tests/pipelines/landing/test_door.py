"""What the door takes, what it stamps on every row, what it says of drops that are not there."""

from __future__ import annotations

import io
import re
import stat
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.errors import Held, RejectedFile, UsageError
from pipelines.landing.contract import FEEDS, RAW_COLUMNS
from pipelines.publish import Dataset
from pipelines.settings import settings

USAGE = "network.usage_daily"
INVOICES = "billing_alpha.invoices"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def test_a_night_lands_every_feed_with_its_version_and_knowledge_date(home: Path, drops: ModuleType) -> None:
    drops.drop_all()
    landed = landing.land(drops.AS_OF)
    assert [done.feed for done in landed] == [feed.id for feed in FEEDS]
    assert [(done.state, done.rows, done.quarantined, done.warnings) for done in landed] == [
        ("published", len(drops.rows(feed.id)), 0, ()) for feed in FEEDS
    ]
    for feed in FEEDS:
        table = drops.raw(feed.id)
        assert tuple(table.column_names[-len(RAW_COLUMNS):]) == RAW_COLUMNS
        assert table.to_pylist()[0].items() >= {
            "operator": "bravo" if feed.source == "billing_bravo" else "alpha", "source": feed.source,
            "dt": "2026-03-10", "drop_version": 1, "known_on": drops.AS_OF,
            "is_known_assumed": False,
        }.items()


def test_no_clear_identifier_no_name_and_no_free_text_gets_past_the_door(home: Path, drops: ModuleType) -> None:
    drops.drop_all()
    landing.land(drops.AS_OF)
    published = [path for path in settings().raw.rglob("*") if path.is_file()]
    assert len(published) > len(FEEDS)
    text = b"".join(
        str(pq.read_table(path, partitioning=None).to_pylist()).encode() if path.suffix == ".parquet"
        else path.read_bytes() for path in published
    )
    clear_forms = (b"A0000001", b"S0000001", b"15100000001", b"Ms. 1", b"is 49151", b"on 49151", "Zoë".encode(),
                   b"44770", b"999100000")
    for clear in clear_forms:  # at the start of a word: a random token may hold any five digits within it
        assert not re.search(rb"(?<![0-9a-z])" + re.escape(clear), text)


def test_one_number_has_one_token_in_every_feed_with_or_without_its_plus(home: Path, drops: ModuleType) -> None:
    drops.drop_all()
    landing.land(drops.AS_OF)
    tokens = [set(drops.raw(feed)["msisdn_token"].to_pylist())
              for feed in ("billing_alpha.subscriptions", USAGE, "care.interactions")]
    assert tokens[0] == tokens[1] == tokens[2]
    assert all(len(token) == 32 for token in tokens[0])


def test_local_time_becomes_utc(home: Path, drops: ModuleType) -> None:
    drops.drop_all()
    landing.land(drops.AS_OF)
    assert f"{drops.raw('billing_alpha.payments')['paid_at'][0]}" == "2026-03-10 09:30:00"
    assert f"{drops.raw('care.interactions')['opened_at'][0]}" == "2026-03-10 11:30:00"


def test_a_missing_mandatory_drop_holds_and_names_feed_and_day_after_landing_the_others(
    home: Path, drops: ModuleType
) -> None:
    drops.drop_all()
    path = drops.drop(INVOICES)
    path.unlink()
    with pytest.raises(Held, match=r"billing_alpha.invoices dt=2026-03-10[\s\S]*without its data file") as held:
        landing.land(drops.AS_OF)
    assert held.value.exit_code == 3
    assert drops.raw_path("care.interactions").exists()
    assert landing.missing(drops.AS_OF, window_days=1) == {INVOICES: [drops.DT]}


def test_an_optional_feed_that_does_not_come_is_declared_absent_with_the_reason(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE, mandatory=False)
    assert [done.state for done in landing.land(drops.AS_OF)] == ["absent"]
    assert landing.missing(drops.AS_OF, window_days=1) == {}
    entry = Dataset(settings().raw / "network/usage_daily", ("dt",)).entry({"dt": "2026-03-10"})
    assert entry is not None
    assert "optional" in entry.inputs["reason"]


def test_a_feed_the_operator_does_not_have_is_not_asked_for(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE, delivered=False)
    assert landing.land(drops.AS_OF) == []


def test_nothing_is_expected_before_history_starts(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    assert landing.land(drops.HISTORY_START) == []
    assert landing.missing(drops.HISTORY_START + timedelta(days=1)) == {USAGE: [drops.HISTORY_START]}


def test_a_day_declared_empty_by_its_control_file_is_absent_and_not_missing(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop_empty(USAGE)
    assert [done.state for done in landing.land(drops.AS_OF)] == ["absent"]
    assert landing.missing(drops.AS_OF, window_days=1) == {}


def test_an_empty_control_file_does_not_withdraw_rows_that_were_published(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    drops.drop_empty(USAGE)
    with pytest.raises(RejectedFile, match="3 rows are published"):
        landing.land(drops.AS_OF)
    assert drops.raw(USAGE).num_rows == 3


def test_a_day_declared_absent_needs_a_reason_and_a_feed_that_exists(home: Path, drops: ModuleType) -> None:
    with pytest.raises(UsageError, match="no such feed"):
        landing.declare_absent("billing.x", drops.DT, "strike")
    with pytest.raises(UsageError, match="say why"):
        landing.declare_absent(USAGE, drops.DT, " ")


def test_data_cannot_be_declared_away(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    with pytest.raises(Held, match="3 rows are published"):
        landing.declare_absent(USAGE, drops.DT, "strike")


def test_a_landed_day_stays_landed_when_landing_is_purged(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    landing.land(drops.AS_OF)
    path.unlink()
    path.with_name(path.name + ".ctl").unlink()
    assert [done.state for done in landing.land(drops.AS_OF)] == ["duplicate"]


def test_a_range_in_bulk_gives_the_bytes_of_the_same_days_one_by_one_backwards(
    home: Path, drops: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [drops.DT + timedelta(days=offset) for offset in range(3)]

    def deliver() -> None:
        drops.estate(USAGE, INVOICES)
        for dt in wanted:
            drops.drop(USAGE, [*drops.rows(USAGE, 150, dt), {**drops.usage(999, dt), "data_kb": -1}], dt)
            drops.drop(INVOICES, drops.rows(INVOICES, 5, dt), dt)

    deliver()
    bulk = landing.land_range(wanted[0], wanted[-1])
    assert {(done.feed, done.quarantined) for done in bulk} == {(USAGE, 1), (INVOICES, 0)}
    key_files = {path.name: path.read_bytes() for path in settings().secrets.glob("*.json")}
    expected = {name: data for name, data in files(settings().raw).items() if name.endswith(".parquet")}

    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "other"))
    settings.cache_clear()
    deliver()
    settings().secrets.mkdir()
    for name, data in key_files.items():
        (settings().secrets / name).write_bytes(data)
    for dt in reversed(wanted):
        landing.land(dt + timedelta(days=1))
    assert {name: data for name, data in files(settings().raw).items() if name.endswith(".parquet")} == expected


def test_every_feed_has_a_typed_file_without_rows_so_that_models_can_always_read(home: Path) -> None:
    assert landing.ensure_schemas() == len(FEEDS)
    assert landing.ensure_schemas() == 0
    for feed in FEEDS:
        path = settings().raw / feed.source / feed.name / "schema" / "data.parquet"
        assert pq.read_metadata(path).num_rows == 0


def test_raw_files_have_the_schema_of_the_file_without_rows(home: Path, drops: ModuleType) -> None:
    drops.drop_all()
    landing.land(drops.AS_OF)
    for feed in FEEDS:
        empty = settings().raw / feed.source / feed.name / "schema" / "data.parquet"
        assert pq.read_schema(drops.raw_path(feed.id)).equals(pq.read_schema(empty)), feed.id


def test_vault_quarantine_and_keys_are_closed_to_others(home: Path, drops: ModuleType) -> None:
    drops.drop_all()
    drops.drop(USAGE, [*drops.rows(USAGE, 150), {**drops.usage(999, drops.DT), "data_kb": -1}])
    landing.land(drops.AS_OF)
    for root in (settings().vault, settings().quarantine, settings().secrets):
        found = [root, *root.rglob("*")]
        assert len(found) > 1, root
        open_to_others = [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077 and path.name != ".lock"]
        assert not open_to_others


def test_an_unknown_source_is_named(home: Path) -> None:
    with pytest.raises(UsageError, match="no such source: 'radio'"):
        landing.land(date(2026, 3, 11), source="radio")


def in_groups(table: pa.Table, rows: int) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=rows)
    return out.getvalue()


def test_a_small_drop_in_several_row_groups_is_the_same_drop(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    table = pq.read_table(io.BytesIO(drops.encode(USAGE, drops.rows(USAGE, 300))))
    drops.put(USAGE, in_groups(table, 300), 300)
    landing.land(drops.AS_OF)
    in_one = drops.raw(USAGE)
    drops.put(USAGE, in_groups(table, 120), 300, dt=drops.DT + timedelta(days=1))
    (landed,) = landing.land(drops.AS_OF + timedelta(days=1))
    assert (landed.state, landed.rows, landed.quarantined) == ("published", 300, 0)
    again = pq.ParquetFile(next((settings().raw / "network/usage_daily").glob("dt=2026-03-11/data.parquet"))).read()
    same = [name for name in in_one.column_names if name not in {"dt", "known_on"}]
    assert again.select(same).equals(in_one.select(same))


def test_row_groups_beyond_the_rows_told_are_refused_before_they_are_read_to_the_end(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(USAGE)
    table = pq.read_table(io.BytesIO(drops.encode(USAGE, drops.rows(USAGE, 300))))
    drops.put(USAGE, in_groups(table, 60), 100)
    with pytest.raises(RejectedFile, match="more rows than the 100 the control file says"):
        landing.land(drops.AS_OF)
