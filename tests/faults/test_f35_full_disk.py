"""F35: a disk that is full, out of inodes or read-only: one clear error, and what was published stands."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import landing
from pipelines.errors import StorageFault
from pipelines.publish import Dataset, sha256

ACCOUNTS = "billing_alpha.accounts"
Telco = Callable[..., tuple[int, str, str]]


def first_day(drops: ModuleType) -> None:
    drops.estate(ACCOUNTS)
    drops.drop(ACCOUNTS, drops.rows(ACCOUNTS, 100))
    landing.land(drops.AS_OF)


def correction(drops: ModuleType, count: int = 200, bad: int = 1) -> None:
    """A second version: more accounts for the vault, and a row or more for the quarantine."""
    rows = drops.rows(ACCOUNTS, count)
    drops.drop(ACCOUNTS, [{**row, "is_paperless": "perhaps"} if at < bad else row for at, row in enumerate(rows)])


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[None]:
    """A file system of its own in place of a folder, with what lies in it."""
    kept = folder.with_name(f"{folder.name}.kept")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, kept)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=False,
                          capture_output=True)
    if done.returncode:
        pytest.skip("this user may not mount; the other tests of F35 make the system refuse without")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def is_clear(said: tuple[int, str, str], home: Path, why: str, step: str) -> None:
    code, _, text = said
    assert code == 1, text
    assert "Traceback" not in text
    assert f"telco: {home}/" in text  # the path comes first
    assert why in text
    assert step in text
    assert "run the same command again" in text


@pytest.mark.parametrize("store", ["raw", "quarantine", "vault"])
def test_F35_a_full_disk_is_one_clear_error_and_what_was_published_stands(
    home: Path, drops: ModuleType, trees: ModuleType, telco: Telco, store: str
) -> None:
    first_day(drops)
    before = trees.tree(home)
    correction(drops, count=15_000, bad=15_000 if store == "quarantine" else 1)
    with small_disk(home / store, "size=200k"):
        is_clear(telco("land", "--as-of", str(drops.AS_OF)), home, "No space left on device", "free some space")
        assert not trees.unfinished(home)
        assert drops.raw(ACCOUNTS).num_rows == 100
        assert trees.tree(home).items() >= before.items()
        subprocess.run(["mount", "-o", "remount,size=64m", str(home / store)], check=True)
        code, _, said = telco("land", "--as-of", str(drops.AS_OF))
        assert (code, "15000 of 15000 rows are bad" in said) == ((3, True) if store == "quarantine" else (0, False))


def test_F35_a_disk_without_inodes_is_the_same(
    home: Path, drops: ModuleType, trees: ModuleType, telco: Telco
) -> None:
    first_day(drops)
    before = trees.tree(home)
    correction(drops)
    used = 1 + sum(1 for _ in (home / "raw").rglob("*"))
    with small_disk(home / "raw", f"size=8m,nr_inodes={used}"):
        is_clear(telco("land", "--as-of", str(drops.AS_OF)), home, "No space left on device", "inodes")
        assert trees.tree(home).items() >= before.items()
        assert not trees.unfinished(home)


@pytest.mark.parametrize("store", ["raw", "quarantine", "vault", "secrets"])
def test_F35_a_read_only_folder_is_named(
    home: Path, drops: ModuleType, trees: ModuleType, telco: Telco, store: str
) -> None:
    first_day(drops)
    before = trees.tree(home)
    correction(drops)
    if os.geteuid():
        (home / store).mkdir(exist_ok=True)
        for folder in (home / store, *(path for path in (home / store).rglob("*") if path.is_dir())):
            folder.chmod(0o500)
        is_clear(telco("land", "--as-of", str(drops.AS_OF)), home, "Permission denied", "right to write")
        return
    with small_disk(home / store, "size=8m"):
        subprocess.run(["mount", "-o", "remount,ro", str(home / store)], check=True)
        is_clear(telco("land", "--as-of", str(drops.AS_OF)), home, "Read-only file system", "mount it writable")
        assert drops.raw(ACCOUNTS).num_rows == 100
        assert trees.tree(home).items() >= before.items()


def test_F35_the_kernel_refuses_a_file_beyond_its_limit_in_the_middle_of_a_write(
    home: Path, drops: ModuleType, trees: ModuleType, telco: Telco
) -> None:
    first_day(drops)
    before = trees.tree(home)
    correction(drops, count=15_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        said = telco("land", "--as-of", str(drops.AS_OF))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    is_clear(said, home, "File too large", "raise the limit")
    assert trees.tree(home).items() >= before.items()
    assert not trees.unfinished(home)
    assert telco("land", "--as-of", str(drops.AS_OF))[0] == 0
    assert drops.raw(ACCOUNTS).num_rows == 100 + 14_999


class Refusing:
    """Makes the system refuse the n-th of the calls that write below a home, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path, number: int) -> None:
        self.calls, self._home, self._number = 0, home, number
        for name in ("replace", "fsync", "open", "mkdir"):
            monkeypatch.setattr(os, name, self._watch(name, getattr(os, name)))

    def _watch(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object, **more: object) -> object:
            what = words[1] if name == "replace" else words[0]
            where = Path(os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else str(what))
            is_write = name in ("replace", "fsync") or (name == "mkdir" and not where.exists()) or (
                name == "open" and isinstance(words[1], int) and bool(words[1] & os.O_WRONLY))
            # What people read of a landing is no part of it: it is a warning when it cannot be written.
            if is_write and where.is_relative_to(self._home) and "reports" not in where.parts:
                self.calls += 1
                if self.calls == self._number:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(where))
            return real(*words, **more)

        return call


