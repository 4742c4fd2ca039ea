"""A model version as one file that another home can take in: bundle, verdict and ledger, and nothing that could run.

The archive is a zip without compression and without clock times: `telco-model.json` names every file with its sha256,
`bundle/` and `ledger/` hold them under fixed names. Taken in, it is a version of the other home's own: registered,
with the verdict it came with and `imported` in its bundle.json, and in force only when that home puts it there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import artifacts, champions, registration, tracking
from pipelines import bundle as bundles
from pipelines.bundle import Bundle
from pipelines.errors import IntegrityError, UsageError
from pipelines.governance import audit
from pipelines.landing import sealed
from pipelines.models import SPECS, spec_of
from pipelines.models.spec import ModelSpec
from pipelines.publish import replacing, sha256
from pipelines.settings import settings

log = logging.getLogger(__name__)

STATED, FORMAT = "telco-model.json", 1
LEDGER = ("cutoffs.bin", "ledger.json", "subscribers.bin")
NAMES = frozenset({STATED, *(f"bundle/{name}" for name in {*bundles.ALLOWED, bundles.MANIFEST}),
                   *(f"ledger/{name}" for name in LEDGER)})
LARGEST_BYTES = 2**30  # a ledger of 6M person-rows is 60 MB, a booster 2 MB, a sample 20 MB
_EPOCH = (1980, 1, 1, 0, 0, 0)
TAGS = ("identity", "feature_service", "spec_digest", "frame_digest", "trained_as_of", "cutoffs", "kind", "imported")


@dataclass(frozen=True)
class Exported:
    """The archive, its sha256 for whoever takes it in, and what it holds."""

    path: Path
    sha256: str
    model: str
    version: int
    bundle: str
    ledger: bool


@dataclass(frozen=True)
class Imported:
    """The version it is in this home, and the one it was; `again`: an earlier import had made it."""

    model: str
    version: int
    was: int
    bundle: Path
    passed: bool
    ledger: bool
    again: bool


def export(model: str, version: int, path: Path) -> Exported:
    """Write one version to `path`, whole or not at all; the same version gives the same bytes.

    Raises IntegrityError when the bundle is not the one that was registered, UsageError when none was or the file is
    there already.
    """
    if path.exists():
        raise UsageError(f"{path} exists already; give another name")
    found = bundles.load(bundles.path_of(model, version), expected=recorded(model, version))
    files = {f"bundle/{name}": (found.directory / name).read_bytes()
             for name in sorted({*found.facts["files"], bundles.MANIFEST})}
    folder = ledger_of(model, version)
    if folder.is_dir():
        files |= {f"ledger/{name}": (folder / name).read_bytes() for name in LEDGER}
    elif found.facts.get("ledger"):
        raise IntegrityError(f"{folder}: the ledger of {model} v{version} is missing; restore it from a backup")
    stated = {"format": FORMAT, "model": model, "version": version, "sha256": found.sha256,
              "files": {name: bundles.digest(data) for name, data in sorted(files.items())}}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, 0o600) as out, zipfile.ZipFile(out, "w") as archive:
        for name, data in {STATED: (json.dumps(stated, indent=2, sort_keys=True) + "\n").encode(), **files}.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    made = Exported(path, sha256(path), model, version, found.sha256, folder.is_dir())
    audit.record("export", subject=f"{model}:{version}", archive=made.sha256, bundle=made.bundle, ledger=made.ledger)
    log.info("exported model=%s version=%d file=%s", model, version, path)
    return made


def take_in(path: Path, *, expected: str | None = None, challenger: bool = False) -> Imported:
    """Register the version of an archive here, as a version of its own. Safe to repeat: the same file, one version.

    `expected` is the archive's sha256 as the exporting home told it. Raises IntegrityError for anything that is not as
    stated, UsageError when there is no such model here or what it stands on was not imported first. `challenger`: a
    person sends it into shadow; without it no alias is given.
    """
    contents = _read(path, expected)
    stated = json.loads(contents[STATED])
    spec = _spec(stated, path)
    with tempfile.TemporaryDirectory() as scratch:
        came = _unpacked(contents, stated, Path(scratch) / "bundle")
        facts = _facts(came, spec)
        tags = tracking.as_tags({name: facts[name] for name in TAGS if name in facts})
        found = tracking.register(spec.registered_name, tags, booster=came.booster, columns=came.columns)
        again = found.state == tracking.READY
        files = {name: came.directory / name for name in came.facts["files"]}
        made = bundles.save(bundles.path_of(spec.name, found.version), {**facts, "version": found.version}, files=files)
    has_ledger = _put_ledger(contents, spec.name, found.version)
    if not again:
        audit.record("import", subject=f"{spec.name}:{found.version}", once=True, bundle=made.sha256,
                     was=came.version, was_bundle=came.sha256, ledger=has_ledger)
        registration.settle(found, made)
    passed = made.facts["verdict"]["passed"] is True
    if challenger:
        _send_into_shadow(spec, found.version, passed)
    log.info("imported model=%s version=%d was=%d", spec.name, found.version, came.version)
    return Imported(spec.name, found.version, came.version, made.directory, passed, has_ledger, again)


def restore(model: str, version: int) -> Path:
    """Bring the bundle of a version back from the registry's artifacts; what lay there is moved aside, not removed.

    Everything the registry keeps of it is checked before it is put in place. Raises IntegrityError when that is not
    what was recorded, UsageError when the bundle here is whole.
    """
    spec, directory = spec_of(model), bundles.path_of(model, version)
    digest = recorded(model, version)
    try:
        bundles.load(directory, expected=digest)
    except IntegrityError:
        pass
    else:
        raise UsageError(f"{directory} is whole; there is nothing to restore")
    found = next((one for one in tracking.versions(spec.registered_name) if one.version == version), None)
    if found is None:
        raise UsageError(f"{spec.registered_name} v{version} is not in the registry; restore the bundle from a backup")
    with tempfile.TemporaryDirectory(dir=settings().models) as scratch:
        fetched = tracking.fetch(found, Path(scratch))
        bundles.load(fetched, expected=digest)
        if directory.exists():
            aside = directory.with_name(f"damaged-v{version}-{len(list(directory.parent.glob('damaged-*')))}")
            directory.rename(aside)
            log.warning("moved the damaged bundle to %s", aside)
        fetched.rename(directory)
    return directory


def recorded(model: str, version: int) -> str:
    """The sha256 of a version's bundle.json: as the champion log has it, else as it was registered."""
    lines = [line.sha256 for line in champions.history(model) if line.version == version]
    if lines:
        return lines[-1]
    for found in tracking.versions(spec_of(model).registered_name):
        if found.version == version and "sha256" in found.tags:
            return found.tags["sha256"]
    raise UsageError(f"{model} v{version} is not registered here; telco models says what is")


