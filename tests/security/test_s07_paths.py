"""S07: nothing outside landing/ is read and nothing outside the house is written, whatever names and links say."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing
from pipelines.errors import Held, RejectedFile, UsageError
from pipelines.estate import load
from pipelines.settings import settings

USAGE = "network.usage_daily"


@pytest.mark.parametrize("what", ["data", "control", "folder"])
def test_S07_a_symbolic_link_is_rejected_and_its_target_is_not_copied(
    home: Path, drops: ModuleType, tmp_path: Path, what: str
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    link = {"data": path, "control": path.with_name(path.name + ".ctl"), "folder": path.parent}[what]
    secret = tmp_path / "secret"
    link.rename(secret)
    link.symlink_to(secret)
    with pytest.raises(RejectedFile, match="symbolic link"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()
    if what == "data":
        copies = [p for p in (home / "quarantine").rglob("*") if p.is_file() and not p.name.endswith(".json")]
        assert all(hashlib.sha256(p.read_bytes()).digest() != hashlib.sha256(secret.read_bytes()).digest()
                   for p in copies)


# What somebody might call a feed so that its files lie elsewhere, or so that a shell, a log or SQL reads them wrongly.
NAMES = (
    "../../etc.passwd", "..", ".", "", "/etc/passwd", "/.usage", "network./etc", "network.../x", "network..usage",
    "network.usage/../../x", "network\\\\usage.daily", "..\\\\..\\\\x.y", "C:\\\\x.y", "network.usage\\u0000",
    "network.usage\\n", "network. usage", "~root.x", "$HOME.x", "network.x;rm", "network.x' or '1", "network.%2e%2e",
    "Network.Usage", "n\\u0435twork.usage",
    "\\uff0e\\uff0e.x", "network.\\u202eegasu", "network.*", "network.usage.daily", "-rf.x",
    "network." + "x" * 300,
)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_S07_a_feed_whose_name_could_lead_elsewhere_is_refused_where_the_estate_is_read(
    home: Path, drops: ModuleType, name: str
) -> None:
    drops.estate(USAGE)
    path = settings().estate_file
    text = path.read_text() + f'\n[feeds."{name}"]\noperator = "alpha"\nlike = "{USAGE}"\n'
    assert len(tomllib.loads(text)["feeds"]) == 2
    path.write_text(text)
    with pytest.raises(UsageError, match=r"a feed is named source\.feed in lower case"):
        load(path)


def test_S07_a_sound_name_passes_the_same_check(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    path = settings().estate_file
    path.write_text(path.read_text() + f'\n[feeds."vendor_2.usage"]\noperator = "alpha"\nlike = "{USAGE}"\n')
    assert "vendor_2.usage" in load(path).feeds


@pytest.mark.parametrize("name", ["../../etc", "/etc", "..", "network/..", "network\\..", ""])
def test_S07_no_word_of_the_command_line_leads_out_of_the_house(home: Path, drops: ModuleType, name: str) -> None:
    drops.estate(USAGE)
    with pytest.raises(UsageError, match="no such source"):
        landing.land(drops.AS_OF, source=name)
    with pytest.raises(UsageError, match="no such feed"):
        landing.declare_absent(f"{name}.usage", drops.DT, "a test")
    assert sorted(path.name for path in home.iterdir()) == ["estate.toml"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../../x", "..\\..\\x", "network\\usage_daily"])
@pytest.mark.parametrize("key", ["feed", "dt"])
def test_S07_a_control_file_cannot_send_its_drop_elsewhere(
    home: Path, drops: ModuleType, key: str, name: str
) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    drops.say(USAGE, **{key: name})
    with pytest.raises(RejectedFile, match=f"{key} is "):
        landing.land(drops.AS_OF)
    stray = [path for path in home.rglob("*") if path.name in ("x", "passwd") or "\\" in path.name]
    assert stray == []


@pytest.mark.parametrize("level", ["source", "feed", "dt", "another day"])
def test_S07_a_drop_behind_a_linked_folder_is_rejected_and_nothing_is_copied_out_of_it(
    home: Path, drops: ModuleType, tmp_path: Path, level: str
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    folder = {"source": path.parents[2], "feed": path.parents[1]}.get(level, path.parent)
    # The last one stays inside landing/: a link there still shows one file as another's.
    target = tmp_path / "secret" if level != "another day" else folder.with_name("elsewhere")
    secret = path.read_bytes()
    folder.rename(target)
    folder.symlink_to(target)
    with pytest.raises(RejectedFile, match="symbolic link"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()
    assert all(path.read_bytes() != secret for path in (home / "quarantine").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "/dev/zero", "/proc/self/environ", "../../../../../etc/passwd", "loop"])
@pytest.mark.parametrize("what", ["data", "control"])
def test_S07_a_link_to_a_file_of_the_machine_is_never_opened(
    home: Path, drops: ModuleType, what: str, target: str
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    link = path if what == "data" else path.with_name(path.name + ".ctl")
    link.unlink()
    link.symlink_to(link.name if target == "loop" else target)
    with pytest.raises((RejectedFile, Held)) as refused:
        landing.land(drops.AS_OF)
    assert re.search("symbolic link|data file|control file", str(refused.value))
    assert not drops.raw_path(USAGE).exists()
    assert not any(b"root:" in path.read_bytes() for path in (home / "quarantine").rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder"])
@pytest.mark.parametrize("what", ["data", "control"])
def test_S07_what_is_no_file_is_rejected_and_not_waited_for(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch, what: str, kind: str
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    odd = path if what == "data" else path.with_name(path.name + ".ctl")
    odd.unlink()
    if kind == "fifo":
        os.mkfifo(odd)
    elif kind == "folder":
        odd.mkdir()
    else:
        monkeypatch.chdir(odd.parent)  # the path of a socket is at most 107 bytes
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(odd.name)
    # A door that opened a pipe and waited would hang; the child is given a minute.
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "land", "--as-of", f"{drops.AS_OF}"],
        capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 3, done.stderr
    assert re.search("is not a file|cannot be opened", done.stderr)
    assert "Traceback" not in done.stderr


def test_S07_a_file_that_becomes_a_link_between_the_look_and_the_opening_is_not_followed(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    secret = tmp_path / "secret"
    path.rename(secret)
    path.symlink_to(secret)
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    monkeypatch.setattr(Path, "resolve", lambda self, **_: self)
    with pytest.raises(RejectedFile, match="cannot be opened"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()
