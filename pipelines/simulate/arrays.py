"""Arrays and text columns: the few operations everything here is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[Any]  # integers of any width: states are kept as narrow as they may be
Floats = NDArray[Any]  # single precision in states, double in truth
Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]


def some(rng: np.random.Generator, count: int, rate: float) -> Ints:
    """Rows struck by something rare, ascending: a Poisson number of draws instead of one draw for every row.

    A row drawn twice counts once, which makes the rate 1 - exp(-rate).
    """
    return np.unique(rng.integers(0, count, rng.poisson(count * rate))) if count else np.empty(0, np.int64)


def uniform(rng: np.random.Generator, count: int) -> Floats:
    """Single precision: half the time and memory of double."""
    return rng.random(count, dtype=np.float32)


def mixed(seed: int, purpose: int, key: Ints) -> Ints:
    """A non-negative hash of each key, the same for ever: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        value = key.astype(np.uint64) + np.uint64((seed * 1_000_003 + purpose) % 2**64) * np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((value ^ (value >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)


def text(numbers: Ints) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def join(*parts: pa.Array | str) -> pa.Array:
    """The parts of every row, one after the other."""
    return pc.binary_join_element_wise(*parts, "")


def decimals(minor: Ints) -> pa.Array:
    """Minor units as exact decimals with two places."""
    wide = np.empty((len(minor), 2), dtype=np.int64)  # 128 bits, little-endian, two's complement
    wide[:, 0] = minor
    wide[:, 1] = wide[:, 0] >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(minor), [None, pa.py_buffer(wide)])


def coded(words: tuple[str, ...], codes: Ints, missing: Bools | None = None) -> pa.Array:
    """words[code] as a dictionary column."""
    indices = pa.array(codes.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))