def ledger_of(model: str, version: int) -> Path:
    """Where a version's ledger lies in this home."""
    return settings().ledger / model / f"v{version}"


def _read(path: Path, expected: str | None) -> dict[str, bytes]:
    """Every file of the archive, compared with what it states. Nothing is written and no name becomes a path."""
    if expected is not None and sha256(path) != expected:
        raise IntegrityError(f"{path}: sha256 {sha256(path)[:12]} is not {expected[:12]}; it is another file")
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            strange = sorted(set(names) - NAMES)
            if strange or len(set(names)) != len(names):
                raise IntegrityError(f"{path}: holds {strange or 'a name twice'}; a model's archive holds nothing else")
            if sum(info.file_size for info in infos) > LARGEST_BYTES or any(info.compress_type for info in infos):
                raise IntegrityError(f"{path}: compressed, or larger than {LARGEST_BYTES} bytes")
            contents = {name: archive.read(name) for name in names}
        stated = json.loads(contents[STATED])
        digests, is_ours = dict(stated["files"]), stated["format"] == FORMAT
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, OSError, NotImplementedError, RuntimeError) as error:
        raise IntegrityError(f"{path}: not a model's archive ({error})") from None
    if not is_ours:
        raise IntegrityError(f"{path}: format {stated['format']!r}, this version reads {FORMAT}")
    if {name: bundles.digest(data) for name, data in contents.items() if name != STATED} != digests:
        raise IntegrityError(f"{path}: files are not as {STATED} states them; export it again")
    return contents


