"""Promotion: from a version that passed the gate, through its shadow nights and the estate's policy, to champion."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from pipelines import bundle as bundles
from pipelines import champions, cost, pairing, tracking
from pipelines.champions import Champion
from pipelines.clock import parse_day
from pipelines.decisions import record
from pipelines.errors import Held, IntegrityError, UsageError
from pipelines.gate import Verdict
from pipelines.governance import audit
from pipelines.models import spec_of
from pipelines.models.spec import FirstChampion, ModelSpec
from pipelines.progress import Report, silent
from pipelines.promotion import policy, shadow
from pipelines.promotion.comparison import judge
from pipelines.promotion.entry import CHALLENGER, CHAMPION, PREVIOUS, enter, first_unscored, follow
from pipelines.promotion.shadow import Challenger

__all__ = ["CHALLENGER", "CHAMPION", "PREVIOUS", "Request", "Step", "advance", "approve", "promote", "reject"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What a person is asked: may this version, whose shadow nights are well over, take the champion's place?"""

    model: str
    version: int
    champion: int
    trained_by: str
    sentences: tuple[str, ...]

    @property
    def words(self) -> str:
        """The question with its evidence, as Markdown."""
        lines = [f"{self.model} v{self.version}, trained by {self.trained_by or 'nobody knows'}, passed the gate and "
                 f"its shadow nights beside champion v{self.champion}:", ""]
        return "\n".join([*lines, *(f"- {sentence}" for sentence in self.sentences), "",
                          "It takes effect from the first night nobody has scored. The trainer may not approve."])


@dataclass(frozen=True)
class Step:
    """How far a model came: `champion` when a version is in force by it, `request` when a person is to be asked.

    `why` says why not, where neither is set.
    """

    champion: Champion | None = None
    request: Request | None = None
    why: str = ""


@dataclass(frozen=True)
class _Case:
    """A challenger that nothing stands against, and where it would begin."""

    spec: ModelSpec
    bundle: bundles.Bundle
    last: Champion | None
    trained: date
    trained_by: str

    @property
    def version(self) -> int:
        return self.bundle.version


def promote(model: str, as_of: date, *, report: Report = silent) -> Champion | None:
    """Take the challenger trained at or before `as_of` as far as it may go alone; None when nobody came in force, and
    why is told. See `advance`."""
    step = advance(model, as_of, report=report)
    if step.request is not None:
        _tell(report, f"{model}: v{step.request.version} waits for a person's approval")
    return step.champion


@cost.counted("promote")
def advance(model: str, as_of: date, *, report: Report = silent) -> Step:
    """One step of the challenger on its way. Safe to repeat, and after a kill anywhere the next call goes on.

    The first champion is in force from its own as_of T at once, where the spec says so. Later ones are scored beside
    the champion for the spec's nights; where these agree, the policy decides: automatic promotes from the first night
    nobody has scored, so that no published night changes its model; approval asks. A challenger whose T is older than
    the champion's is never promoted. Models that stand on this one are measured with it and move with it (`pairing`).
    Raises IntegrityError when bundle and registry disagree, or the bundle's verdict did not pass.
    """
    found = _case(model, as_of, report)
    if isinstance(found, Step):
        return found
    if found.last is None:
        return _entered(found, as_of, report, reason="first version to pass the gate", by="")
    verdict = _shadowed(found, report)
    if isinstance(verdict, str):
        return _not(report, verdict)
    if policy.needs_approval():
        return Step(request=Request(model, found.version, found.last.version, found.trained_by,
                                    tuple(check.sentence for check in verdict.checks)))
    return _entered(found, as_of, report, reason=_passed_against(found.last), by="")


def approve(model: str, version: int, as_of: date, *, by: str, report: Report = silent) -> Champion:
    """Promote this version by a person's word, under the same rules. Raises Held with the reason why it may not be.

    Under the policy of approval the trainer may not approve himself. Raises UsageError when another version, or none,
    is the challenger.
    """
    by = policy.person(by)
    last = _last(model)
    if last is not None and last.version == version:
        follow(model, report)  # approved before, perhaps killed before the aliases
        return last
    found = _case(model, as_of, report, by_hand=True)
    if isinstance(found, Step):
        raise Held(f"{model} v{version}", [found.why], f"telco models --model {model} says what stands where")
    if found.version != version:
        raise UsageError(f"{model} v{version} is not the challenger, v{found.version} is; see telco models")
    policy.check_approver(model, version, found.trained_by, by)
    if found.last is None:
        reason = "first version to pass the gate"
    else:
        verdict = _shadowed(found, report)
        if isinstance(verdict, str):
            raise Held(f"{model} v{version}", [verdict], "a version is promoted when its shadow nights are over")
        reason = _passed_against(found.last)
    step = _entered(found, as_of, report, reason=reason, by=by)
    if step.champion is None:
        raise Held(f"{model} v{version}", [step.why])
    record("approval", f"{model}:{version}", by=by, trained_by=found.trained_by, sha256=step.champion.sha256)
    audit.anchor()
    return step.champion


