"""What the models say, read as text: dbt is not started."""

from __future__ import annotations

from pathlib import Path

from pipelines.landing.raw import SCRUBBED

MODELS = sorted((Path(__file__).parents[2] / "dbt_project/models").rglob("*.sql"))


def test_no_model_reads_free_text() -> None:
    assert len(MODELS) >= 30
    # Words alone: a model selecting `interactions.*` would get it without naming it, so no staging model selects all.
    assert [path.name for path in MODELS if SCRUBBED in path.read_text(encoding="utf-8")] == []
    staging = [path for path in MODELS if "staging" in path.parts and path.parent.name != "estate"]
    assert [path.name for path in staging if ".*" in path.read_text(encoding="utf-8")] == []
