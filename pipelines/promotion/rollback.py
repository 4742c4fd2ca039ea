"""Rollback: one more line in the champion log that puts a former champion in force again, with what stands on it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from pipelines import bundle as bundles
from pipelines import champions, pairing, tracking
from pipelines.champions import Champion
from pipelines.decisions import record
from pipelines.errors import Held, UsageError
from pipelines.models import spec_of
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report, silent
from pipelines.promotion import policy
from pipelines.promotion.entry import first_unscored, follow

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RolledBack:
    """The line entered, the one it took the place of, and the lines of models that moved with it."""

    champion: Champion
    instead_of: Champion
    moved: tuple[Champion, ...] = ()
    aliases: str = "the registry's aliases follow"


def rollback(
    model: str, *, to: int | None = None, start: date | None = None, by: str, why: str = "", report: Report = silent
) -> RolledBack:
    """Put the champion before the last one, or version `to`, in force again from `start`, by default the first night
    nobody has scored; nights before keep theirs. Safe to repeat with the same `to` and `start`.

    A value goes with its churn version: to the last one that was pinned to it, else its heads are pinned anew where
    the two tell one story. Needs no registry: its aliases follow at once, or at the next promote. Raises UsageError
    when there is nobody to go back to, Held when that version's verdict did not pass or a pair cannot be made,
    IntegrityError when its bundle is not the one that was in force.
    """
    spec, by, why = spec_of(model), policy.person(by), policy.reason(why)
    last, target = _target(model, to)
    bundle = _whole(target)
    _check_pin(spec, bundle)
    partners = pairing.partners(spec, bundle)
    names = [model, *(other.name for other, *_ in partners)]
    night = start or max(first_unscored(name, last.from_as_of) for name in names)
    reason = f"rolled back from v{last.version} to v{target.version}" + (f": {why}" if why else "")
    moved = _move_back(spec, bundle, partners, night, reason, by)
    entered = champions.enter(model, target.version, night, target.sha256, reason=reason, by=by)
    record("rollback", f"{model}:{entered.version}", instead_of=last.version, from_as_of=night.isoformat(), by=by,
           why=why, moved=[f"{one.model}:{one.version}" for one in moved])
    for one in (entered, *moved):
        report(f"{one.model}: v{one.version} is champion from {one.from_as_of}")
    return RolledBack(entered, last, moved, _aliases(names))


def _target(model: str, to: int | None) -> tuple[Champion, Champion]:
    """The last line, and the line of the version to go back to."""
    line, history = champions.succession(model), champions.history(model)
    if not line:
        raise UsageError(f"{model}: no champion has ever been in force, so there is nothing to roll back; "
                         "see telco models")
    last = line[-1]
    if to is None:
        if len(line) < 2:
            raise UsageError(f"{model}: v{last.version} has no predecessor; there is nobody to go back to. "
                             f"Name a former champion with --to, or train one")
        return last, line[-2]
    found = next((one for one in reversed(history) if one.version == to), None)
    if found is None:
        known = ", ".join(f"v{number}" for number in sorted({one.version for one in history}))
        raise UsageError(f"{model} v{to} was never champion; those that were: {known}. Others go through the gate and "
                         f"their shadow nights: telco promote")
    return last, found


def _whole(target: Champion) -> bundles.Bundle:
    """The bundle as it was in force. Raises Held when its verdict did not pass, whoever wrote the line."""
    bundle = bundles.load(bundles.path_of(target.model, target.version), expected=target.sha256)
    if (bundle.facts.get("verdict") or {}).get("passed") is not True:
        raise Held(f"{target.model} v{target.version}", ["its bundle bears no passed verdict of the gate"],
                   "choose another former champion with --to")
    return bundle


def _check_pin(spec: ModelSpec, bundle: bundles.Bundle) -> None:
    """A value that stands on another churn version than the one in force goes back with churn, not alone."""
    why = pairing.obstacle(spec, bundle)
    if why:
        source = spec.parameters["survival_from"]
        raise Held(f"{spec.name} v{bundle.version}", [
            f"it is pinned to {source} v{bundle.facts['ltv']['churn_version']}, and another is in force"],
            f"telco rollback {source} takes its value along; or name a version with --to")


def _move_back(
    spec: ModelSpec, bundle: bundles.Bundle, partners: list[tuple[ModelSpec, Champion, Champion | None]], night: date,
    reason: str, by: str,
) -> tuple[Champion, ...]:
    """Bring every value along before the model itself, so that a kill between the two is healed by the same call."""
    checks = {other.name: check for other, _, check in pairing.measured(spec, bundle, night)} if any(
        former is None for *_, former in partners) else {}
    for other, last, former in partners:
        if former is None and not checks[other.name].passed:
            raise Held(f"{spec.name} v{bundle.version}", [f"with {other.name} v{last.version}, "
                                                         f"{checks[other.name].sentence}"])
    moved = []
    for other, last, former in partners:
        if former is None:
            moved.append(pairing.move(other, last, bundle, checks[other.name], night, by=by))
        elif (former.version, former.sha256) != (last.version, last.sha256) or last.from_as_of > night:
            moved.append(champions.enter(other.name, former.version, night, former.sha256,
                                         reason=f"with {spec.name}: {reason}", by=by))
    return tuple(moved)


def _aliases(models: list[str]) -> str:
    """Let the registry say it too. That it is away stops no rollback: the log has decided."""
    away = tracking.away()
    if away:
        return f"{away}; its aliases follow at the next promote"
    try:
        for model in models:
            follow(model)
    except Exception as error:
        log.warning("aliases of %s not moved: %s", models, error)
        return f"the registry could not be told ({error}); its aliases follow at the next promote"
    return "the registry's aliases follow"
