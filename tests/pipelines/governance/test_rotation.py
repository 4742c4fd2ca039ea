"""A new linking key: every token changes, everything that joined still joins, and the keys are seen nowhere."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.errors import Held, UsageError
from pipelines.governance import audit, erasure, rotation, tombstones
from pipelines.landing.contract import Identifier
from pipelines.landing.tokens import Tokens, linking_key, rotation_file
from pipelines.settings import settings

USAGE = "network.usage_daily"


@pytest.mark.parametrize("kind", ["msisdn", "account", "imsi"])
def test_what_joined_before_joins_after(house: Any, kind: str) -> None:
    feeds = {"msisdn": ("billing_alpha.subscriptions", USAGE), "imsi": ("billing_bravo.subscribers",) * 2,
             "account": ("billing_alpha.accounts", "billing_alpha.invoices")}[kind]
    name = f"{kind}_token"
    before = [house.raw(feed)[name].to_pylist() for feed in feeds]
    done = rotation.rotate(kind)
    after = [house.raw(feed)[name].to_pylist() for feed in feeds]
    renamed = {old: new for olds, news in zip(before, after, strict=True) for old, new in zip(olds, news, strict=True)}
    assert all([renamed[one] for one in olds] == news for olds, news in zip(before, after, strict=True))
    assert len(set(renamed.values())) == len(renamed)  # nobody became somebody else
    assert not set(renamed) & set(renamed.values())
    assert (done.key_before, done.key_after) != (done.key_after, done.key_before)
    assert not [token for token in renamed if token in house.text("raw", "vault")]


def test_the_next_day_joins_the_days_before(house: Any) -> None:
    rotation.rotate("msisdn")
    day = house.drops.DT + timedelta(days=1)
    house.drop(USAGE, house.drops.rows(USAGE, 12, day), dt=day)
    with pytest.raises(Held):  # the other feeds of that day have not come
        house.land(days=1)
    lines = dict(zip(house.raw("billing_alpha.subscriptions")["subscription_token"].to_pylist(),
                     house.raw("billing_alpha.subscriptions")["msisdn_token"].to_pylist(), strict=True))
    assert lines[house.line()] in house.raw(USAGE, 1)["msisdn_token"].to_pylist()
    assert lines[house.line()] == Tokens().column(Identifier.MSISDN, "", _one("+4915100000003"))[0].as_py()
    vault = [row for rows in house.rows("vault").values() for row in rows if row["token"] == lines[house.line()]]
    assert [row["identifier"] for row in vault] == ["4915100000003"]


def test_whoever_was_erased_stays_out_under_the_new_key(house: Any) -> None:
    erasure.erase(house.requests(3), house.on)
    before = {stone.token for stone in tombstones.standing() if stone.kind == "msisdn"}
    rotation.rotate("msisdn")
    rotation.rotate("msisdn")
    assert not before & {stone.token for stone in tombstones.standing()}
    day = house.drops.DT + timedelta(days=1)
    house.drop(USAGE, house.drops.rows(USAGE, 12, day), dt=day)
    with pytest.raises(Held):
        house.land(days=1)
    assert house.raw(USAGE, 1).num_rows == 11


def test_killed_half_way_it_holds_the_door_and_is_finished_by_the_same_command(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = house.raw("billing_alpha.subscriptions")["msisdn_token"].to_pylist()

    def dies(*_: object) -> int:
        raise KeyboardInterrupt

    for step in ("_segment", "_stones", "store"):
        with monkeypatch.context() as patch:
            patch.setattr(rotation, step, dies)
            with pytest.raises(KeyboardInterrupt):
                rotation.rotate("msisdn")
        with pytest.raises(Held, match="rotate-key msisdn"):
            Tokens().column(Identifier.MSISDN, "", _one("491"))
    rotation.rotate("msisdn")
    assert not rotation_file(Identifier.MSISDN).exists()
    found = house.raw("billing_alpha.subscriptions")["msisdn_token"].to_pylist()
    assert found == Tokens().column(Identifier.MSISDN, "", _one(
        *(f"+49151{number:08d}" for number in range(12)))).to_pylist()
    assert found != numbers
    assert len(audit.history("key_rotation")) == 1


def test_no_key_is_printed_logged_audited_or_kept_outside_secrets(
    house: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = linking_key(Identifier.MSISDN)
    said = CliRunner().invoke(app, ["privacy", "rotate-key", "msisdn"]).output
    said += CliRunner().invoke(app, ["privacy", "rotate-key", "msisdn", "--json"]).output
    after = linking_key(Identifier.MSISDN)
    assert after.earlier[0] == before.secret
    assert len(after.earlier) == 2
    keys = [key.hex() for key in (after.secret, *after.earlier)]
    everywhere = house.text("raw", "vault", "audit", "anchors", "reports", "tombstones")
    said += f"{after!r}{settings()!r}" + "".join(record.getMessage() for record in caplog.records)
    assert after.key_id in said
    assert not [key for key in keys if key in said or key in everywhere]
    told = json.loads((settings().secrets / "link_msisdn.json").read_text())
    assert [*told["earlier"], told["key"]] == [*keys[1:], keys[0]]
    assert all(path.stat().st_mode & 0o077 == 0 for path in settings().secrets.rglob("*"))


def test_subscriptions_are_refused_with_the_reason(house: Any) -> None:
    with pytest.raises(UsageError, match="subscriber_id"):
        rotation.rotate("subscription")
    with pytest.raises(UsageError, match="account, msisdn, imsi"):
        rotation.rotate("name")


def _one(*values: str) -> Any:
    import pyarrow as pa

    return pa.array(values)
