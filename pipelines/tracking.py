"""The only module that imports mlflow: runs, registered versions, their tags, aliases and artifacts.

The registry is for people and for lineage. What scores a night is decided by the champion log and loaded from the
bundle on disk, so a night needs no registry. Model names are ours (`telco_<model>`), versions are MLflow's. Aliases
are for people: they follow the champion log, and one that somebody moved is told and moved back.
"""

from __future__ import annotations

import fcntl
import json
import logging
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import artifacts, notices
from pipelines.errors import RegistryAway, UsageError
from pipelines.settings import PROJECT, settings

log = logging.getLogger(__name__)

NAME = re.compile(r"telco_[a-z][a-z0-9_]{0,40}")
EXPERIMENT = "telco"
HEALTH_TIMEOUT_S = 2.0
# pending: registered, not settled yet. abandoned: what it was to hold is gone; the same training again settles it.
PENDING, READY, ABANDONED = "pending", "ready", "abandoned"
ALIAS = re.compile(r"[a-z]{1,20}")
SET_BY_US = "telco.alias."  # a registered model's tags: where we put each alias last
# What "there is none" looks like: no such registered model, and no such alias of one.
ABSENT_CODES = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
# What a registry answers that is down, locked or breaking off; without an answer MLflow says INTERNAL_ERROR.
AWAY_CODES = frozenset({"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"})


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


@contextmanager
def _answering() -> Iterator[None]:
    """Raises RegistryAway for whatever says that the registry cannot be reached or broke off, without a password."""
    try:
        yield
    except Exception as error:
        code = getattr(error, "error_code", None)
        library = type(error).__module__.partition(".")[0]
        if code in AWAY_CODES or library in {"requests", "urllib3", "sqlalchemy"}:
            said = re.sub(r"//[^/@\s]*@", "//", str(error).strip().splitlines()[0])[:300]
            raise RegistryAway(f"MLflow does not answer: {said}") from error
        raise


@_answering()
def find(name: str, identity: str) -> Registered | None:
    """The oldest version with this identity tag: the same frame, spec and as_of were already trained."""
    return next((found for found in versions(name) if found.tags.get("identity") == identity), None)


@_answering()
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


@_answering()
def register(
    name: str, tags: Mapping[str, str], *, booster: Any = None, columns: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None, metrics: Mapping[str, float] | None = None,
) -> Registered:
    """Log a run and register its model as a new `pending` version without an alias.

    `booster` goes in by the xgboost flavour, native ubj with a signature of doubles over `columns`; without one (a
    formula) the version points at the run's bundle. `tags` must hold `identity`: a version that has it is returned.
    Raises RegistryAway; killed anywhere, the same call again makes the one version.
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
        # A server takes the source of a logged model only beside its id; a file store takes it alone.
        source, model_id = f"runs:/{run_id}/bundle", None
        if booster is not None:
            source, model_id = _log_booster(run_id, booster, columns)
        made = client.create_model_version(
            name, source=source, run_id=run_id, model_id=model_id,
            tags={**dict(tags), "state": PENDING, "run_id": run_id},
        )
    return _registered(made)


@_answering()
def settle(found: Registered, bundle: Path, tags: Mapping[str, str], *, alias: str | None = None) -> None:
    """Store the bundle's files as artifacts and the verdict's tags, give the alias, then mark the version ready.

    The alias goes to the newest training: one that stands at a version trained later stays there.
    """
    client = _client()
    client.log_artifacts(found.run_id, str(bundle), artifact_path="bundle")
    with _one_writer():  # two that settle one version would both insert a tag that is not there yet
        for key, value in tags.items():
            client.set_model_version_tag(found.name, str(found.version), key, value)
        if alias is not None:
            holder = version_by_alias(found.name, alias)
            if holder is None or _age(holder) <= _age(found):
                _set_alias(client, found.name, alias, found.version)
        client.set_model_version_tag(found.name, str(found.version), "state", READY)
    client.set_terminated(found.run_id)


@_answering()
def abandon(found: Registered, why: str) -> None:
    """Mark a version that cannot be settled from what is on disk. The same training again would settle it."""
    client = _client()
    client.set_model_version_tag(found.name, str(found.version), "abandoned", why[:5000])
    client.set_model_version_tag(found.name, str(found.version), "state", ABANDONED)


@_answering()
def end_orphan_runs() -> list[str]:
    """End the runs of registrations that were killed before their version was made; their ids."""
    with _one_writer():  # no registration of this machine is between its run and its version
        client, ended = _client(), []
        of_versions = {found.run_id for found in client.search_model_versions()}
        for run in client.search_runs([_experiment(client)], max_results=5000):
            is_ours = str(run.info.run_name or "").startswith("telco_")
            if is_ours and run.info.run_id not in of_versions and "orphan" not in run.data.tags:
                client.set_tag(run.info.run_id, "orphan", "killed before its version was registered")
                client.set_terminated(run.info.run_id, status="KILLED")
                ended.append(str(run.info.run_id))
    return ended


@_answering()
def version_by_alias(name: str, alias: str) -> Registered | None:
    """The version an alias points at, or None: also in a registry that has never seen the model."""
    from mlflow.exceptions import MlflowException

    try:
        return _registered(_client().get_model_version_by_alias(_checked(name), alias))
    except MlflowException as error:
        if error.error_code in ABSENT_CODES:
            return None
        raise


@_answering()
def set_alias(name: str, alias: str, version: int) -> None:
    """Point an alias at a version; it leaves the one that had it."""
    with _one_writer():
        _set_alias(_client(), _checked(name), alias, version)


@_answering()
def move_alias(name: str, alias: str, version: int, *, seen: int | None) -> bool:
    """Point an alias at a version if it still stands where it was `seen` (None: nowhere). False when it moved since.

    Compared and set under the lock of this machine's processes; MLflow itself has no such step.
    """
    with _one_writer():
        holder = version_by_alias(name, alias)
        if (holder.version if holder else None) != seen:
            return False
        _set_alias(_client(), _checked(name), alias, version)
    return True


@_answering()
def drop_alias(name: str, alias: str) -> None:
    """Take an alias away; nothing to take is fine."""
    with _one_writer():
        if version_by_alias(name, alias) is not None:
            client = _client()
            client.delete_registered_model_alias(_checked(name), alias)
            client.delete_registered_model_tag(name, SET_BY_US + alias)


@_answering()
def reconcile(name: str, wanted: Mapping[str, int]) -> list[str]:
    """Point each alias at the version the champion log says; sentences on those that were not where we had put them.

    Those are told as a notice: somebody moved them by hand, or deleted the version. Safe to repeat.
    """
    from mlflow.exceptions import MlflowException

    told = []
    with _one_writer():
        client = _client()
        _ensure_registered_model(client, name)
        model = client.get_registered_model(name)
        for alias, version in wanted.items():
            stands, ours = _known(model.aliases, alias), model.tags.get(SET_BY_US + alias)
            if stands == str(version) == ours:
                continue
            try:
                _set_alias(client, name, alias, version)
            except MlflowException as error:
                if error.error_code not in ABSENT_CODES:
                    raise
                told.append(_tell(name, alias, stands, version, "the registry has no such version any more"))
                continue
            if ours is not None and stands not in (ours, str(version)):
                told.append(_tell(name, alias, stands, version, "moved back"))
    return told


def _known(aliases: Mapping[str, Any], alias: str) -> str | None:
    """Where a registered model's alias stands; MLflow gives a number or a text for it, as the store is."""
    return str(aliases[alias]) if alias in aliases else None


