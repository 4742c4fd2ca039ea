"""What stands where, since when and why, read from bundles and logs: no registry is asked, as none decides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines import bundle as bundles
from pipelines import champions, tracking
from pipelines.decisions import record
from pipelines.errors import IntegrityError, UsageError
from pipelines.gate import Verdict
from pipelines.models import SPECS, spec_of
from pipelines.promotion import shadow
from pipelines.promotion.comparison import judge
from pipelines.settings import settings


@dataclass(frozen=True)
class Stand:
    """One version: champion, previous, former champion, in shadow, registered, or refused. `since` is a day or -."""

    model: str
    version: int
    state: str
    since: str
    trained_as_of: str
    why: str


def standings(model: str | None = None) -> list[Stand]:
    """Every version of one model or of all, newest first."""
    found = [stand for name in ([model] if model else SPECS) for stand in _of(name)]
    return sorted(found, key=lambda stand: (list(SPECS).index(stand.model), -stand.version))


def verdicts(model: str, version: int) -> list[tuple[str, Verdict]]:
    """The gate's verdict on a version and, where it has one, that of its shadow so far. Raises UsageError for a version
    that is not in this home, IntegrityError when its bundle bears none."""
    facts = _facts(model, version)
    if facts is None:
        known = ", ".join(str(number) for number in sorted(_versions(model))) or "none"
        raise UsageError(f"{model} has no version {version} in {settings().models}; there are: {known}; "
                         "see telco models")
    if not facts.get("verdict"):
        raise IntegrityError(f"{bundles.path_of(model, version)}: bears no verdict of the gate; it is never promoted")
    found = [("gate", Verdict.of(facts["verdict"]))]
    challenger, line = shadow.standing(model), champions.succession(model)
    if challenger is not None and challenger.version == version and line:
        found.append(("shadow", judge(shadow.counted(challenger, line[-1])[0], spec_of(model).shadow)))
    return found


def delete(model: str, version: int, *, by: str) -> None:
    """Remove a version that never scored a night from the registry and from disk. Raises UsageError for a champion,
    former ones too: nights were scored with it, and a rollback may need it; and for the one in shadow."""
    if any(line.version == version for line in champions.history(model)):
        standing = champions.succession(model)[-1]
        state = "is the champion" if standing.version == version else "has been champion"
        raise UsageError(f"{model} v{version} {state}: it is never deleted. Nights were scored with it, and a rollback "
                         f"may need it. To take it out of force: telco rollback {model}")
    challenger = shadow.standing(model)
    if challenger is not None and challenger.version == version:
        raise UsageError(f"{model} v{version} is in shadow from {challenger.from_as_of}; let it end first")
    folder = bundles.path_of(model, version)
    if not folder.exists() and all(one.version != version for one in tracking.versions(spec_of(model).registered_name)):
        raise UsageError(f"{model} has no version {version}; see telco models")
    tracking.delete_version(spec_of(model).registered_name, version)
    if folder.exists():
        gone = folder.with_name(f".{folder.name}.deleted")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
        shutil.rmtree(gone)
    record("purge", f"{model}:{version}", by=by)


def _of(model: str) -> Iterator[Stand]:
    spec_of(model)
    for version in _versions(model):
        facts = _facts(model, version) or {}
        state, since, why = _state(model, version, facts)
        yield Stand(model, version, state, since, str(facts.get("trained_as_of", "-")), why)
    gone = {line.version for line in champions.history(model)} - _versions(model)
    for version in gone:
        yield Stand(model, version, "champion without a bundle", "-", "-",
                    "its folder below models/ is gone; restore it, or telco rollback")


def _state(model: str, version: int, facts: Mapping[str, Any]) -> tuple[str, str, str]:
    """state, since, why of one version."""
    line = champions.succession(model)
    lines = [one for one in champions.history(model) if one.version == version]
    if lines:
        place = {line[-1].version: "champion", **({line[-2].version: "previous"} if len(line) > 1 else {})}
        by = f", by {lines[-1].by}" if lines[-1].by else ""
        return place.get(version, "former champion"), str(lines[-1].from_as_of), f"{lines[-1].reason}{by}"
    verdict = facts.get("verdict") or {}
    if verdict.get("passed") is not True:
        reasons = verdict.get("reasons") or ["its bundle bears no verdict"]
        return "refused", "-", str(reasons[0])
    challenger, ended = shadow.standing(model), shadow.ending(model, version)
    if ended is not None:
        by = f" by {ended.by}" if ended.by else ""
        return f"{ended.outcome} in shadow", "-", f"{ended.reasons[0]}{by}"
    if challenger is not None and challenger.version == version and line:
        nights, waiting = shadow.counted(challenger, line[-1])
        told = ", ".join(str(night.as_of) for night in nights) or "none yet"
        more = f"; waits for {', '.join(map(str, waiting))}" if waiting else ""
        return "shadow", str(challenger.from_as_of), (
            f"{len(nights)} of {spec_of(model).shadow.nights} nights beside v{line[-1].version}: {told}{more}")
    return "registered", "-", "passed the gate, is nobody's challenger"


def _versions(model: str) -> set[int]:
    folders = (settings().models / model).glob("v*/")
    return {int(folder.name[1:]) for folder in folders if folder.name[1:].isdigit()}


def _facts(model: str, version: int) -> dict[str, Any] | None:
    path = bundles.path_of(model, version) / bundles.MANIFEST
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
