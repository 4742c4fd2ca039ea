"""A version moved from one home to another by file: everything verified, a version of its own there, never in force."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import bundle as bundles
from pipelines import champions, tracking, transfer
from pipelines.errors import IntegrityError, TelcoError, UsageError
from pipelines.publish import sha256
from pipelines.settings import settings

COLUMNS = ["price_eur", "contacts_30d"]
DAY = date(2026, 6, 1)
HARM = b"cos\nsystem\n(S'true'\ntR."


def facts(model: str, **more: Any) -> dict[str, Any]:
    return {
        "model": model, "feature_service": f"{model}_v2", "columns": COLUMNS, "categories": {}, "kind": "classifier",
        "calibrator": {"kind": "platt", "a": 0.9, "b": 0.1}, "trained_as_of": DAY.isoformat(),
        "identity": f"of {model}",
        "verdict": {"passed": True, "reasons": [], "checks": []}, **more,
    }


@pytest.fixture(scope="module")
def booster() -> Any:
    import xgboost

    values = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    matrix = bundles.dmatrix(values, COLUMNS, label=(values.sum(axis=1) > 0).astype(float))
    return xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, matrix, 5)


@pytest.fixture
def homes(
    tmp_path: Path, give_registry: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Go to the home of this name."""

    def go(name: str) -> None:
        monkeypatch.setenv("TELCO_HOME", str(tmp_path / name))
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        settings.cache_clear()
        if not settings().mlflow.exists():
            give_registry(settings().home)

    yield go
    settings.cache_clear()


def registered(stated: dict[str, Any], booster: Any = None) -> bundles.Bundle:
    """A version as a training leaves it, with its ledger."""
    name = f"telco_{stated['model']}"
    found = tracking.register(name, {"identity": stated["identity"], "trained_as_of": stated["trained_as_of"]})
    folder = transfer.ledger_of(stated["model"], found.version)
    folder.mkdir(parents=True)
    for one in transfer.LEDGER:
        (folder / one).write_bytes(b'{"subscribers": 2}\n')
    stated = {**stated, "version": found.version, "ledger": sha256(folder / "ledger.json")}
    made = bundles.save(bundles.path_of(stated["model"], found.version), stated, booster=booster,
                        files={"card.md": b"# card\n"})
    tracking.settle(found, made.directory, {"sha256": made.sha256})
    return made


@pytest.fixture
def exported(homes: Callable[[str], None], booster: Any, tmp_path: Path) -> transfer.Exported:
    homes("old")
    tracking.register("telco_churn", {"identity": "an older one"})
    registered(facts("churn"), booster)
    return transfer.export("churn", 2, tmp_path / "churn.zip")


def test_a_version_is_another_homes_own_version_with_verdict_and_ledger_and_not_in_force(
    exported: transfer.Exported, homes: Callable[[str], None], booster: Any, tmp_path: Path
) -> None:
    again = transfer.export("churn", 2, tmp_path / "again.zip")
    assert again.sha256 == exported.sha256
    old = bundles.load(bundles.path_of("churn", 2))
    homes("new")
    done = transfer.take_in(exported.path, expected=exported.sha256)
    assert (done.model, done.version, done.was, done.passed, done.ledger, done.again) == (
        "churn", 1, 2, True, True, False)
    new = bundles.load(done.bundle)
    assert new.facts["verdict"] == old.facts["verdict"]
    assert new.facts["imported"] == {"version": 2, "sha256": old.sha256}
    assert (new.directory / "model.ubj").read_bytes() == (old.directory / "model.ubj").read_bytes()
    assert sha256(transfer.ledger_of("churn", 1) / "ledger.json") == new.facts["ledger"]
    [found] = tracking.versions("telco_churn")
    assert json.loads(found.tags["imported"]) == new.facts["imported"]
    assert (found.state, found.tags["sha256"], found.tags["verdict"]) == (tracking.READY, new.sha256, "passed")
    assert champions.history("churn") == []
    assert tracking.version_by_alias("telco_churn", "challenger") is None

    repeated = transfer.take_in(exported.path, challenger=True)
    assert (repeated.version, repeated.again) == (1, True)
    assert len(tracking.versions("telco_churn")) == 1
    holder = tracking.version_by_alias("telco_churn", "challenger")
    assert holder is not None
    assert holder.version == 1
    assert champions.history("churn") == []