def test_F35_whichever_write_is_refused_the_old_stands_or_the_new_and_the_next_run_mends_it(
    home: Path, drops: ModuleType, trees: ModuleType, tmp_path: Path
) -> None:
    first_day(drops)
    correction(drops)
    old = tmp_path / "old"
    shutil.copytree(home, old)
    before = trees.tree(home)
    with pytest.MonkeyPatch.context() as patch:
        counting = Refusing(patch, home, 0)
        landing.land(drops.AS_OF)
    after = trees.tree(home)
    assert counting.calls >= 10
    for number in range(1, counting.calls + 1):
        trees.reset(home, old)
        with pytest.MonkeyPatch.context() as patch:
            Refusing(patch, home, number)
            with pytest.raises(StorageFault, match=r"No space left on device\. What was published stands"):
                landing.land(drops.AS_OF)
        assert not trees.strays(home, before, after), number
        assert not trees.unfinished(home), number
        dataset = Dataset(home / "raw/billing_alpha/accounts", ("dt",))
        landing.land(drops.AS_OF)
        assert not trees.unlike(home, after), number
        entry = dataset.entry({"dt": str(drops.DT)})
        assert entry is not None
        assert (entry.version, entry.sha256) == (2, sha256(drops.raw_path(ACCOUNTS)))


def test_F35_what_people_read_of_a_landing_does_not_stop_it(
    home: Path, drops: ModuleType, telco: Telco, caplog: pytest.LogCaptureFixture
) -> None:
    first_day(drops)
    correction(drops)
    shutil.rmtree(home / "reports")
    (home / "reports").write_text("a file where a folder should be")
    assert telco("land", "--as-of", str(drops.AS_OF))[0] == 0
    assert "the checks are not documented" in caplog.text


class OutOfRoom:
    """A file on a disk with room for ten bytes more: the first write is a short one, the second is refused."""

    def __init__(self, handle: Any) -> None:
        self._handle, self._room = handle, 10

    def write(self, data: bytes) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written: int = self._handle.write(data[: self._room])
        self._room = 0
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def __enter__(self) -> OutOfRoom:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()


def test_F35_a_manifest_keeps_no_half_of_a_line_a_full_disk_took(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_day(drops)
    correction(drops)
    dataset = Dataset(home / "raw/billing_alpha/accounts", ("dt",))
    before, real = dataset.manifest.read_bytes(), Path.open

    def opened(path: Path, *words: Any, **more: Any) -> Any:
        handle = real(path, *words, **more)
        return OutOfRoom(handle) if path == dataset.manifest and "a+b" in words else handle

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        with pytest.raises(StorageFault, match="No space left on device"):
            landing.land(drops.AS_OF)
    assert dataset.manifest.read_bytes() == before
    assert [done.state for done in landing.land(drops.AS_OF)] == ["corrected"]
    assert dataset.manifest.read_bytes().startswith(before)
