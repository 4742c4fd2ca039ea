"""S04: what a person types reaches SQL only as a day. Fifty payloads at every door that takes one; none passes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines import clock
from pipelines.errors import UsageError
from pipelines.models import spec_of
from pipelines.promotion import policy
from pipelines.settings import PROJECT

DAY = "2026-03-01"
ENDS = (
    "' or 1=1 --", "'; drop table dim_subscriber; --", "\" or \"\"=\"", "') union select * from x --", "\\'; --",
    " or 1=1", "/**/or/**/1=1", "; attach 'x.db'", "; copy (select 1) to '/tmp/x'", "') -- ", "'||(select 1)||'",
    "\x00", "\n", "\n2026-03-02", "\r\n", "%00", "%27", "＇ or 1=1", "{{ var.value.x }}", "{% raw %}", "${HOME}",
    "$(id)", "`id`", "|id", "&& id", "> /tmp/x", "../../x", "/../..", "T00:00:00", "T00:00:00Z", "+01:00", " ", "\t",
    ",2026-03-02", "]", "}", "\u202e", "é",
)
WHOLE = (
    "", " ", "' or '1'='1", "today", "now()", "current_date", "0000-00-00", "2026-02-30", "2026-13-01", "10000-01-01",
    "２０２６-03-01", "2026-3-1",
)
PAYLOADS = [*(DAY + end for end in ENDS), *WHOLE]


def test_there_are_fifty() -> None:
    assert len(set(PAYLOADS)) == 50


def test_S04_no_payload_is_a_day() -> None:
    assert clock.parse_day(DAY) == date(2026, 3, 1)
    for payload in PAYLOADS:
        with pytest.raises(UsageError):
            clock.parse_day(payload)


def test_S04_no_payload_is_a_partition_key_nor_passes_in_the_conf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "plugins"))
    monkeypatch.syspath_prepend(str(PROJECT / "dags"))
    from dagkit.defaults import as_of

    assert as_of(SimpleNamespace(partition_key=DAY, conf={})) == date(2026, 3, 1)
    for payload in PAYLOADS:
        for run in (SimpleNamespace(partition_key=payload, conf={}),
                    SimpleNamespace(partition_key=None, conf={"as_of": payload})):
            with pytest.raises(UsageError):
                as_of(run)


def test_S04_the_pattern_of_the_dag_s_own_fields_lets_no_quote_through() -> None:
    """A pattern may let an impossible day through; parse_day then refuses it. It lets nothing else through."""
    text = (PROJECT / "dags" / "bootstrap_history.py").read_text(encoding="utf-8")
    (pattern,) = re.findall(r'DAY_PATTERN = r"(.+)"', text)
    for payload in PAYLOADS:
        if re.search(pattern, payload):
            assert re.fullmatch(r"\d{4}-\d{2}-\d{2}\n?", payload), payload


@pytest.mark.parametrize("command", [("night", "--as-of"), ("score", "churn", "--as-of"), ("train", "churn", "--as-of"),
                                     ("rollback", "churn", "--from")])
def test_S04_no_payload_passes_the_command_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    from pipelines import cli

    for payload in PAYLOADS:
        monkeypatch.setattr(sys, "argv", ["telco", *command, payload])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2, payload
        capsys.readouterr()
    assert not (home / "champions").exists()


@pytest.mark.parametrize("door", [spec_of, policy.person])
def test_S04_no_payload_is_a_model_or_breaks_out_of_a_name(door: Callable[[str], object]) -> None:
    for payload in PAYLOADS:
        if door is policy.person and re.fullmatch(r"[\w.@+ -]+", payload) and payload[0].isalnum():
            continue  # a day with a letter after it is a harmless name
        with pytest.raises(UsageError):
            door(payload)
