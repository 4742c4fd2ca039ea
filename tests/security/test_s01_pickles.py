"""S01: a pickle put where models lie. Neither a bundle nor an artifact may hold one, in whatever wrapping."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipelines import artifacts
from pipelines import bundle as bundles
from pipelines.errors import IntegrityError
from pipelines.settings import QUIET

FACTS = {"model": "churn", "version": 1, "feature_service": "churn_v2", "columns": [], "categories": {},
         "calibrator": {"kind": "identity"}}


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("data.pkl", data)
    return out.getvalue()


PICKLES = {f"protocol {protocol}": pickle.dumps(Harm(), protocol) for protocol in range(6)}
WRAPPED = {
    **PICKLES,
    "gzip": gzip.compress(PICKLES["protocol 4"]),
    "gzip in gzip": gzip.compress(gzip.compress(PICKLES["protocol 0"])),
    "zip": zipped(PICKLES["protocol 4"]),
    "bzip2": bz2.compress(PICKLES["protocol 4"]),
    "cut before its end": PICKLES["protocol 4"][:-1],
    "with a tail": PICKLES["protocol 2"] + b"and more",
    "a tail in protocol 0": PICKLES["protocol 0"][:-1] + b"\xff",
}


@pytest.mark.parametrize("kind", sorted(WRAPPED))
@pytest.mark.parametrize("name", ["python_model.pkl", "model.ubj", "card.json"])
def test_S01_a_pickle_among_artifacts_is_found_whatever_it_is_called(tmp_path: Path, kind: str, name: str) -> None:
    folder = tmp_path / "model" / "nested"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(WRAPPED[kind])
    with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
        artifacts.check(tmp_path)


@pytest.mark.parametrize("text", [
    b"channels:\n- conda-forge\ndependencies:\n- python=3.11\n", b"# churn v1\n", b"{}\n", b"", b"(R\n", b"cost\nR\n",
    b"python: 3.11\nbuild_dependencies:\n- pip\n", b"numpy==2.4.6\nxgboost==3.2.0\n", gzip.compress(b"plain text"),
])
def test_S01_what_is_no_pickle_passes(text: bytes) -> None:
    artifacts.check_bytes(text, "file")


def test_S01_a_gzip_that_grows_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "UNPACKED_BYTES", 1000)
    with pytest.raises(IntegrityError, match="gzip of more than 1000 bytes"):
        artifacts.check_bytes(gzip.compress(b" " * 5000), "file")


@pytest.mark.parametrize("name", ["python_model.pkl", "sitecustomize.py", "model.ubj.gz", "MLmodel", ".hidden"])
def test_S01_a_stranger_beside_a_bundles_files_is_refused(tmp_path: Path, name: str) -> None:
    saved = bundles.save(tmp_path / "v1", FACTS)
    (saved.directory / name).write_bytes(PICKLES["protocol 4"])
    with pytest.raises(IntegrityError, match=r"which bundle\.json does not name"):
        bundles.load(saved.directory, expected=saved.sha256)


def test_S01_mlflow_is_told_never_to_unpickle() -> None:
    assert QUIET["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
