"""Sources land at the same time, each in a process of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipelines.landing.raw import ensure_schemas


def test_schemas_are_written_by_several_at_once_without_getting_in_each_others_way(home: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        changed = [task.result() for task in [pool.submit(ensure_schemas) for _ in range(24)]]
    assert max(changed) > 0
    assert ensure_schemas() == 0
    assert not list((home / "raw").rglob(".*.tmp"))
