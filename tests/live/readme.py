"""README.md followed to the letter, in a copy of the checkout: every line of its `sh` blocks, in order, in one shell.

Two things differ from what a person types: fewer subscribers, and `make test`, which is the other half of the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import PROJECT

SUBSCRIBERS = 1000
SMALLER = (("make demo", f"make demo SUBSCRIBERS={SUBSCRIBERS}"),
           ("--subscribers 4000", f"--subscribers {SUBSCRIBERS}"))
ELSEWHERE = {"make test"}
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "*_cache", "__pycache__", ".hypothesis", "target",
                                  "*.egg-info")
PATIENCE_SECONDS = 2400.0


@dataclass(frozen=True)
class Line:
    """A line as README has it, how it ended, what it printed, and after how many seconds of the whole it was done."""

    text: str
    code: int
    said: str
    at: int


@dataclass(frozen=True)
class Walk:
    folder: Path
    lines: tuple[Line, ...]

    @property
    def home(self) -> Path:
        return self.folder / "var"


def written(checkout: Path) -> list[str]:
    """The command lines of README, comments cut."""
    blocks = re.findall(r"```sh\n(.*?)```", (checkout / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [re.split(r"\s+# ", line)[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def clone(folder: Path) -> Path:
    """The checkout as a fresh clone has it, beside an environment that stands already."""
    shutil.copytree(PROJECT, folder, ignore=LEFT_OUT)
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("requirements.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))  # older than the environment: make leaves it alone
    return folder


def walk(folder: Path) -> Walk:
    """Type every line; one that fails does not stop the next."""
    texts = [line for line in written(folder) if line not in ELSEWHERE]
    script = []
    for number, text in enumerate(texts):
        for big, small in SMALLER:
            text = text.replace(big, small)
        script += [f"exec >{folder}/.said-{number} 2>&1", text, f'echo "$? $SECONDS" >{folder}/.ended-{number}']
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TELCO_", "MLFLOW_", "AIRFLOW"))}
    env["PYTHONPATH"] = str(folder)
    with subprocess.Popen(["bash", "-c", "\n".join(script)], cwd=folder, env=env, start_new_session=True) as shell:
        try:
            shell.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)  # with what it was running
            raise
    return Walk(folder, tuple(_line(folder, number, text) for number, text in enumerate(texts)))


def _line(folder: Path, number: int, text: str) -> Line:
    code, at = (folder / f".ended-{number}").read_text(encoding="utf-8").split()
    said = (folder / f".said-{number}").read_text(encoding="utf-8")
    print(f"{int(at):5d}s {code} {text}", flush=True)
    return Line(text, int(code), said, int(at))
