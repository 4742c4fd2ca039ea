"""F35: a disk that refuses (full, no inodes, read-only, a limit) fails the step cleanly; what was published stands.

The real ones run in a mount namespace of their own, on a small tmpfs; where the machine allows none they are skipped
and the refusals made by hand below remain.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.disk import DiskRefused
from pipelines.landing import raw
from pipelines.landing.senders import feed
from pipelines.settings import settings

USAGE, ACCOUNTS = "network.usage_daily", "billing_alpha.accounts"
PROJECT = Path(__file__).parents[2]
ISOLATED = ("unshare", "--user", "--map-root-user", "--mount")


def everything(home: Path) -> dict[str, bytes]:
    """Every file but the locks and the reports; those leftovers that would be there are among them."""
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*")
            if path.is_file() and path.name != ".lock" and "reports" not in path.parts}


def leftovers(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.name.endswith(".tmp")]


def published(drops: ModuleType) -> None:
    """A home with a published day, and a correction of it that waits; one of its rows is bad."""
    drops.estate(USAGE, ACCOUNTS)
    for feed_id in (USAGE, ACCOUNTS):
        drops.drop(feed_id, drops.rows(feed_id, 200))
    landing.land(drops.AS_OF)
    drops.drop(USAGE, [{**row, "data_kb": 9 if at else -1} for at, row in enumerate(drops.rows(USAGE, 250))])
    drops.drop(ACCOUNTS, drops.rows(ACCOUNTS, 250))


def unchanged(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Files that were there have their bytes; a manifest may have got a line of what was tried, a whole one."""
    for name, data in before.items():
        assert after[name] == data or (name.endswith("manifest.jsonl") and after[name].startswith(data)), name
        if name.endswith(".jsonl"):
            assert after[name].endswith(b"\n")


def refuse(code: int) -> Callable[..., None]:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refused


@pytest.mark.parametrize(
    ("what", "code"),
    [*((what, errno.ENOSPC) for what in ("parquet", "footer", "rename", "fsync", "sealed")),
     ("rename", errno.EROFS), ("rename", errno.EDQUOT)],
)
def test_F35_a_write_the_disk_refuses_names_path_and_next_step_and_changes_nothing(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch, what: str, code: int
) -> None:
    published(drops)
    before = everything(home)
    owner, name = {
        "parquet": (pq.ParquetWriter, "write_table"), "footer": (pq.ParquetWriter, "close"), "rename": (os, "replace"),
        "fsync": (os, "fsync"), "sealed": (shutil, "copyfileobj"),
    }[what]
    monkeypatch.setattr(raw, "ensure_schemas", lambda: 0)  # those are written to memory first
    monkeypatch.setattr(owner, name, refuse(code))
    with pytest.raises(DiskRefused) as refused:
        landing.land(drops.AS_OF)
    monkeypatch.undo()
    said = str(refused.value)
    assert os.strerror(code) in said
    assert str(home) in said
    assert "Next: " in said
    assert refused.value.exit_code == 1
    unchanged(before, everything(home))
    assert leftovers(home) == []
    for feed_id in (USAGE, ACCOUNTS):
        dataset = raw.dataset(feed(feed_id))
        entry = dataset.entry({"dt": f"{drops.DT}"})
        assert entry is not None
        assert (entry.version, entry.rows) == (1, 200)
        assert dataset.verify({"dt": f"{drops.DT}"}).exists()


