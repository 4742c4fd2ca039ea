"""The gate: from measurements to a verdict with reasons. Pure: it reads no file, no registry and no clock."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pipelines.gate.evidence import Check, Comparison, Evaluation, Verdict
from pipelines.models.spec import Baseline, FirstChampion, Floor, Gate

__all__ = ["Check", "Comparison", "Evaluation", "Verdict", "coherence", "decide"]

NAN = float("nan")


def decide(evaluation: Evaluation, champion: Comparison | None, gate: Gate) -> Verdict:
    """Whether the candidate may take the champion's place. `champion` None: none is in force.

    Checks run in the order data, finite, leakage, floors, baselines, coherence, champion, consent and region, and all
    are reported. An unknown is never a pass: every bound is asked as `isfinite(x) and x >= bound`, since
    `not (nan < bound)` is true.
    """
    checks = (
        *_enough(evaluation, gate),
        *_finite(evaluation),
        *_leakage(evaluation, gate),
        *(_floor(evaluation, floor) for floor in gate.floors),
        *(_baseline(evaluation, baseline) for baseline in gate.baselines),
        *_coherence(evaluation, gate),
        _champion(champion, gate),
        _consent_and_region(evaluation),
    )
    reasons = tuple(check.sentence for check in checks if not check.passed)
    return Verdict(passed=not reasons, checks=checks, reasons=reasons)


def at_least(value: float, bound: float) -> bool:
    """True only for a finite value on the right side of its bound."""
    return math.isfinite(value) and value >= bound


def _enough(evaluation: Evaluation, gate: Gate) -> Iterator[Check]:
    for name, value, bound in (
        ("rows", evaluation.rows, gate.min_rows), ("positives", evaluation.positives, gate.min_positives),
    ):
        passed = at_least(value, bound)
        sentence = f"judged on {value} {name}, of which {bound} are needed"
        yield Check(f"enough_{name}", float(value), float(bound), passed, sentence)


def _finite(evaluation: Evaluation) -> Iterator[Check]:
    named = dict(evaluation.metrics)
    named |= {f"{rival}.{name}": value for rival, figures in evaluation.baselines.items()
              for name, value in figures.items()}
    broken = sorted(name for name, value in named.items() if not math.isfinite(value))
    sentence = f"not finite: {', '.join(broken)}" if broken else f"all {len(named)} figures are finite"
    passed = bool(named) and not broken
    yield Check("finite", float(len(broken)), 0.0, passed, sentence if named else "no metric was measured")


def _leakage(evaluation: Evaluation, gate: Gate) -> Iterator[Check]:
    """A formula has no features of its own to leak; a classifier without the figure was not looked at."""
    if evaluation.design == "formula":
        return
    alone = evaluation.alone
    suspects = sorted((name for name, auc in alone.items() if not at_least(-auc, -gate.max_alone_auc)),
                      key=lambda name: -alone[name] if math.isfinite(alone[name]) else -math.inf)
    highest = max(alone.values(), default=NAN)
    if suspects:
        named = ", ".join(f"{name} ({_shown(alone[name])})" for name in suspects)
        sentence = (f"leakage: AUC of a feature alone above {gate.max_alone_auc:g} or unknown: {named}; "
                    "is it the label, or written down after it? take it out of the feature service")
    else:
        sentence = f"no feature alone ranks above {_shown(highest)}; at most {gate.max_alone_auc:g} is believed"
    yield Check("leakage", highest, gate.max_alone_auc, bool(alone) and not suspects,
                sentence if alone else "no feature was measured alone")


def _floor(evaluation: Evaluation, floor: Floor) -> Check:
    value = evaluation.metrics.get(floor.metric, NAN)
    passed = at_least(-value, -floor.bound) if floor.is_ceiling else at_least(value, floor.bound)
    wanted = f"at {'most' if floor.is_ceiling else 'least'} {floor.bound:g}"
    return Check(f"floor_{floor.metric}", value, floor.bound, passed,
                 f"{floor.metric} is {_shown(value)}; {wanted} is needed")


def _baseline(evaluation: Evaluation, baseline: Baseline) -> Check:
    value = evaluation.metrics.get(baseline.metric, NAN)
    rival = evaluation.baselines.get(baseline.name, {}).get(baseline.metric, NAN)
    needed = baseline.by * abs(rival) if baseline.is_share else baseline.by
    gain = rival - value if baseline.lower_is_better else value - rival
    # Equal to a baseline is not better than it; where the spec allows a loss, that loss is the bound.
    passed = math.isfinite(gain) and (gain > needed if baseline.by >= 0 else gain >= needed)
    return Check(
        f"baseline_{baseline.name}", gain, needed, passed,
        f"{baseline.metric} {_shown(value)} against {_shown(rival)} of the {baseline.name} baseline: "
        f"gain {_shown(gain)}, {'more than' if baseline.by >= 0 else 'at least'} {needed:g} is needed",
    )


def coherence(share: float, bound: float) -> Check:
    """Whether churn and lifetime value tell one story; asked when either of the two is about to change."""
    return Check(
        "coherence", share, bound, at_least(-share, -bound),
        f"{_percent(share)} of the subscribers rise in churn and in lifetime value without a margin reason; "
        f"at most {bound:.1%} is borne",
    )


def _coherence(evaluation: Evaluation, gate: Gate) -> Iterator[Check]:
    if gate.max_incoherent_share is not None:
        yield coherence(evaluation.metrics.get("incoherent_share", NAN), gate.max_incoherent_share)


def _champion(champion: Comparison | None, gate: Gate) -> Check:
    if champion is None:
        passed = gate.first_champion is FirstChampion.FIRST_PASSING
        policy = "the first passing version may be it" if passed else "the first one is named by hand"
        return Check("champion", 0.0, None, passed, f"no champion in force, comparison not applicable: {policy}")
    if champion.rows == 0:
        return Check("champion", NAN, None, False,
                     f"not comparable with champion v{champion.champion}: {champion.why or 'no row in common'}")
    is_old = champion.age_days > gate.refresh_after_days
    bound = -gate.non_inferiority if is_old else 0.0
    passed = math.isfinite(champion.lower) and (champion.lower >= bound if is_old else champion.lower > bound)
    way = (f"refresh: the champion is {champion.age_days} days old, a loss of {gate.non_inferiority:g} is allowed"
           if is_old else "superiority: the bound must be above 0")
    note = f" ({champion.why})" if champion.why else ""
    return Check(
        "champion", champion.lower, bound, passed,
        f"{champion.metric} gain over champion v{champion.champion} on {champion.rows} rows is "
        f"{_shown(champion.gain)}, lower bound {_shown(champion.lower)} at {gate.confidence:.1%}; {way}{note}",
    )


def _consent_and_region(evaluation: Evaluation) -> Check:
    counts = (evaluation.rows_without_consent, evaluation.rows_outside_region)
    if any(count is None for count in counts):
        return Check("consent_and_region", NAN, 0.0, False, "whether every row may be trained with was not counted")
    without, outside = (int(count or 0) for count in counts)
    return Check("consent_and_region", float(without + outside), 0.0, without == outside == 0,
                 f"{without} rows of subscribers without consent, {outside} of another region than the run's; "
                 "none may be among what it learned from")


def _percent(value: float) -> str:
    return f"{value:.1%}" if math.isfinite(value) else "an unknown share"


def _shown(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "unknown"
