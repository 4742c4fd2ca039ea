"""F55: a model file that was changed, cut, made to hang or signed anew. It is refused and the one before it scores."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import bundle as bundles
from pipelines import champions, loading, notices, scoring
from pipelines.errors import IntegrityError

NIGHT = date(2026, 1, 12)
COLUMNS = ["price_eur", "contacts_30d"]


def facts(version: int) -> dict[str, Any]:
    return {"model": "churn", "version": version, "feature_service": "churn_v2", "columns": COLUMNS, "categories": {},
            "calibrator": {"kind": "identity"}, "verdict": {"passed": True}}


@pytest.fixture(scope="module")
def booster() -> Any:
    import xgboost

    values = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    matrix = bundles.dmatrix(values, COLUMNS, label=(values.sum(axis=1) > 0).astype(float))
    return xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, matrix, 10)


@pytest.fixture
def model(home: Path, booster: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model file of v2, in force after v1; and a process in which no unverified byte may be parsed."""
    made = []
    for version, start in ((1, NIGHT - timedelta(days=7)), (2, NIGHT)):
        made.append(bundles.save(bundles.path_of("churn", version), facts(version), booster=booster))
        champions.enter("churn", version, start, made[-1].sha256, reason="test")
    whole, parse = {(made[0].directory / bundles.BOOSTER).read_bytes()}, bundles._parse
    monkeypatch.setattr(bundles, "_parse", lambda data: parse(data) if data in whole else pytest.fail("parsed"))
    return made[1].directory / bundles.BOOSTER


def falls_back(reason: str) -> None:
    found = scoring.standing("churn", NIGHT)
    assert found.champion.version == 1
    assert reason in found.flags[0]


def test_F55_any_changed_byte_is_refused_and_the_previous_version_scores(model: Path) -> None:
    data = model.read_bytes()
    for place in random.Random(55).sample(range(len(data)), 100):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        model.write_bytes(changed)
        falls_back("model.ubj: sha256")
    assert len(list(notices.directory().iterdir())) == 1
    model.write_bytes(data)
    assert scoring.standing("churn", NIGHT).champion.version == 2


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.9, -1])
def test_F55_a_cut_file_is_refused_and_the_previous_version_scores(model: Path, keep: float) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    falls_back("model.ubj: sha256")


def sign(model: Path, data: bytes) -> str:
    """Other bytes under a bundle.json that states them: only the champion log knows better."""
    model.write_bytes(data)
    manifest = model.with_name("bundle.json")
    stated = json.loads(manifest.read_text())
    stated["files"][model.name] = bundles.digest(data)
    manifest.write_text(json.dumps(stated))
    return bundles.digest(manifest.read_bytes())


def test_F55_a_bundle_signed_anew_is_refused_and_the_previous_version_scores(model: Path, booster: Any) -> None:
    sign(model, bytes(booster[:3].save_raw(raw_format="ubj")))
    falls_back("bundle.json: sha256")


def circular(booster: Any) -> bytes:
    """A model whose first tree leads back to its root: XGBoost loads it, and ends with SIGSEGV when it predicts."""
    whole = json.loads(booster.save_raw(raw_format="json"))
    tree = whole["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"] = [0 if child > 0 else child for child in tree["left_children"]]
    tree["right_children"] = [0 if child > 0 else child for child in tree["right_children"]]
    return json.dumps(whole).encode()


BROKEN: dict[str, tuple[Callable[[Any], bytes], str]] = {
    "cut": (lambda booster: bytes(booster.save_raw(raw_format="ubj"))[:-200], "not a booster that loads"),
    "no booster at all": (lambda booster: b"\x80\x04K\x01.", "not a booster that loads"),
    "in circles": (circular, "the process that tried ended with SIG"),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_F55_what_even_the_log_recorded_and_cannot_be_loaded_takes_no_night_down(
    model: Path, booster: Any, kind: str
) -> None:
    make, reason = BROKEN[kind]
    digest = sign(model, make(booster))
    champions.enter("churn", 2, NIGHT, digest, reason="recorded as it is")
    falls_back(reason)
    with pytest.raises(IntegrityError, match=reason):
        bundles.load(model.parent, expected=digest)


def test_F55_a_loader_that_hangs_is_ended_and_the_previous_version_scores(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the loader that hangs on the one content and passes the other."""
    hanging = tmp_path / "probe.py"
    hanging.write_text("import sys, time\nif b'hangs' in sys.stdin.buffer.read():\n    time.sleep(600)\n")
    monkeypatch.setattr(loading, "PROBE", hanging)
    monkeypatch.setattr(loading, "TIMEOUT_S", 2.0)
    digest = sign(model, model.read_bytes() + b"hangs")
    champions.enter("churn", 2, NIGHT, digest, reason="recorded as it is")
    started = time.monotonic()
    falls_back("loading it did not end within 2 s")
    assert time.monotonic() - started < 60


def test_F55_a_file_that_ends_the_process_ends_the_child_only(booster: Any) -> None:
    """One changed byte in four ends XGBoost with SIGSEGV: found here by trying, and survived."""
    data, draw = bytes(booster.save_raw(raw_format="ubj")), random.Random(1)
    for place in draw.sample(range(len(data)), 60):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        try:
            loading.prove(bytes(changed), "changed")
        except IntegrityError as error:
            if "SIG" in str(error):
                return
    pytest.fail("none of 60 changed files crashed: this test shows nothing any more")


def test_F55_a_booster_is_tried_once_in_a_process_and_each_content_for_itself(
    booster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, tried = bytes(booster[:2].save_raw(raw_format="ubj")), []
    run = loading.subprocess.run
    monkeypatch.setattr(loading.subprocess, "run", lambda *a, **k: tried.append(1) or run(*a, **k))
    for _ in range(3):
        loading.prove(data, "model")
    assert len(tried) == 1
    with pytest.raises(IntegrityError):
        loading.prove(data[:-1], "model")
    assert len(tried) == 2
