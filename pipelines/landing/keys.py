"""How often each key occurs in a whole drop, from its parts, in 8 bytes a row."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.landing.contract import Feed

Hashes = npt.NDArray[np.uint64]


class Keys:
    """Keys that occur more than once, by a 64-bit hash: two of 10^8 keys meet by chance with odds of 1 in 3,700, and
    then two sound rows wait in quarantine, where a person sees them."""

    def __init__(self, hashes: Iterable[Hashes]) -> None:
        everything = np.sort(np.concatenate([np.empty(0, np.uint64), *hashes]))
        ends = np.flatnonzero(np.append(everything[1:] != everything[:-1], True))
        counts = np.diff(np.append(-1, ends))
        self._repeated: Hashes = everything[ends[counts > 1]] if everything.size else everything
        self._counts = counts[counts > 1]

    def copies(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """Copies in the drop of each of these keys: 1, or more."""
        copies = np.ones(len(hashes), dtype=np.int64)
        if self._repeated.size:
            at = np.minimum(np.searchsorted(self._repeated, hashes), self._repeated.size - 1)
            hit = self._repeated[at] == hashes
            copies[hit] = self._counts[at[hit]]
        return copies


def hashes(feed: Feed, table: pa.Table) -> Hashes:
    """One hash per row of the feed's key; the same on every machine."""
    from pandas.util import hash_array

    mixed = np.zeros(table.num_rows, dtype=np.uint64)
    for name in feed.key:
        coded = table[name].combine_chunks().dictionary_encode()
        words = coded.dictionary.cast(pa.string()).to_pylist()
        values = hash_array(np.array(words, dtype=object), categorize=False)
        at = coded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + np.append(values, np.uint64(1))[at]
        mixed ^= mixed >> np.uint64(29)
    return mixed
