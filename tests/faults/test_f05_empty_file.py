"""F05: a file without rows is refused by the suite's row count; every other check would pass on it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing
from pipelines.errors import RejectedFile

FEEDS = ("billing_alpha.invoices", "network.usage_daily", "care.interactions")


@pytest.mark.parametrize("feed_id", FEEDS)
def test_F05_a_file_of_zero_bytes_is_rejected(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    drops.put(feed_id, b"", 0)
    with pytest.raises(RejectedFile, match="no bytes"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()
    assert drops.reasons_of_rejection(feed_id)


@pytest.mark.parametrize("feed_id", FEEDS[:2])
def test_F05_a_header_without_rows_is_rejected_by_the_row_count(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    drops.drop(feed_id, [])
    with pytest.raises(RejectedFile, match=r"rows must be 1\.\.\d+.*found 0") as rejected:
        landing.land(drops.AS_OF)
    assert rejected.value.exit_code == 3
    assert not drops.raw_path(feed_id).exists()
    assert "found 0" in drops.reasons_of_rejection(feed_id)[0]
