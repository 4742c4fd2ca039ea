"""The only module that imports mlflow: runs, registered versions, their tags, aliases and artifacts.

The registry is for people and for lineage. What scores a night is decided by the champion log and loaded from the
bundle on disk, so a night needs no registry. Model names are ours (`telco_<model>`), versions are MLflow's.
"""

from __future__ import annotations

import fcntl
import json
import logging
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.settings import PROJECT, settings

log = logging.getLogger(__name__)

NAME = re.compile(r"telco_[a-z][a-z0-9_]{0,40}")
EXPERIMENT = "telco"
PENDING, READY = "pending", "ready"
# What "there is none" looks like: no such registered model, and no such alias of one.
ABSENT_CODES = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})


@dataclass(frozen=True)
class Registered:
    """One version in the registry. `state` is pending until its bundle, verdict and artifacts are all stored."""

    name: str
    version: int
    run_id: str
    tags: Mapping[str, str]

    @property
    def state(self) -> str:
        return self.tags.get("state", PENDING)


def find(name: str, identity: str) -> Registered | None:
    """The oldest version with this identity tag: the same frame, spec and as_of were already trained."""
    return next((found for found in versions(name) if found.tags.get("identity") == identity), None)


def versions(name: str) -> list[Registered]:
    """Every version of a model, oldest first; none when the model was never registered."""
    client, token = _client(), None
    pages: list[Registered] = []
    while True:
        page = client.search_model_versions(f"name='{_checked(name)}'", max_results=1000, page_token=token)
        pages.extend(_registered(found) for found in page)
        token = page.token
        if not token:
            return sorted(pages, key=lambda found: found.version)


def register(
    name: str, tags: Mapping[str, str], *, booster: Any = None, columns: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None, metrics: Mapping[str, float] | None = None,
) -> Registered:
    """Log a run and register its model as a new `pending` version without an alias.

    `booster` goes in by the xgboost flavour, native ubj with a signature of doubles over `columns`; without one (a
    formula) the version points at the run's bundle. `tags` must hold `identity`: a version that has it is returned.
    """
    with _one_writer():
        standing = find(name, tags["identity"])
        if standing is not None:
            return standing
        client = _client()
        _ensure_registered_model(client, name)
        run = client.create_run(_experiment(client), run_name=f"{name} {tags.get('trained_as_of', '')}".strip())
        run_id = run.info.run_id
        for key, value in (parameters or {}).items():
            client.log_param(run_id, key, value)
        for key, value in (metrics or {}).items():
            client.log_metric(run_id, key, value)
        source = _log_booster(run_id, booster, columns) if booster is not None else f"runs:/{run_id}/bundle"
        made = client.create_model_version(
            name, source=source, run_id=run_id, tags={**dict(tags), "state": PENDING, "run_id": run_id},
        )
    return _registered(made)


def settle(found: Registered, bundle: Path, tags: Mapping[str, str], *, alias: str | None = None) -> None:
    """Store the bundle's files as artifacts and the verdict's tags, give the alias, then mark the version ready."""
    client = _client()
    client.log_artifacts(found.run_id, str(bundle), artifact_path="bundle")
    for key, value in tags.items():
        client.set_model_version_tag(found.name, str(found.version), key, value)
    if alias is not None:
        client.set_registered_model_alias(found.name, alias, str(found.version))
    client.set_model_version_tag(found.name, str(found.version), "state", READY)
    client.set_terminated(found.run_id)


def version_by_alias(name: str, alias: str) -> Registered | None:
    """The version an alias points at, or None: also in a registry that has never seen the model."""
    from mlflow.exceptions import MlflowException

    try:
        return _registered(_client().get_model_version_by_alias(_checked(name), alias))
    except MlflowException as error:
        if error.error_code in ABSENT_CODES:
            return None
        raise


def set_alias(name: str, alias: str, version: int) -> None:
    """Point an alias at a version; it leaves the one that had it."""
    _client().set_registered_model_alias(_checked(name), alias, str(version))


def drop_alias(name: str, alias: str) -> None:
    """Take an alias away; nothing to take is fine."""
    if version_by_alias(name, alias) is not None:
        _client().delete_registered_model_alias(_checked(name), alias)


def note(name: str) -> str | None:
    """A tag of our experiment, or None: it holds what is said of the whole house and not of one version."""
    found = _client().get_experiment_by_name(EXPERIMENT)
    return found.tags.get(name) if found is not None else None


def set_note(name: str, value: str) -> None:
    """Set a tag of our experiment."""
    client = _client()
    client.set_experiment_tag(_experiment(client), name, value)


def mark(name: str, version: int, tags: Mapping[str, str]) -> None:
    """Set tags of a version that is registered already."""
    client = _client()
    for key, value in tags.items():
        client.set_model_version_tag(_checked(name), str(version), key, value)


def git_commit() -> str:
    """The commit of this checkout, with `+changed` when files differ from it; `none` outside a checkout."""
    try:
        head = _git("rev-parse", "HEAD")
        return f"{head}+changed" if _git("status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.SubprocessError):
        return "none"


def _git(*words: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", *words], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=True,  # noqa: S607
    )
    return done.stdout.strip()


def _client() -> Any:
    uri = settings().mlflow_uri
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def _experiment(client: Any) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    is_local = settings().mlflow_uri.startswith("sqlite:")
    root = settings().mlflow / "artifacts"
    return str(client.create_experiment(EXPERIMENT, artifact_location=root.as_uri() if is_local else None))


def _ensure_registered_model(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(_checked(name))
    except MlflowException as error:
        if error.error_code not in ABSENT_CODES:
            raise
        client.create_registered_model(name)


def _log_booster(run_id: str, booster: Any, columns: Sequence[str]) -> str:
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    signature = ModelSignature(
        inputs=Schema([ColSpec("double", column) for column in columns]), outputs=Schema([ColSpec("float")]),
    )
    with mlflow.start_run(run_id=run_id):
        # Without pip_requirements MLflow asks the network what is installed, and hangs where there is none.
        logged = mlflow.xgboost.log_model(
            booster, name="model", signature=signature, pip_requirements=_requirements(), model_format="ubj",
        )
    return str(logged.model_uri)


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{package}=={version(package)}" for package in ("mlflow", "numpy", "xgboost")]


def _registered(found: Any) -> Registered:
    return Registered(found.name, int(found.version), str(found.run_id or ""), dict(found.tags))


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise UsageError(f"not a model name of ours: {name!r}; it must match {NAME.pattern}")
    return name


@contextmanager
def _one_writer() -> Iterator[None]:
    """Find-or-create of a version is one step among the processes of this machine."""
    settings().mlflow.mkdir(parents=True, exist_ok=True)
    with (settings().mlflow / ".register.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def as_tags(facts: Mapping[str, Any]) -> dict[str, str]:
    """Tags as the registry takes them: text, lists and maps as JSON, at most 5,000 characters."""
    return {
        key: (value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str))[:5000]
        for key, value in facts.items()
    }
