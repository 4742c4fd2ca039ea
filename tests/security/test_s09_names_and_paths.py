"""S09: names and paths that lead out of the registry's folders: refused by ours, and by MLflow behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import tracking
from pipelines.errors import UsageError

NAMES = [
    "../../x", "telco_churn/../../x", "/etc/passwd", "telco_..", "telco_churn'", "telco_churn' or '1'='1", 'telco_"x"',
    "telco_churn\n", "telco_churn\0", "TELCO_CHURN", "churn", "", "telco_" + "a" * 50, "telco_chürn",
    "telco_churn%2e%2e",
]
CALLS = {
    "find": lambda name: tracking.find(name, "identity"),
    "versions": tracking.versions,
    "register": lambda name: tracking.register(name, {"identity": "one"}),
    "version_by_alias": lambda name: tracking.version_by_alias(name, "champion"),
    "set_alias": lambda name: tracking.set_alias(name, "champion", 1),
    "move_alias": lambda name: tracking.move_alias(name, "champion", 1, seen=None),
    "drop_alias": lambda name: tracking.drop_alias(name, "champion"),
    "reconcile": lambda name: tracking.reconcile(name, {"champion": 1}),
}


@pytest.mark.parametrize("call", sorted(CALLS))
def test_S09_a_model_name_that_is_not_ours_reaches_no_registry(
    home: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    class Untouched:
        def __getattr__(self, method: str) -> object:
            return lambda *words, **more: pytest.fail(f"{method} of the registry was called with {words}")

    monkeypatch.setattr(tracking, "_client", Untouched)
    for name in NAMES:
        with pytest.raises(UsageError, match="not a model name of ours"):
            CALLS[call](name)


@pytest.mark.parametrize("alias", ["../x", "Champion", "", "v1", "latest version", "champion'"])
def test_S09_an_alias_that_is_not_ours_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch, alias: str) -> None:
    monkeypatch.setattr(tracking, "_client", lambda: None)
    with pytest.raises(UsageError, match="not an alias of ours"):
        tracking.set_alias("telco_churn", alias, 1)


@pytest.mark.parametrize("path", ["../x", "../../x", "/etc", "a/../../x"])
def test_S09_an_artifact_path_that_leads_out_is_refused_by_mlflow(path: str, tmp_path: Path) -> None:
    """A regression test of what we stand on: another version of MLflow that takes such a path fails here."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "root").mkdir()
    repository = LocalArtifactRepository((tmp_path / "root").as_uri())
    with pytest.raises(MlflowException, match="Invalid artifact path"):
        repository.log_artifact(str(tmp_path / "file.txt"), path)
    with pytest.raises(MlflowException):
        repository.download_artifacts(f"{path}/file.txt", str(tmp_path))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file.txt", "root"]
