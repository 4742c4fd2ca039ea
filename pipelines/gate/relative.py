"""What a candidate must be beside the champion, on rows neither was fitted on. Without a champion: not applicable."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pipelines.gate.absolute import meets
from pipelines.gate.evidence import NAN, Case, Check, Comparison, SliceGain, at_least, shown
from pipelines.models.spec import FirstChampion, Gate


def champion(case: Case, gate: Gate) -> Iterator[Check]:
    """*Better*: the lower bound of the gain is above what a hand-over is worth. *Refresh*, of a champion past its age
    or below a floor on these matured rows: the bound is above minus the margin, so it is not worse by more."""
    found = case.champion
    if found is None:
        passed = gate.first_champion is FirstChampion.FIRST_PASSING
        policy = "the first passing version may be it" if passed else "the first one is named by hand"
        yield Check("champion", 0.0, None, passed, f"no champion in force, comparison not applicable: {policy}")
        return
    if found.rows == 0:
        yield Check("champion", NAN, None, False,
                    f"not comparable with champion v{found.champion}: {found.why or 'no row in common'}")
        return
    due = _refresh(found, gate)
    bound = -gate.non_inferiority if due else gate.superiority
    passed = math.isfinite(found.lower) and (found.lower >= bound if due else found.lower > bound)
    way = (f"refresh: {due}, a loss of {gate.non_inferiority:g} is allowed" if due
           else f"superiority: the bound must be above {gate.superiority:g}")
    note = f" ({found.why})" if found.why else ""
    yield Check(
        "champion", found.lower, bound, passed,
        f"{found.metric} gain over champion v{found.champion} on {found.rows} rows is "
        f"{shown(found.gain)}, lower bound {shown(found.lower)} at {gate.confidence:.1%}; {way}{note}",
    )


def _refresh(found: Comparison, gate: Gate) -> str:
    """Why the champion is due, or nothing. A figure of it that is unknown makes nothing easier."""
    if found.age_days > gate.refresh_after_days:
        return f"the champion is {found.age_days} days old"
    for floor in gate.floors:
        value = found.standing.get(floor.metric, NAN)
        if math.isfinite(value) and not meets(value, floor):
            return f"the champion's {floor.metric} is {shown(value)} on these rows, its floor {floor.bound:g}"
    return ""


def slices(case: Case, gate: Gate) -> Iterator[Check]:
    """No slice lost more than the limit, unless by chance. Each is asked one-sided by the bootstrap's standard error
    (a normal tail: Holm asks for levels that some hundred draws do not reach), all together by Holm (1979)."""
    found = case.champion
    if found is None or found.rows == 0:
        return
    if found.slices is None:
        yield Check("slices", NAN, -gate.max_slice_loss, False, "no slice was measured beside the champion")
        return
    named = ", ".join(f"{part.slice} {part.value}" for part in found.slices
                      if not (math.isfinite(part.gain) and math.isfinite(part.error)))
    worst = min((part.gain for part in found.slices), default=0.0)
    harmed = [] if named else _harmed(found.slices, gate)
    if named:
        sentence = f"the gain over the champion is unknown in {named}"
    elif harmed:
        told = ", ".join(f"{part.slice} {part.value} ({shown(part.gain)} on {part.rows} rows)" for part in harmed)
        sentence = (f"worse than champion v{found.champion} by more than {gate.max_slice_loss:g} {found.metric}, and "
                    f"not by chance, for {told}")
    else:
        sentence = (f"none of {len(found.slices)} slices with enough rows is clearly worse than with champion "
                    f"v{found.champion} by more than {gate.max_slice_loss:g} {found.metric}")
    yield Check("slices", NAN if named else worst, -gate.max_slice_loss, not named and not harmed, sentence)


def _harmed(parts: Sequence[SliceGain], gate: Gate) -> list[SliceGain]:
    """Those whose loss is beyond the limit and significant, the step-down of Holm over all of them."""
    found = []
    ranked = sorted(parts, key=_chance)
    for place, part in enumerate(ranked):
        if _chance(part) > gate.slice_error / (len(ranked) - place):
            break
        if part.gain < -gate.max_slice_loss:
            found.append(part)
    return found


def _chance(part: SliceGain) -> float:
    """P(so great a loss by chance | the slice is no worse), from the standard normal."""
    if part.error <= 0:
        return 0.0 if part.gain < 0 else 1.0
    return 0.5 * math.erfc(-part.gain / part.error / math.sqrt(2))


def calibration(case: Case, gate: Gate) -> Iterator[Check]:
    """Not clearly worse calibrated than the champion: the error rose beyond the limit, and even the upper bound of the
    gain is below 0."""
    found = case.champion
    if found is None or found.rows == 0:
        return
    gain, upper = found.calibration_gain, found.calibration_upper
    is_known = math.isfinite(gain) and math.isfinite(upper)
    passed = is_known and (gain >= -gate.max_calibration_loss or upper >= 0)
    yield Check(
        "calibration_champion", gain, -gate.max_calibration_loss, passed,
        f"{gate.calibrated_by} gain over champion v{found.champion} is {shown(gain)}, upper bound {shown(upper)}; "
        f"refused when it is below {-gate.max_calibration_loss:g} and the bound below 0",
    )


def label_rate(case: Case, gate: Gate) -> Iterator[Check]:
    """The label's mean in the candidate's frame lies within a band of the champion's: labels do not jump by themselves.
    Asked also where nothing can be compared."""
    found = case.champion
    if found is None:
        return
    ours, theirs = found.label_means
    ratio = ours / theirs if theirs else NAN
    band = gate.label_rate_band
    passed = at_least(ratio, 1 / band) and at_least(-ratio, -band)
    yield Check(
        "label_rate", ratio, band, passed,
        f"the label's mean is {shown(ours)} in this frame, {shown(theirs)} in that of champion v{found.champion}; "
        f"a ratio between {1 / band:.2f} and {band:g} is needed" +
        ("" if passed else ": look for poisoned or wrongly computed labels before training again"),
    )