def test_F35_half_a_line_of_a_manifest_is_taken_back(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(drops)
    dataset = raw.dataset(feed(USAGE))
    before = dataset.manifest.read_bytes()
    real = Path.open

    class Full:
        """A file on a disk with room for ten more bytes."""

        def __init__(self, handle: object) -> None:
            self.handle, self.room = handle, 10

        def write(self, data: bytes) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written, self.room = self.handle.write(data[: self.room]), 0  # type: ignore[attr-defined]
            return int(written)

        def __getattr__(self, name: str) -> object:
            return getattr(self.handle, name)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.handle.close()  # type: ignore[attr-defined]

    def opened(path: Path, *words: object, **more: object) -> object:
        handle = real(path, *words, **more)  # type: ignore[call-overload]
        return Full(handle) if path.name == "manifest.jsonl" and "a+b" in words else handle

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(DiskRefused, match=r"manifest\.jsonl: No space left on device"):
        landing.land(drops.AS_OF)
    monkeypatch.undo()
    assert dataset.manifest.read_bytes() == before
    assert {done.state for done in landing.land(drops.AS_OF)} == {"corrected"}


# --- disks that really are full ---------------------------------------------------------------------------------------

CHILD = textwrap.dedent("""
    import sys
    from pipelines.cli import main
    sys.argv = ["telco", "land", "--as-of", sys.argv[1]]
    main()
""")


def can_mount() -> bool:
    try:
        return subprocess.run([*ISOLATED, "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"], capture_output=True,
                              timeout=20, check=False).returncode == 0
    except OSError:
        return False


def on_a_disk(home: Path, as_of: object, mount: str, then: str = ":") -> tuple[int, str, str]:
    """(exit code, stderr, names and digests after it) of a landing whose raw/ lies on a small disk of its own."""
    disk = home / "raw"
    copy = home.with_name("copy")
    shutil.copytree(disk, copy)
    script = (f"{mount} && cp -a {copy}/. {disk}/ && {then} && "
              f"{{ {sys.executable} -c \"$CHILD\" {as_of} ; code=$?; }}; "
              f"cd {disk} && find . -type f ! -name .lock -exec sha256sum {{}} + | sort; exit $code")
    done = subprocess.run([*ISOLATED, "sh", "-c", script], capture_output=True, text=True, timeout=120, check=False,
                          cwd=PROJECT, env={**os.environ, "CHILD": CHILD, "PYTHONPATH": str(PROJECT)})
    return done.returncode, done.stderr, done.stdout


DISKS = {
    "full": ("mount -t tmpfs -o size=16m tmpfs {disk}", "{{ cat /dev/zero > {disk}/ballast || :; }} 2>&-",
             "No space left on device"),
    "no inodes": ("mount -t tmpfs -o size=16m,nr_inodes={inodes} tmpfs {disk}", ":", "No space left on device"),
    "read-only": ("mount -t tmpfs -o size=16m tmpfs {disk}", "mount -o remount,ro {disk}", "Read-only file system"),
}


@pytest.mark.parametrize("kind", DISKS)
def test_F35_a_disk_that_really_refuses_ends_the_command_with_its_reason(
    home: Path, drops: ModuleType, kind: str
) -> None:
    if not can_mount():
        pytest.skip("this machine lets no user mount a disk of its own")
    published(drops)
    mount, then, why = DISKS[kind]
    inodes = 1 + len(list((home / "raw").rglob("*")))
    words = {"disk": home / "raw", "inodes": inodes}
    code, said, after = on_a_disk(home, drops.AS_OF, mount.format(**words), then.format(**words))
    assert code == 1, said
    assert said.startswith("telco: "), said
    assert why in said
    assert str(home / "raw") in said
    assert "Next: " in said
    assert "Traceback" not in said
    assert ".tmp" not in after
    live = raw.dataset(feed(USAGE)).entry({"dt": f"{drops.DT}"})
    assert live is not None
    assert live.sha256 in after
    assert landing.land(drops.AS_OF)[0].state == "corrected"  # on the disk beneath, which has room


def test_F35_a_limit_on_file_sizes_is_told_too(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, [{**row, "data_kb": 7919 * at % 10_007} for at, row in enumerate(drops.rows(USAGE, 4_000))])
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" \
           "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n" + CHILD
    done = subprocess.run([sys.executable, "-c", code, f"{drops.AS_OF}"], capture_output=True, text=True, timeout=120,
                          check=False, cwd=PROJECT)
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "ulimit -f" in done.stderr
    assert "Traceback" not in done.stderr
    assert not drops.raw_path(USAGE).exists()
    assert leftovers(settings().home) == []
    assert landing.land(drops.AS_OF)[0].rows == 4_000
