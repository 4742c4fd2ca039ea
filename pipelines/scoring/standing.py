"""Who scores a night: the champion in force if it is whole, else the last good one before it, and which one did.

The champion log decides, nothing else is asked: neither an alias nor the registry can bring a version in. A version
that a rollback took out of force is nobody's stand-in; a person did that for a reason.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines import bundle as bundles
from pipelines import champions, notices, tracking
from pipelines.bundle import Bundle
from pipelines.champions import Champion
from pipelines.errors import Held, IntegrityError, NoChampion
from pipelines.models import spec_of
from pipelines.publish import Dataset
from pipelines.settings import settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """Who scores. `flags` say in words what is not as it should be; `instead_of` is whom this one stands in for.

    Without flags the champion in force scores, from a whole bundle, and its registry answers.
    """

    champion: Champion
    bundle: Bundle
    flags: tuple[str, ...] = ()
    instead_of: Champion | None = None

    @property
    def inputs(self) -> dict[str, Any]:
        """What the night's partition records of it; nothing when all is as it should be."""
        said: dict[str, Any] = {"flags": list(self.flags)} if self.flags else {}
        if self.instead_of is not None:
            said["instead_of"] = {"version": self.instead_of.version, "bundle": self.instead_of.sha256}
        return said


def standing(model: str, as_of: date) -> Standing:
    """The champion in force at as_of, or who stands in for it: bundle whole and as recorded, verdict passed.

    A value goes with the churn version that scores the night: a stand-in must be pinned to that one. Raises NoChampion
    when none is in force, IntegrityError when no version is good, Held when a good one stands on other churn scores.
    """
    line = _line(model, as_of)
    if not line:
        raise NoChampion(f"{model} {as_of}: no champion is in force; train one first: telco train {model} --as-of DAY")
    source = _source(model, as_of)
    refused: list[str] = []
    apart: list[str] = []
    for champion in line:
        try:
            bundle = _whole(champion)
        except IntegrityError as error:
            refused.append(f"v{champion.version} ({error})")
            continue
        stands_in = bool(refused or apart) or (source is not None and source != _line(source.model, as_of)[0])
        if source is not None and stands_in and not _goes_with(bundle, source):
            pinned = (bundle.facts.get("ltv") or {}).get("churn_version")
            apart.append(f"v{champion.version} is pinned to {source.model} v{pinned}, and v{source.version} scores")
            continue
        return _told(Standing(champion, bundle), line[0], [*refused, *apart], as_of)
    if apart:
        raise Held(f"{model} {as_of}", [*refused, *apart],
                   "restore the bundle that is damaged; the last published scores serve until they expire")
    raise IntegrityError(f"{model} {as_of}: no good version is left in the champion log: {'; '.join(refused)}")


def scored_by(model: str, as_of: date) -> Champion | None:
    """Which version scored this night: the champion in force if it did, else the stand-in that did; None if neither.

    A night counts as a stand-in's only where its partition says so. What the champion scores later, once it is
    restored, takes precedence.
    """
    scores = Dataset(settings().scores / model, ("as_of", "version"))
    for place, champion in enumerate(_line(model, as_of)):
        entry = scores.entry({"as_of": as_of.isoformat(), "version": str(champion.version)})
        if entry is not None and (place == 0 or "instead_of" in entry.inputs):
            return champion
    return None


def flags_of(model: str, as_of: date) -> list[str]:
    """What the published scores of this night say of who made them; empty when all was as it should be."""
    champion = scored_by(model, as_of)
    if champion is None:
        return []
    key = {"as_of": as_of.isoformat(), "version": str(champion.version)}
    entry = Dataset(settings().scores / model, ("as_of", "version")).entry(key)
    return list(entry.inputs.get("flags", [])) if entry is not None else []


def _line(model: str, as_of: date) -> list[Champion]:
    """The champion in force at as_of, then the one it followed, and so on.

    A version entered again (a rollback) takes its old place: those that came after it are out.
    """
    stack: list[Champion] = []
    for champion in champions.history(model):
        if champion.from_as_of <= as_of:
            known = [(one.version, one.sha256) for one in stack]
            who = (champion.version, champion.sha256)
            stack = [*stack[: known.index(who) if who in known else len(stack)], champion]
    return stack[::-1]


def _whole(champion: Champion) -> Bundle:
    """The champion's bundle. Raises IntegrityError when it is not whole, not itself, or its verdict did not pass."""
    bundle = bundles.load(bundles.path_of(champion.model, champion.version), expected=champion.sha256)
    if (bundle.model, bundle.version) != (champion.model, champion.version):
        raise IntegrityError(f"{bundle.directory}: holds {bundle.model} v{bundle.version}")
    if (bundle.facts.get("verdict") or {}).get("passed") is not True:
        raise IntegrityError(f"{bundle.directory}: bears no passed verdict of the gate")
    return bundle


def _source(model: str, as_of: date) -> Champion | None:
    """The champion whose scores this model's stand on: who scored the night, or will; None for a model of its own."""
    name = spec_of(model).parameters.get("survival_from")
    if name is None or not _line(name, as_of):
        return None
    return scored_by(name, as_of) or standing(name, as_of).champion


def _goes_with(bundle: Bundle, source: Champion) -> bool:
    terms = bundle.facts.get("ltv") or {}
    return (terms.get("churn_version"), terms.get("churn_sha256")) == (source.version, source.sha256)


def _told(found: Standing, in_force: Champion, passed_over: Sequence[str], as_of: date) -> Standing:
    """With its flags; a stand-in is an alarm, once a night."""
    flags, model = [], in_force.model
    if passed_over:
        flags.append(f"{model} v{found.champion.version} scores in place of v{in_force.version}, which is in force: "
                     + "; ".join(passed_over))
        notices.once(f"standing-{model}-{as_of}-v{in_force.version}",
                     f"{as_of}: {flags[0]}. Restore what is damaged and score the night again, or roll back")
    away = tracking.away()
    if away:
        flags.append(f"scored from the verified local copy: {away}")
    return Standing(found.champion, found.bundle, tuple(flags), in_force if passed_over else None)