def reject(model: str, version: int, *, by: str, why: str = "", report: Report = silent) -> None:
    """End the shadow of a version by a person's word; it stays a registered version and is not asked about again."""
    by, why = policy.person(by), policy.reason(why)
    standing = shadow.standing(model)
    if standing is None or standing.version != version:
        _tell(report, f"{model}: v{version} is not in shadow; nothing to reject")
        return
    shadow.end(model, version, shadow.REJECTED, [why or "rejected by a person"], by)
    tracking.drop_alias(spec_of(model).registered_name, CHALLENGER)
    record("refusal", f"{model}:{version}", by=by, reasons=[why or "rejected by a person"])
    report(f"{model}: v{version} was rejected by {by}")


def _case(model: str, as_of: date, report: Report, *, by_hand: bool = False) -> _Case | Step:
    """The challenger with its verified bundle, if there is one and nothing stands against it."""
    spec, last = spec_of(model), _last(model)
    found = tracking.version_by_alias(spec.registered_name, CHALLENGER)
    follow(model, report)
    if found is None:
        return _not(report, _nobody(model))
    if last is not None and last.version == found.version:
        return _recorded(last)  # a retry after a kill between log and alias
    if any(line.version == found.version for line in champions.history(model)):
        return _not(report, f"{model}: v{found.version} has been champion before; telco rollback brings it back")
    bundle = _passed(model, found)
    ended = shadow.ending(model, found.version)
    if ended is not None:  # a kill between the shadow log and the alias
        tracking.drop_alias(spec.registered_name, CHALLENGER)
        return _not(report, f"{model}: v{found.version} was {ended.outcome} in shadow: {'; '.join(ended.reasons)}")
    trained = parse_day(bundle.facts["trained_as_of"])
    obstacle = _obstacle(spec, found.version, trained, as_of, last) or pairing.obstacle(spec, bundle)
    if last is None and not by_hand and spec.gate.first_champion is FirstChampion.BY_HAND:
        obstacle = f"{model}: the spec wants the first champion named by hand: telco promote"
    if obstacle:
        return _not(report, obstacle)
    return _Case(spec, bundle, last, trained, found.tags.get("trained_by", ""))


def _shadowed(case: _Case, report: Report) -> Verdict | str:
    """The passed verdict on the shadow nights; or why there is none yet, or why it is over."""
    model, last = case.spec.name, case.last
    assert last is not None  # noqa: S101 the first champion has nobody to be compared with
    if case.spec.shadow.nights == 0:
        return Verdict(passed=True, checks=(), reasons=())
    challenger = shadow.begin(Challenger(
        model, case.version, max(case.trained, first_unscored(model, case.trained)), case.bundle.sha256,
        case.trained, case.trained_by,
    ))
    nights, waiting = shadow.counted(challenger, last)
    who = f"{model}: v{case.version} is in shadow from {challenger.from_as_of}"
    if waiting:
        return f"{who}; {', '.join(map(str, waiting))} is not scored beside v{last.version} yet"
    if len(nights) < case.spec.shadow.nights:
        done = ", ".join(str(night.as_of) for night in nights) or "none yet"
        return f"{who}, {len(nights)} of {case.spec.shadow.nights} nights beside v{last.version}: {done}"
    verdict = judge(nights, case.spec.shadow)
    if verdict.passed:
        return verdict
    shadow.end(model, case.version, shadow.REFUSED, verdict.reasons)
    tracking.drop_alias(case.spec.registered_name, CHALLENGER)
    record("refusal", f"{model}:{case.version}", by="shadow", reasons=list(verdict.reasons))
    return f"{model}: v{case.version} was refused after its shadow nights: {'; '.join(verdict.reasons)}"


def _entered(case: _Case, as_of: date, report: Report, *, reason: str, by: str) -> Step:
    model = case.spec.name
    start = case.trained if case.last is None else max(case.trained, first_unscored(model, case.trained))
    entered = enter(case.spec, case.bundle, start, as_of, reason=reason, by=by, report=report)
    if isinstance(entered, str):
        return _not(report, entered)
    return _recorded(entered)


def _recorded(line: Champion) -> Step:
    record("promotion", f"{line.model}:{line.version}", from_as_of=line.from_as_of.isoformat(), reason=line.reason,
           by=line.by, sha256=line.sha256)
    audit.anchor()
    return Step(champion=line)


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
    standing = _trained(last) if last is not None else trained
    if last is not None and trained < standing:
        return f"{who}, before champion v{last.version} ({standing}); it stays a registered version"
    return ""


def _last(model: str) -> Champion | None:
    """The champion of the last line: in force from its own night on, until another is entered."""
    return next(iter(champions.succession(model)[-1:]), None)


def _nobody(model: str) -> str:
    ended = shadow.endings(model)
    last = f"; v{ended[-1].version} was {ended[-1].outcome} in shadow: {ended[-1].reasons[0]}" if ended else ""
    return f"{model}: no challenger{last}"


def _passed_against(last: Champion) -> str:
    return f"passed the gate and its shadow nights beside v{last.version}"


def _trained(champion: Champion) -> date:
    directory = bundles.path_of(champion.model, champion.version)
    return parse_day(bundles.load(directory, expected=champion.sha256).facts["trained_as_of"])


def _not(report: Report, why: str) -> Step:
    _tell(report, why)
    return Step(why=why)


def _tell(report: Report, why: str) -> None:
    log.info("not promoted: %s", why)
    report(f"not promoted: {why}")