def _tell(name: str, alias: str, stands: str | None, version: int, what: str) -> str:
    where = f"v{stands}" if stands else "nowhere"
    text = f"{name}: the alias {alias} stood at {where}, the champion log says v{version}, which decides: {what}"
    kind = f"alias-{name}-{alias}"
    number = len(list(notices.directory().glob(f"{kind}-*"))) if what == "moved back" else 0  # each move is told
    notices.once(f"{kind}-v{version}-{stands or 'none'}-{number}", text)
    return text


def _set_alias(client: Any, name: str, alias: str, version: int) -> None:
    if not ALIAS.fullmatch(alias):
        raise UsageError(f"not an alias of ours: {alias!r}; it must match {ALIAS.pattern}")
    client.set_registered_model_alias(name, alias, str(version))
    client.set_registered_model_tag(name, SET_BY_US + alias, str(version))


def _age(found: Registered) -> tuple[str, int]:
    """Orders versions by the day they were trained at, then by their number."""
    return found.tags.get("trained_as_of", ""), found.version


@_answering()
def fetch(found: Registered, into: Path) -> Path:
    """Download what the registry keeps of a version into `into`, where it is checked before anybody may read it.

    Returns the folder with the bundle's files. Raises IntegrityError for a flavour that is not on the list, a pickle
    (also a compressed one) or a path that leads elsewhere.
    """
    import mlflow

    client = _client()
    client.download_artifacts(found.run_id, "bundle", str(into))
    source = client.get_model_version(found.name, str(found.version)).source
    if not source.startswith("runs:"):
        mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(into / "model"))
    artifacts.check(into)
    return into / "bundle"


def delete_version(name: str, version: int) -> None:
    """Take a version out of the registry, for good, with its aliases; one that is not there is fine."""
    from mlflow.exceptions import MlflowException

    try:
        _client().delete_model_version(_checked(name), str(version))
    except MlflowException as error:
        if error.error_code not in ABSENT_CODES:
            raise


def away() -> str | None:
    """Why the registry cannot be asked now, or None. MLflow is not imported for it, and nothing is waited for long."""
    uri = settings().mlflow_uri
    if not uri.startswith(("http://", "https://")):
        return None
    parts = urllib.parse.urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]  # urllib would look for a host of the name `user:password@host`
    try:
        with urllib.request.urlopen(f"{parts.scheme}://{host}{parts.path.rstrip('/')}/health",  # noqa: S310
                                    timeout=HEALTH_TIMEOUT_S):
            return None
    except OSError as error:
        return f"MLflow at {host} does not answer ({error})"


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


def _log_booster(run_id: str, booster: Any, columns: Sequence[str]) -> tuple[str, str]:
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
    return str(logged.model_uri), str(logged.model_id)


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
