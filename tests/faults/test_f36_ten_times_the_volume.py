"""F36: ten times the volume takes no more memory; DuckDB is told its limits."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

USAGE = "network.usage_daily"
CELLS = 20_000


def usage(drops: ModuleType, count: int) -> bytes:
    """A day of `count` subscribers as Parquet, made in columns."""
    number = pa.array(np.arange(count))
    digits = pc.utf8_lpad(pc.cast(number, pa.string()), 9, "0")
    cell = pc.binary_join_element_wise("C", pc.utf8_lpad(pc.cast(pa.array(np.arange(CELLS)), pa.string()), 5, "0"), "")
    used = cell.take(pa.array(np.arange(count) * 7919 % CELLS))
    table = pa.table({
        "msisdn": pc.binary_join_element_wise("+4915", digits, ""),
        "usage_on": pa.array(np.full(count, np.datetime64(drops.DT, "D"))),
        "data_kb": pa.array(np.arange(count) * 31 % 5_000_000), "voice_seconds": pa.array(np.arange(count) % 3000),
        "sms_count": pa.array(np.arange(count) % 10), "calls": pa.array(np.arange(count) % 20),
        "calls_dropped": pa.array(np.zeros(count, np.int64)), "roaming_kb": pa.array(np.zeros(count, np.int64)),
        "cell_1_id": used, "cell_1_share": pa.array(np.full(count, 0.75)),
        "cell_2_id": used, "cell_2_share": pa.array(np.full(count, 0.25)),
        "cell_3_id": pa.nulls(count, pa.string()), "cell_3_share": pa.nulls(count, pa.float64()),
    })
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def landed(drops: ModuleType, warm: Any, home: Path, count: int, part_rows: int | None) -> Any:
    drops.estate(USAGE)
    drops.put(USAGE, usage(drops, count), count)
    done = warm.land(home, drops.AS_OF, part_rows)
    assert done.landed == [("published", count, 0)], done.error
    return done


def test_F36_ten_times_the_rows_do_not_take_more_memory_once_a_drop_is_read_in_parts(
    home: Path, drops: ModuleType, warm: Any
) -> None:
    once = landed(drops, warm, home, 20_000, 10_000)
    drops.raw_path(USAGE).unlink()
    (home / "raw/network/usage_daily/manifest.jsonl").unlink()
    tenfold = landed(drops, warm, home, 200_000, 10_000)
    # 180,000 more rows: what may grow is their keys and tokens, 8 + 16 + 13 bytes each, and copies while they sort.
    assert tenfold.grown_mb < once.grown_mb + 80, (once, tenfold)


def test_F36_a_million_rows_of_usage_land_in_less_than_a_gigabyte(home: Path, drops: ModuleType, warm: Any) -> None:
    done = landed(drops, warm, home, 1_000_000, None)
    assert done.peak_mb < 1000, done
    assert drops.raw(USAGE).num_rows == 1_000_000


def test_F36_duckdb_has_a_memory_limit_and_a_place_to_spill_to() -> None:
    profiles = (Path(__file__).parents[2] / "dbt_project" / "profiles.yml").read_text()
    assert re.search(r"memory_limit:.*TELCO_MEMORY_LIMIT", profiles)
    assert re.search(r"temp_directory:.*spill", profiles)
    pipelines = Path(__file__).parents[2] / "pipelines"
    limited = re.compile(r"memory_limit|settings\(\)\.duckdb")
    bare = [str(path.relative_to(pipelines)) for path in pipelines.rglob("*.py")
            if "duckdb.connect(" in (text := path.read_text()) and not limited.search(text)]
    # The lock opens the file and closes it; it reads nothing.
    assert bare == ["warehouse/lock.py"]
