"""What may lie in a model's folder, whoever made it: native XGBoost and text, no pickle in any wrapping, no way out.

A flavour of MLflow names a module that is imported and a class that is looked up by name: both are compared with the
one pair we write, before anything of MLflow would load a model.
"""

from __future__ import annotations

import pickletools
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import IntegrityError

MLMODEL = "MLmodel"
# Flavour -> what each of its fields may say; None: a plain file name or a version.
FLAVORS: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {"code": ("", None), "data": None, "model_class": ("xgboost.core.Booster",), "model_format": ("ubj",),
                "xgb_version": None},
    "python_function": {"data": None, "env": None, "loader_module": ("mlflow.xgboost",), "python_version": None},
}
ARCHIVES = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstandard"}
GZIP = b"\x1f\x8b"
UNPACKED_BYTES = 2**28
# A pickle does harm through what it imports and calls; data without any of these is no pickle or a harmless one.
IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"})
CALLS = frozenset({"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"})


def check(folder: Path) -> None:
    """Raise IntegrityError naming the first file below `folder` that may not be in a model."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise IntegrityError(f"{path}: neither a file nor a folder; a model holds nothing else")
        if path.is_file():
            check_bytes(path.read_bytes(), str(path))
            if path.name == MLMODEL:
                check_flavors(path)


def check_bytes(data: bytes, name: str) -> None:
    """Raise IntegrityError when these bytes are a pickle that calls something, an archive, or either in a gzip."""
    for start, kind in ARCHIVES.items():
        if data.startswith(start):
            raise IntegrityError(f"{name}: a {kind} archive; a model holds none")
    if data.startswith(GZIP):
        check_bytes(_unpacked(data, name), name)
    called = _calls(data)
    if called:
        raise IntegrityError(f"{name}: a pickle ({called}); it is never loaded and may not be in a model")


def check_flavors(path: Path) -> None:
    """Raise IntegrityError unless an MLmodel file holds the one flavour we write, with plain file names beside it."""
    import yaml  # type: ignore[import-untyped]

    try:
        flavors = yaml.safe_load(path.read_text(encoding="utf-8"))["flavors"]
        fields = [(flavor, name, value) for flavor, stated in flavors.items() for name, value in stated.items()]
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityError(f"{path}: not an MLmodel file ({type(error).__name__})") from None
    strange = sorted(set(map(str, flavors)) - set(FLAVORS))
    if strange or "xgboost" not in flavors:
        raise IntegrityError(f"{path}: flavours {sorted(map(str, flavors))}; allowed are {sorted(FLAVORS)}")
    for flavor, name, value in fields:
        allowed = FLAVORS[flavor].get(name, ())
        values = list(value.values()) if isinstance(value, dict) else [value]
        if not all(_plain(one) if allowed is None else one in allowed for one in values):
            raise IntegrityError(f"{path}: {flavor}.{name} is {value!r}, which is not what we write")
    missing = {"model_class", "model_format"} - set(flavors["xgboost"])
    if missing:
        raise IntegrityError(f"{path}: the flavour xgboost does not say {sorted(missing)}")


def _plain(value: Any) -> bool:
    text = str(value)
    return bool(text) and text not in {".", ".."} and not set(text) & set("/\\:\0")


def _calls(data: bytes) -> str:
    """The names of the opcodes by which these bytes, read as a pickle to its end, would call something; or nothing."""
    found = set()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a text that is no pickle looks like to its reader
            for opcode, _, _ in pickletools.genops(data):
                found.add(opcode.name)
    except Exception:
        # What reads as a pickle up to here would have run up to here; a text may begin with the letter of an import.
        if data[:1] != b"\x80" and not (found & IMPORTS and found & CALLS):
            return ""
    return ", ".join(sorted(found & (IMPORTS | CALLS)))


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(data, UNPACKED_BYTES)
    except zlib.error:
        raise IntegrityError(f"{name}: a damaged gzip; a model holds none") from None
    if len(unpacked) >= UNPACKED_BYTES:
        raise IntegrityError(f"{name}: a gzip of more than {UNPACKED_BYTES} bytes; a model holds none")
    return unpacked
