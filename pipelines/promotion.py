"""Promotion: a version that passed the gate enters the champion log, from the first night nobody has scored yet."""

from __future__ import annotations

import logging
from datetime import date

from pipelines import bundle as bundles
from pipelines import champions, pairing, tracking
from pipelines.champions import Champion
from pipelines.clock import DAY, parse_day
from pipelines.errors import IntegrityError
from pipelines.models import spec_of
from pipelines.models.spec import FirstChampion, ModelSpec
from pipelines.progress import Report, silent
from pipelines.publish import Dataset
from pipelines.settings import settings

log = logging.getLogger(__name__)

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous"


def promote(model: str, as_of: date, *, report: Report = silent) -> Champion | None:
    """Put the challenger trained at or before `as_of` in force; None when there is nobody to promote, and why is told.

    The first champion is in force from its own as_of T, where the spec says so; a later one from max(T, newest scored
    as_of + 1), so that no published night changes its model. A challenger whose T is older than the champion's is
    never promoted. Models that stand on this one are measured with it and move with it (`pairing`). Raises
    IntegrityError when bundle and registry disagree, or the bundle's verdict did not pass.
    """
    spec = spec_of(model)
    found = tracking.version_by_alias(spec.registered_name, CHALLENGER)
    if found is None:
        _tell(report, f"{model}: no challenger")
        return None
    challenger = _passed(model, found)
    trained = parse_day(challenger.facts["trained_as_of"])
    lines = champions.history(model)
    last = lines[-1] if lines else None
    if last is not None and last.version == found.version:
        return _aliased(spec.registered_name, last, None)  # a retry after a kill between log and alias
    start = trained if last is None else max(trained, _first_unscored(model, trained))
    obstacle = (
        _obstacle(spec, found.version, trained, as_of, last) or pairing.obstacle(spec, challenger)
        or _move_with(spec, challenger, as_of, start, report)
    )
    if obstacle:
        _tell(report, obstacle)
        return None
    reason = "first version to pass the gate" if last is None else f"passed the gate against v{last.version}"
    entered = champions.enter(model, found.version, start, challenger.sha256, reason=reason)
    report(f"{model}: v{entered.version} is champion from {entered.from_as_of}")
    return _aliased(spec.registered_name, entered, last)


def _passed(model: str, found: tracking.Registered) -> bundles.Bundle:
    """The challenger's bundle, bound by sha256 to what was registered; its verdict is inside, so bound as well."""
    digest = found.tags.get("sha256")
    if not digest:
        raise IntegrityError(f"{model} v{found.version} is registered without the sha256 of its bundle; train it again")
    challenger = bundles.load(bundles.path_of(model, found.version), expected=digest)
    if challenger.facts.get("verdict", {}).get("passed") is not True:
        raise IntegrityError(f"{model} v{found.version} bears the alias challenger but its verdict did not pass")
    return challenger


def _obstacle(spec: ModelSpec, version: int, trained: date, as_of: date, last: Champion | None) -> str:
    """Why a passing version may not take the place now, or nothing."""
    who = f"{spec.name}: challenger v{version} was trained at {trained}"
    if trained > as_of:
        return f"{who}, after {as_of}"
    if last is None:
        return "" if spec.gate.first_champion is FirstChampion.FIRST_PASSING else (
            f"{spec.name}: the spec wants the first champion named by hand"
        )
    standing = _trained(last)
    if trained < standing:
        return f"{who}, before champion v{last.version} ({standing}); it stays a registered version"
    return ""


def _move_with(spec: ModelSpec, challenger: bundles.Bundle, as_of: date, start: date, report: Report) -> str:
    """Bring every value that stands on this model along, before the model itself is entered: a kill between the two is
    healed by the retry. Why one of them cannot come, or nothing."""
    pairs = pairing.measured(spec, challenger, as_of)
    for other, last, check in pairs:
        if not check.passed:
            who = f"{spec.name}: with challenger v{challenger.version} and {other.name} v{last.version}"
            return f"{who}, {check.sentence}"
    for other, last, check in pairs:
        if bundles.load(bundles.path_of(other.name, last.version)).facts["ltv"]["churn_version"] == challenger.version:
            continue  # moved before a kill
        moved = pairing.move(other, last, challenger, check, max(start, _first_unscored(other.name, start)))
        report(f"{other.name}: v{moved.version}, the heads of v{last.version}, is champion from {moved.from_as_of}")
        tracking.set_alias(other.registered_name, PREVIOUS, last.version)
        tracking.set_alias(other.registered_name, CHAMPION, moved.version)
    return ""


def _aliased(name: str, entered: Champion, before: Champion | None) -> Champion:
    """The registry's aliases follow the log, which alone decides."""
    if before is not None:
        tracking.set_alias(name, PREVIOUS, before.version)
    tracking.set_alias(name, CHAMPION, entered.version)
    tracking.drop_alias(name, CHALLENGER)
    return entered


def _trained(champion: Champion) -> date:
    directory = bundles.path_of(champion.model, champion.version)
    return parse_day(bundles.load(directory, expected=champion.sha256).facts["trained_as_of"])


def _first_unscored(model: str, otherwise: date) -> date:
    """The day after the newest published night of this model, whichever version scored it."""
    nights = [parse_day(key[0]) for key in Dataset(settings().scores / model, ("as_of", "version")).entries()]
    return max(nights) + DAY if nights else otherwise


def _tell(report: Report, why: str) -> None:
    log.info("not promoted: %s", why)
    report(f"not promoted: {why}")
