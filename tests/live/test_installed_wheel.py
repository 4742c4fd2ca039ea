"""A wheel of the project, installed elsewhere, works from any folder and writes nothing into its environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("pipelines", "expectations", "dags", "plugins", "dbt_project", "feature_repo", "pyproject.toml", "setup.py",
          "README.md", "LICENSE", "NOTICE", "estate.toml", "requirements.lock")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with our wheel in it; the libraries are borrowed from the running one."""
    place = tmp_path_factory.mktemp("wheel")
    source, environment = place / "source", place / "environment"
    source.mkdir()
    for name in filter(lambda name: (ROOT / name).exists(), SOURCE):
        left_out = shutil.ignore_patterns("__pycache__", "target", "logs")
        (shutil.copytree(ROOT / name, source / name, ignore=left_out) if (ROOT / name).is_dir()
         else shutil.copy(ROOT / name, source / name))
    uv = Path(sys.executable).with_name("uv")
    run(uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", place, source)
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    run(uv, "pip", "install", "--quiet", "--no-deps", "--python", environment / "bin/python", next(place.glob("*.whl")))
    return environment


def run(*words: str | Path, home: Path | None = None) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TELCO_", "PYTHONPATH"))}
    done = subprocess.run([str(word) for word in words], cwd="/", capture_output=True, text=True, check=False,
                          timeout=300, env={**clean, "HOME": str(home or clean.get("HOME", "/"))})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_history_is_built_from_an_installed_copy_in_a_home_of_the_users(environment: Path, tmp_path: Path) -> None:
    telco, before = environment / "bin/telco", {path for path in environment.rglob("*") if path.suffix != ".pyc"}
    home = tmp_path / ".local/share/telco-mlops"
    run(telco, "doctor", home=tmp_path)
    run(telco, "simulate", "--subscribers", "150", "--days", "120", "--nights", "1", home=tmp_path)
    told = run(telco, "bootstrap", "--from", "2026-02-01", "--to", "2026-03-01", "--initial", home=tmp_path)
    assert "published" in told
    assert (home / "features/roster/as_of=2026-03-01/data.parquet").exists()
    assert {path for path in environment.rglob("*") if path.suffix != ".pyc"} - before == set()
