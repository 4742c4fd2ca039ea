"""Run as a script in a child process: load a booster from stdin and predict with it, by XGBoost's C library alone.

`python -I -S probe.py LIBRARY` ends 0 when the bytes load and three rows get finite log-odds. Whatever a broken file
does instead (a crash, a hang, all the memory) happens here. The C library without its Python package starts in 0.05 s;
the package would take 1.2 CPU seconds. Imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import json
import math
import resource
import sys

MEMORY_BYTES = 4 * 2**30  # a booster of 600 trees is 2 MB: what wants more than this is not one
# Missing goes the default way in every tree; far below and far above go left and right.
ROWS = (math.nan, -1e30, 1e30)
MARGIN = {"type": 1, "training": False, "iteration_begin": 0, "iteration_end": 0, "strict_shape": False,
          "missing": math.nan, "cache_id": 0}


def main() -> None:
    """Exit with 0, or with a message: what the library said, or that a prediction was not finite."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = ctypes.CDLL(sys.argv[1])
    library.XGBGetLastError.restype = ctypes.c_char_p
    data = sys.stdin.buffer.read()
    booster, columns = ctypes.c_void_p(), ctypes.c_uint64()
    _ok(library, library.XGBoosterCreate(None, ctypes.c_uint64(0), ctypes.byref(booster)))
    _ok(library, library.XGBoosterSetParam(booster, b"nthread", b"1"))
    _ok(library, library.XGBoosterLoadModelFromBuffer(booster, data, ctypes.c_uint64(len(data))))
    _ok(library, library.XGBoosterGetNumFeature(booster, ctypes.byref(columns)))
    _finite(_predict(library, booster, columns.value))


def _predict(library: ctypes.CDLL, booster: ctypes.c_void_p, columns: int) -> list[float]:
    values = (ctypes.c_float * (len(ROWS) * columns))(*(value for value in ROWS for _ in range(columns)))
    where = {"data": [ctypes.addressof(values), True], "shape": [len(ROWS), columns], "typestr": "<f4", "version": 3}
    shape, result = ctypes.POINTER(ctypes.c_uint64)(), ctypes.POINTER(ctypes.c_float)()
    dimensions = ctypes.c_uint64()
    _ok(library, library.XGBoosterPredictFromDense(
        booster, json.dumps(where).encode(), json.dumps(MARGIN).encode(), None, ctypes.byref(shape),
        ctypes.byref(dimensions), ctypes.byref(result),
    ))
    return result[: len(ROWS)]


def _ok(library: ctypes.CDLL, code: int) -> None:
    if code:
        sys.exit(library.XGBGetLastError().decode(errors="replace").strip().splitlines()[0])


def _finite(predicted: list[float]) -> None:
    if not all(map(math.isfinite, predicted)):
        sys.exit(f"it predicts {predicted}")


if __name__ == "__main__":
    main()
