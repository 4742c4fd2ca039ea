"""What a candidate must be by itself, whoever is champion: enough rows, known figures, no leak, floors, rivals."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pipelines.gate.evidence import NAN, Case, Check, Evaluation, at_least, shown
from pipelines.models.spec import Baseline, Floor, Gate


def enough(case: Case, gate: Gate) -> Iterator[Check]:
    for name, value, bound in (
        ("rows", case.evaluation.rows, gate.min_rows), ("positives", case.evaluation.positives, gate.min_positives),
    ):
        passed = at_least(value, bound)
        sentence = f"judged on {value} {name}, of which {bound} are needed"
        yield Check(f"enough_{name}", float(value), float(bound), passed, sentence)


def finite(case: Case, gate: Gate) -> Iterator[Check]:
    named = dict(case.evaluation.metrics)
    named |= {f"{rival}.{name}": value for rival, figures in case.evaluation.baselines.items()
              for name, value in figures.items()}
    broken = sorted(name for name, value in named.items() if not math.isfinite(value))
    sentence = f"not finite: {', '.join(broken)}" if broken else f"all {len(named)} figures are finite"
    passed = bool(named) and not broken
    yield Check("finite", float(len(broken)), 0.0, passed, sentence if named else "no metric was measured")


def leakage(case: Case, gate: Gate) -> Iterator[Check]:
    """A formula has no features of its own to leak; a classifier without the figure was not looked at."""
    if case.evaluation.design == "formula":
        return
    alone = case.evaluation.alone
    suspects = sorted((name for name, auc in alone.items() if not at_least(-auc, -gate.max_alone_auc)),
                      key=lambda name: -alone[name] if math.isfinite(alone[name]) else -math.inf)
    highest = max(alone.values(), default=NAN)
    if suspects:
        named = ", ".join(f"{name} ({shown(alone[name])})" for name in suspects)
        sentence = (f"leakage: AUC of a feature alone above {gate.max_alone_auc:g} or unknown: {named}; "
                    "is it the label, or written down after it? take it out of the feature service")
    else:
        sentence = f"no feature alone ranks above {shown(highest)}; at most {gate.max_alone_auc:g} is believed"
    yield Check("leakage", highest, gate.max_alone_auc, bool(alone) and not suspects,
                sentence if alone else "no feature was measured alone")


def floors(case: Case, gate: Gate) -> Iterator[Check]:
    return (_floor("floor", case.evaluation, floor) for floor in gate.floors)


def calibration(case: Case, gate: Gate) -> Iterator[Check]:
    return (_floor("calibration", case.evaluation, floor) for floor in gate.calibration)


def _floor(kind: str, evaluation: Evaluation, floor: Floor) -> Check:
    value = evaluation.metrics.get(floor.metric, NAN)
    wanted = f"at {'most' if floor.is_ceiling else 'least'} {floor.bound:g}"
    return Check(f"{kind}_{floor.metric.removeprefix('calibration_')}", value, floor.bound, meets(value, floor),
                 f"{floor.metric} is {shown(value)}; {wanted} is needed")


def meets(value: float, floor: Floor) -> bool:
    return at_least(-value, -floor.bound) if floor.is_ceiling else at_least(value, floor.bound)


def baselines(case: Case, gate: Gate) -> Iterator[Check]:
    return (_baseline(case.evaluation, baseline) for baseline in gate.baselines)


def _baseline(evaluation: Evaluation, baseline: Baseline) -> Check:
    value = evaluation.metrics.get(baseline.metric, NAN)
    rival = evaluation.baselines.get(baseline.name, {}).get(baseline.metric, NAN)
    needed = baseline.by * abs(rival) if baseline.is_share else baseline.by
    gain = rival - value if baseline.lower_is_better else value - rival
    # Equal to a baseline is not better than it; where the spec allows a loss, that loss is the bound.
    passed = math.isfinite(gain) and (gain > needed if baseline.by >= 0 else gain >= needed)
    return Check(
        f"baseline_{baseline.name}", gain, needed, passed,
        f"{baseline.metric} {shown(value)} against {shown(rival)} of the {baseline.name} baseline: "
        f"gain {shown(gain)}, {'more than' if baseline.by >= 0 else 'at least'} {needed:g} is needed",
    )


def coherent(case: Case, gate: Gate) -> Iterator[Check]:
    if gate.max_incoherent_share is not None:
        yield coherence(case.evaluation.metrics.get("incoherent_share", NAN), gate.max_incoherent_share)


def coherence(share: float, bound: float) -> Check:
    """Whether churn and lifetime value tell one story; asked when either of the two is about to change."""
    told = f"{share:.1%}" if math.isfinite(share) else "an unknown share"
    return Check(
        "coherence", share, bound, at_least(-share, -bound),
        f"{told} of the subscribers rise in churn and in lifetime value without a margin reason; "
        f"at most {bound:.1%} is borne",
    )


def consent_and_region(case: Case, gate: Gate) -> Iterator[Check]:
    counts = (case.evaluation.rows_without_consent, case.evaluation.rows_outside_region)
    if any(count is None for count in counts):
        yield Check("consent_and_region", NAN, 0.0, False, "whether every row may be trained with was not counted")
        return
    without, outside = (int(count or 0) for count in counts)
    yield Check("consent_and_region", float(without + outside), 0.0, without == outside == 0,
                f"{without} rows of subscribers without consent, {outside} of another region than the run's; "
                "none may be among what it learned from")
