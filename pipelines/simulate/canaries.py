"""Every clear identifier the files hold, by kind: what must not be found in any output of the house."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.publish import write_json
from pipelines.simulate.arrays import Ints, text
from pipelines.simulate.words import name_marks

IN_JSON = 50_000  # values of a kind that canaries.json lists; canaries.parquet has them all


@dataclass
class Canaries:
    """Collects what the feeds write. `is_kept` off: the run writes nothing, so there is nothing to find."""

    is_kept: bool = True
    found: dict[str, list[pa.Array]] = field(default_factory=dict)

    def add(self, kind: str, values: pa.Array) -> None:
        if self.is_kept and len(values):
            chunks = self.found.setdefault(kind, [])
            chunks.append(values)
            if len(chunks) >= 64:  # renewals and rises tell of the same lines again and again
                self.found[kind] = [pc.unique(pa.chunked_array(chunks))]

    def lines(self, subscription_id: pa.Array, number: Ints) -> None:
        self.add("subscription_id", subscription_id)
        self.add("msisdn", text(number))

    def customers(self, operator: int, account_id: pa.Array, name: pa.Array, account: Ints, seed: int) -> None:
        """Names hold blanks; their last word can be searched for alone."""
        self.add("account_id", account_id)
        self.add("customer_name", name)
        self.add("name_mark", name_marks(seed, operator, np.asarray(account)))

    def write(self, folder: Path) -> None:
        """canaries.parquet (kind, value), every value once, and canaries.json for people and tests."""
        kinds = {kind: pc.unique(pa.chunked_array(chunks)).sort() for kind, chunks in sorted(self.found.items())}
        table = pa.table({
            "kind": pa.array([kind for kind, values in kinds.items() for _ in range(len(values))]),
            "value": pa.chunked_array(list(kinds.values()), pa.string()),
        })
        pq.write_table(table, folder / "canaries.parquet", compression="zstd")
        write_json(folder / "canaries.json", {kind: values[:IN_JSON].to_pylist() for kind, values in kinds.items()})
