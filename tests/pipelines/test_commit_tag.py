"""The tag that says which code trained a version."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines import tracking


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words], cwd=place,
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.mlts("M1")
def test_the_tag_is_the_commit_and_says_when_files_differ_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "PROJECT", tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert tracking.git_commit() == "none"
    git(tmp_path, "init", "-q")
    (tmp_path / "spec.py").write_text("depth = 3\n")
    git(tmp_path, "add", "spec.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert tracking.git_commit() == head
    (tmp_path / "spec.py").write_text("depth = 9\n")
    assert tracking.git_commit() == f"{head}+changed"