def _spec(stated: Mapping[str, Any], path: Path) -> ModelSpec:
    if stated.get("model") not in SPECS:
        raise UsageError(f"{path}: holds the model {stated.get('model')!r}; there are: {', '.join(SPECS)}")
    return spec_of(stated["model"])


def _unpacked(contents: Mapping[str, bytes], stated: Mapping[str, Any], folder: Path) -> Bundle:
    """The archive's bundle, written below a scratch folder and loaded from there, with its verdict and its ledger."""
    folder.mkdir()
    for name, data in contents.items():
        if name.startswith("bundle/"):
            artifacts.check_bytes(data, name)
            (folder / name.removeprefix("bundle/")).write_bytes(data)
    came = bundles.load(folder, expected=stated["sha256"])
    if (came.model, came.version) != (stated["model"], stated["version"]):
        raise IntegrityError(f"{STATED}: holds {came.model} v{came.version}, not what it states")
    if not isinstance((came.facts.get("verdict") or {}).get("passed"), bool):
        raise IntegrityError(f"{came.model} v{came.version}: its bundle bears no verdict of a gate")
    there = contents.get("ledger/ledger.json")
    if came.facts.get("ledger") != (bundles.digest(there) if there is not None else None):
        raise IntegrityError(f"{came.model} v{came.version}: its ledger is not the one its bundle states")
    return came


def _facts(came: Bundle, spec: ModelSpec) -> dict[str, Any]:
    """bundle.json as it will be here, less its version: where it came from, and its pin on a version of this home."""
    facts = {name: value for name, value in came.facts.items() if name not in ("files", "version")}
    facts["identity"] = hashlib.sha256(f"imported {came.sha256}".encode()).hexdigest()
    facts["imported"] = {"version": came.version, "sha256": came.sha256}
    source = spec.parameters.get("survival_from")
    if source is not None:
        pinned = _here(source, facts["ltv"]["churn_sha256"])
        facts["ltv"] = {**facts["ltv"], "churn_version": pinned.version, "churn_sha256": pinned.sha256}
    return facts


def _here(model: str, digest: str) -> Bundle:
    """The version of this home that was imported from the bundle of this sha256, or is it."""
    for path in sorted((settings().models / model).glob(f"v*/{bundles.MANIFEST}")):
        stated = json.loads(path.read_bytes())
        if digest in (sha256(path), stated.get("imported", {}).get("sha256")):
            return bundles.load(path.parent)
    raise UsageError(f"it stands on a version of {model} (sha256 {digest[:12]}) that is not here; import that first")


def _put_ledger(contents: Mapping[str, bytes], model: str, version: int) -> bool:
    """Put the ledger beside the others, closed as they are; its bytes stay those its digest is of."""
    folder = ledger_of(model, version)
    found = {name: contents[f"ledger/{name}"] for name in LEDGER if f"ledger/{name}" in contents}
    if not found:
        return False
    if not folder.exists():
        sealed.folder(folder.parent, settings().ledger)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
        try:
            for name, data in found.items():
                sealed.write(beside / name, data)
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return True


def _send_into_shadow(spec: ModelSpec, version: int, passed: bool) -> None:
    if not passed:
        raise UsageError(f"{spec.name} v{version}: its verdict did not pass; it stays a registered version")
    holder = tracking.version_by_alias(spec.registered_name, "challenger")
    seen = holder.version if holder is not None else None
    if seen != version and not tracking.move_alias(spec.registered_name, "challenger", version, seen=seen):
        raise UsageError(f"{spec.name}: another training became challenger meanwhile; look at telco models, then again")
