"""The documentation builds offline without one warning: a broken link, anchor or a forgotten page stops it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it; strict, so a warning is an error."""
    built = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--config-file", str(ROOT / "mkdocs.yml"),
         "--site-dir", str(built)],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    return built


def test_every_page_of_the_repository_is_a_page_of_the_site(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    missing = [str(page) for page in pages if not (site / page).exists() and page.name != "README.html"]
    assert len(pages) > 25
    assert missing == []


def test_pages_made_from_the_code_have_its_commands_dags_faults_and_interface(site: Path) -> None:
    told = {"reference/cli.html": "telco quarantine replay", "reference/dags.html": "materialize_features",
            "reference/faults.html": "test_f30_killed_while_landing.py", "reference/ml_test_score.html": "M5",
            "interface/gate.html": "pipelines.gate"}
    assert {page for page, words in told.items() if words not in (site / page).read_text(encoding="utf-8")} == set()


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r'<(?:script|img|iframe)[^>]+src="https?://|<link[^>]+href="https?://')
    assert [str(page) for page in site.rglob("*.html") if fetched.search(page.read_text(encoding="utf-8"))] == []
