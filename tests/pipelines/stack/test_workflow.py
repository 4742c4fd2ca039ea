"""The public CI workflow: it runs what .ci/run runs, and builds and starts the containers of the compose file."""

from __future__ import annotations

import ast
import importlib
from typing import Any

import pytest
import yaml

from pipelines.settings import PROJECT

NIGHT = PROJECT / ".github" / "one_night.py"


@pytest.fixture(scope="module")
def jobs() -> dict[str, list[str]]:
    """The commands of every job."""
    told: dict[str, Any] = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    return {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in told["jobs"].items()}


def test_one_job_is_what_a_clean_machine_must_be_able_to_do(jobs: dict[str, list[str]]) -> None:
    assert ".ci/run" in jobs["tests"]


def test_the_other_builds_the_image_and_waits_for_every_service_that_stays(jobs: dict[str, list[str]]) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
    image = compose["x-ours"]["image"]
    assert f"docker build --quiet --tag {image} ." in jobs["containers"]
    (up,) = [words.split() for words in jobs["containers"] if words.startswith("docker compose up")]
    stays = {name for name, told in compose["services"].items() if told["restart"] != "no"}
    assert set(up[up.index("--wait-timeout") + 2:]) == stays
    assert "--wait" in up
    played = [words for words in jobs["containers"] if words.endswith(f"< {NIGHT.relative_to(PROJECT)}")]
    assert played == ["docker compose exec -T api-server python - < .github/one_night.py"]


def test_the_night_played_there_names_what_exists() -> None:
    parsed = ast.parse(NIGHT.read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom)]
    assert len(imported) > 4
    for node in imported:
        module = importlib.import_module(str(node.module))
        for name in node.names:
            assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")
