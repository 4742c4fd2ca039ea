"""S19: what is installed is what was locked, byte for byte, and the lock names no place to get it from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def blocks() -> dict[str, str]:
    """Requirement line -> its whole block."""
    found = {m.group(1): m.group(0) for m in re.finditer(r"^([a-z0-9][^\s=]*==\S+)[^\n]*\n(?:    .*\n)*", LOCK, re.M)}
    assert len(found) > 200
    return found


def test_S19_every_requirement_carries_a_sha256() -> None:
    bare = [name for name, block in blocks().items() if "--hash=sha256:" not in block]
    assert not bare


def test_S19_the_lock_names_no_registry_and_no_url() -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", LOCK)


def test_S19_the_makefile_installs_with_hashes_required_only() -> None:
    installs = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    assert len(installs) >= 3
    for line in installs:
        assert "--require-hashes" in line or line.rstrip().endswith("--no-build-isolation -e ."), line


def test_S19_a_swapped_wheel_is_refused(tmp_path: Path) -> None:
    """A wheel with the locked name and version but other bytes must not install."""
    line, block = next((line, block) for line, block in blocks().items() if line.startswith("six=="))
    version = line.removeprefix("six==")
    _make_wheel(tmp_path / f"six-{version}-py2.py3-none-any.whl", "six", version)
    (tmp_path / "lock.txt").write_text(block)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(tmp_path), "--require-hashes",
         "--no-deps", "--target", str(tmp_path / "out"), "-r", str(tmp_path / "lock.txt")],
        capture_output=True, text=True, timeout=120, check=False,
        env={"PIP_CONFIG_FILE": "/dev/null", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stdout + done.stderr


def _make_wheel(path: Path, name: str, version: str) -> None:
    import zipfile

    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "print('swapped')\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