def test_a_value_is_imported_after_the_churn_version_it_is_pinned_to_and_pinned_to_it_here(
    exported: transfer.Exported, homes: Callable[[str], None], tmp_path: Path
) -> None:
    churn = bundles.load(bundles.path_of("churn", 2))
    pinned = {"churn_version": 2, "churn_sha256": churn.sha256}
    value = registered(facts("ltv", kind="formula", ltv=pinned))
    other = transfer.export("ltv", value.version, tmp_path / "ltv.zip")
    homes("new")
    with pytest.raises(UsageError, match="import that first"):
        transfer.take_in(other.path)
    assert tracking.versions("telco_ltv") == []
    here = transfer.take_in(exported.path)
    done = transfer.take_in(other.path)
    assert bundles.load(done.bundle).facts["ltv"] == {
        "churn_version": 1, "churn_sha256": bundles.load(here.bundle).sha256}


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None], **how: Any) -> Path:
    """The archive with its files changed, and what it states of them made to fit where `change` leaves that to us."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    out = path.with_name("changed.zip")
    with zipfile.ZipFile(out, "w", how.get("compression", zipfile.ZIP_STORED)) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out


def stated(files: dict[str, bytes], **facts: Any) -> None:
    """State the files as they are, as who builds an archive by hand would."""
    said = json.loads(files[transfer.STATED]) | facts
    said["files"] = {name: bundles.digest(data) for name, data in files.items() if name != transfer.STATED}
    files[transfer.STATED] = json.dumps(said).encode()


def signed(files: dict[str, bytes], **changed: Any) -> None:
    """Change bundle.json and sign everything anew."""
    said = json.loads(files["bundle/bundle.json"]) | changed
    said["files"] = {name: bundles.digest(files[f"bundle/{name}"]) for name in said["files"]}
    files["bundle/bundle.json"] = json.dumps(said).encode()
    stated(files, sha256=bundles.digest(files["bundle/bundle.json"]))


CHANGES: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "a changed file": (lambda files: files.update({"bundle/card.md": b"better\n"}), "not as telco-model.json states"),
    "a changed file, stated": (
        lambda files: (files.update({"bundle/card.md": b"better\n"}), stated(files)), r"card\.md: sha256"),
    "a file less": (lambda files: files.pop("bundle/card.md"), "not as telco-model.json states"),
    "no statement": (lambda files: files.pop(transfer.STATED), "not a model's archive"),
    "a path up": (lambda files: files.update({"../../x": b""}), r"holds \['../../x'\]"),
    "a path up inside": (lambda files: files.update({"bundle/../../x": b""}), "holds"),
    "an absolute path": (lambda files: files.update({"/etc/cron.d/x": b""}), "holds"),
    "a pickle": (lambda files: files.update({"bundle/python_model.pkl": HARM}), "holds"),
    "a pickle under an allowed name": (
        lambda files: (files.update({"bundle/card.md": HARM}), signed(files)), "a pickle"),
    "no verdict": (lambda files: signed(files, verdict=None), "no verdict"),
    "a verdict in words": (lambda files: signed(files, verdict={"passed": "yes"}), "no verdict"),
    "another model": (lambda files: stated(files, model="../../x"), "holds the model"),
    "another version": (lambda files: stated(files, version=7), "not what it states"),
    "another ledger": (lambda files: (files.update({"ledger/ledger.json": b"{}"}), stated(files)), "ledger is not"),
    "no ledger": (lambda files: ([files.pop(f"ledger/{name}") for name in transfer.LEDGER], stated(files)),
                  "ledger is not"),
    "no booster that loads": (
        lambda files: (files.update({"bundle/model.ubj": files["bundle/model.ubj"][:-90]}), signed(files)),
        "not a booster that loads"),
    "another format": (lambda files: stated(files, format=2), "format 2"),
}


def test_an_archive_that_is_not_as_it_was_written_is_refused_and_leaves_nothing(
    exported: transfer.Exported, homes: Callable[[str], None], tmp_path: Path
) -> None:
    homes("new")
    before = sorted(path for path in tmp_path.rglob("*") if "new" not in path.parts)
    for change, reason in CHANGES.values():
        path = rewritten(exported.path, change)
        with pytest.raises(TelcoError, match=reason):
            transfer.take_in(path)
        path.unlink()
    compressed = rewritten(exported.path, lambda files: None, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(IntegrityError, match="compressed"):
        transfer.take_in(compressed)
    compressed.write_bytes(exported.path.read_bytes()[:-30])
    with pytest.raises(IntegrityError, match="not a model's archive"):
        transfer.take_in(compressed)
    compressed.unlink()
    with pytest.raises(IntegrityError, match="it is another file"):
        transfer.take_in(exported.path, expected="0" * 64)
    assert tracking.versions("telco_churn") == []
    assert not settings().models.exists()
    assert sorted(path for path in tmp_path.rglob("*") if "new" not in path.parts) == before


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(transfer.STATED, "{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(transfer.STATED, "{}")
    (tmp_path / "twice.zip").write_bytes(out.getvalue())
    with pytest.raises(IntegrityError, match="a name twice"):
        transfer.take_in(tmp_path / "twice.zip")


def test_a_version_that_was_refused_travels_with_that_and_cannot_be_sent_into_shadow(
    homes: Callable[[str], None], tmp_path: Path
) -> None:
    homes("old")
    registered(facts("churn", columns=[], verdict={"passed": False, "reasons": ["no better"], "checks": []}))
    done = transfer.export("churn", 1, tmp_path / "churn.zip")
    homes("new")
    assert not transfer.take_in(done.path).passed
    with pytest.raises(UsageError, match="its verdict did not pass"):
        transfer.take_in(done.path, challenger=True)
    assert tracking.versions("telco_churn")[0].tags["verdict"] == "refused"


def test_only_a_whole_registered_bundle_is_exported(exported: transfer.Exported, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists already"):
        transfer.export("churn", 2, exported.path)
    with pytest.raises(UsageError, match="v9 is not registered"):
        transfer.export("churn", 9, tmp_path / "nine.zip")
    (bundles.path_of("churn", 2) / "card.md").write_bytes(b"better\n")
    with pytest.raises(IntegrityError, match=r"card\.md: sha256"):
        transfer.export("churn", 2, tmp_path / "two.zip")
    assert not (tmp_path / "two.zip").exists()


def test_a_damaged_bundle_is_restored_from_the_registry_after_a_check(exported: transfer.Exported) -> None:
    directory = bundles.path_of("churn", 2)
    whole = bundles.load(directory)
    with pytest.raises(UsageError, match="nothing to restore"):
        transfer.restore("churn", 2)
    (directory / "model.ubj").write_bytes(b"{}")
    assert transfer.restore("churn", 2) == directory
    assert bundles.load(directory).sha256 == whole.sha256
    assert [path.name for path in directory.parent.iterdir() if path.name.startswith("damaged")] == ["damaged-v2-0"]

    found = tracking.versions("telco_churn")[-1]
    kept = settings().mlflow / "artifacts" / found.run_id / "artifacts" / "bundle"
    (directory / "model.ubj").write_bytes(b"{}")
    (kept / "python_model.pkl").write_bytes(HARM)
    with pytest.raises(IntegrityError, match="a pickle"):
        transfer.restore("churn", 2)
    (kept / "python_model.pkl").unlink()
    (kept / "card.md").write_bytes(b"better\n")
    with pytest.raises(IntegrityError, match=r"card\.md: sha256"):
        transfer.restore("churn", 2)
    assert (directory / "model.ubj").read_bytes() == b"{}"
