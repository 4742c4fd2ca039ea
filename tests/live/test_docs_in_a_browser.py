"""Every page of the documentation site in a browser, from disk: nothing is logged, nothing is asked of anybody."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.settings import PROJECT

pytestmark = pytest.mark.live
WIDE = ("index.html", "reference/features.html", "reference/dags.html", "interface/gate.html")


@pytest.fixture(scope="module")
def browser() -> ModuleType:
    place = PROJECT / "tests" / "pipelines" / "site" / "chromium.py"
    spec = importlib.util.spec_from_file_location("telco_chromium", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("docs") / "site"
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(built)], check=True,
                   cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT), "NO_MKDOCS_2_WARNING": "1"}, timeout=600)
    return built


def test_no_page_logs_an_error_asks_outside_or_is_wider_than_the_screen(site: Path, browser: ModuleType) -> None:
    pages = sorted(page for page in site.rglob("*.html") if page.name != "404.html")  # a server's, not for a disk
    assert len(pages) > 60
    wrong: dict[str, object] = {}
    with browser.chromium() as devtools:
        for page in pages:
            name = str(page.relative_to(site))
            for width in (1280, 390) if name in WIDE else (390,):
                seen = browser.look(devtools, page, width=width)
                outside = [address for address in seen.asked if not address.startswith(("file:", "data:", "blob:"))]
                if seen.logged or outside or seen.scroll_width > width or len(seen.text) < 40:
                    wrong[f"{name} at {width}"] = (seen.logged, outside, seen.scroll_width)
    assert wrong == {}
