"""Whether bytes are a booster, found out where a crash, a hang or a flood of memory takes nothing down: in a child.

A half-cut model file ended the process with SIGSEGV, another hung it. A sha256 tells damage; this tells that even the
recorded bytes load with the XGBoost of this machine, before the process that must live parses the same bytes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

from pipelines.errors import IntegrityError, TelcoError

# A whole model takes 0.1 s on a quiet machine; what takes this long hangs, or the machine is at a standstill.
TIMEOUT_S = 60.0
PROBE = Path(__file__).with_name("probe.py")
_proven: set[str] = set()  # of this process: a night pays 0.1 s a file, and no file on disk can vouch for another


def prove(data: bytes, name: str) -> None:
    """Load the bytes in a child process and predict three rows. Raises IntegrityError saying how the child ended.

    Once per process and content.
    """
    digest = hashlib.sha256(data).hexdigest()
    if digest in _proven:
        return
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", str(PROBE), str(_library())], input=data, capture_output=True,
            timeout=TIMEOUT_S, check=False,
        )
    except subprocess.TimeoutExpired:
        raise IntegrityError(
            f"{name}: loading it did not end within {TIMEOUT_S:g} s in a process of its own; restore the bundle"
        ) from None
    if done.returncode:
        raise IntegrityError(f"{name}: not a booster that loads ({_how(done)}); restore the bundle")
    _proven.add(digest)


def _how(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"the process that tried ended with {signal.Signals(-done.returncode).name}"
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1][:300] if said else f"the process that tried ended with {done.returncode}"


def _library() -> Path:
    """XGBoost's C library, found without importing the package."""
    found = importlib.util.find_spec("xgboost")
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or ():
        for name in ("libxgboost.so", "libxgboost.dylib"):
            if (path := Path(folder) / "lib" / name).is_file():
                return path
    raise TelcoError("xgboost: its C library is not where the package keeps it; install the locked packages again")
