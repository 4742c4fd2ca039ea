"""Performance on labels that matured tonight, the delayed truth: calibration and ranking, each beyond its noise.

The cut-off whose label is known tonight is joined with what this version said of it: its published scores, or, for a
cut-off before its first night, what it computes from the features published then. A cut-off the version learned from
is never used. Leavers are few: every bound is the version's own figure, a tolerance, and what chance alone does to so
few. The standard errors have closed forms, so that a night pays for no resampling.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pipelines import bundle as bundles
from pipelines.champions import Champion
from pipelines.clock import parse_day
from pipelines.monitoring.measure import Family, Measure
from pipelines.publish import Dataset
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from pipelines.models.spec import ModelSpec

    Floats = npt.NDArray[np.float64]

MIN_POSITIVES = 30      # fewer: the figures are kept and shown, and decide nothing
ERRORS = 3.0            # standard errors of chance
# What a version may be off by before anybody should care, beside chance: a fifth of the count, a point of the
# calibration error, three of the AUC, a fifth of the lift.
RATIO, ECE, AUC, LIFT = 0.20, 0.010, 0.03, 0.20
OLDEST = timedelta(days=7)  # of the newest matured cut-off: weekly ones are enough
LTV_BIAS = 0.10


@dataclass(frozen=True)
class Truth:
    """What a version said of a cut-off and what came of it, (rows,) each."""

    cutoff: date
    said: Floats
    came: Floats


def matured(champion: Champion, spec: ModelSpec, as_of: date) -> list[Measure]:
    """The measures of the newest cut-off that is known at as_of and that this version did not learn from."""
    from pipelines.models.spec import Kind

    found = truth(champion, spec, as_of)
    if isinstance(found, str):
        return [Measure(Family.PERFORMANCE, "matured", "labels", None, None, found)]
    own = evaluation(champion)
    return value(found, own) if spec.kind is Kind.FORMULA else probability(found, own)


def truth(champion: Champion, spec: ModelSpec, as_of: date) -> Truth | str:
    """The joined rows, or in words why there are none yet."""
    import numpy as np
    import pandas as pd

    trained = trained_as_of(champion)
    labels = Dataset(settings().labels / spec.label, ("as_of",))
    newest = as_of - spec.label_mart.known_after
    known = [day for each in labels.entries().values() if each.state == "committed"
             and newest - OLDEST < (day := parse_day(each.key["as_of"])) <= newest]
    fresh = [day for day in known if spec.known_on(day) > trained]
    if not fresh:
        return f"v{champion.version} was trained on {trained}: no label has matured since that it did not learn from"
    for cutoff in sorted(fresh, reverse=True):
        said = _said(champion, spec, cutoff)
        if said is not None:
            break
    else:
        return f"v{champion.version} said nothing of {max(fresh)}, the newest cut-off whose label is known"
    rows = pd.read_parquet(labels.verify({"as_of": cutoff.isoformat()}), partitioning=None,
                           columns=["subscriber_id", spec.label_column])
    both = said.merge(rows, on="subscriber_id", how="inner", validate="one_to_one")
    came = both[spec.label_column].to_numpy(dtype=np.float64)
    is_known = np.isfinite(came)
    return Truth(cutoff, both["said"].to_numpy(dtype=np.float64)[is_known], came[is_known])


def probability(found: Truth, own: Mapping[str, float]) -> list[Measure]:
    """Calibration ratio, calibration error, AUC and lift of probabilities. `own`: the version's evaluation."""
    import numpy as np

    from pipelines.gate.classification import classification

    said, came = found.said, found.came
    positives = int(came.sum())
    where = f"{positives} of {len(found.came):,} at {found.cutoff}"
    is_enough = positives >= MIN_POSITIVES and len(found.came) > positives
    figures = classification(came, said)
    expected = float(found.said.sum())
    off = abs(math.log(positives / expected)) if positives and expected > 0 else math.nan
    spread = math.sqrt(float((found.said * (1 - found.said)).sum())) / max(expected, 1e-9)
    lost = own.get("auc", math.nan) - figures["auc"]
    flat = 1.0 - figures["lift_at_10"] / own["lift_at_10"] if own.get("lift_at_10") else math.nan

    def measure(name: str, number: float, bound: float, detail: str) -> Measure:
        kept = bound if is_enough and math.isfinite(bound) else None
        few = "" if is_enough else f"; fewer than {MIN_POSITIVES} decide nothing"
        return Measure(Family.PERFORMANCE, name, "matured", number if np.isfinite(number) else None, kept,
                       f"{detail}; {where}{few}")

    auc_noise = math.hypot(auc_error(figures["auc"], positives, len(came) - positives), own.get("auc_error", 0.0))
    lift_noise = math.hypot(_lift_error(figures["lift_at_10"], positives), own.get("lift_error", 0.0))
    return [
        measure("calibration", off, RATIO + ERRORS * spread, f"{expected:.0f} were predicted, {positives} came"),
        measure("ece", figures["ece"], own.get("ece", 0.0) + ECE + ece_of_chance(said), "calibration error"),
        measure("auc_loss", lost, AUC + ERRORS * auc_noise,
                f"AUC {figures['auc']:.3f}, {own.get('auc', math.nan):.3f} when it was judged"),
        measure("lift_loss", flat, LIFT + ERRORS * lift_noise / max(own.get("lift_at_10", 1.0), 1e-9),
                f"lift of the first tenth {figures['lift_at_10']:.2f}, {own.get('lift_at_10', math.nan):.2f} then"),
    ]


def value(found: Truth, own: Mapping[str, float]) -> list[Measure]:
    """Bias of the margin over the label's window, of those who have one; its noise is that of the sum of the gaps."""
    import numpy as np

    total, gaps = float(found.came.sum()), found.said - found.came
    bias = abs(float(gaps.sum())) / abs(total) if total else math.nan
    noise = math.sqrt(len(gaps)) * float(np.std(gaps)) / abs(total) if total else math.nan
    bound = abs(own.get("total_bias", 0.0)) + LTV_BIAS + ERRORS * noise
    return [Measure(Family.PERFORMANCE, "margin_bias", "matured", bias if math.isfinite(bias) else None,
                    bound if math.isfinite(bound) else None,
                    f"{found.said.sum():,.0f} EUR were expected, {total:,.0f} came from {len(found.came):,} at "
                    f"{found.cutoff}")]


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve")."""
    if not (positives and negatives and 0 <= auc <= 1):
        return math.nan
    one, other = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (one - auc**2) + (negatives - 1) * (other - auc**2)
    return math.sqrt(max(spread, 0.0) / (positives * negatives))


def ece_of_chance(said: Floats, bins: int = 10) -> float:
    """What the calibration error reaches by chance when every probability is right: its mean and ERRORS deviations.

    In a bin of equal counts the gap is then normal with the binomial's deviation, and the error a sum of their sizes.
    """
    import numpy as np

    parts = [part for part in np.array_split(np.sort(said), bins) if len(part)]
    sigma = np.array([math.sqrt(float((part * (1 - part)).sum())) for part in parts]) / max(len(said), 1)
    return float(math.sqrt(2 / math.pi) * sigma.sum() + ERRORS * math.sqrt((1 - 2 / math.pi) * float(sigma @ sigma)))


def _lift_error(lift: float, positives: int, share: float = 0.10) -> float:
    """Standard error of the lift of the first tenth: how many of the leavers fell into it is binomial."""
    captured = min(max(lift * share, 0.0), 1.0)
    return math.sqrt(captured * (1 - captured) / positives) / share if positives else math.nan


def evaluation(champion: Champion) -> dict[str, float]:
    """The version's figures when it was judged, with the standard errors its 95 % intervals tell of; {} if none are."""
    path = bundles.path_of(champion.model, champion.version) / "evaluation.json"
    if not path.exists():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    own = {name: float(figure) for name, figure in stored["metrics"].items() if figure is not None}
    for name, place in (("auc", "auc_error"), ("lift_at_10", "lift_error")):
        low, high = stored.get("intervals", {}).get(name) or (None, None)
        if low is not None and high is not None:
            own[place] = (high - low) / 3.92
    return own


def trained_as_of(champion: Champion) -> date:
    """Until when the version's labels reach: its own training date, whenever it came into force."""
    manifest = bundles.path_of(champion.model, champion.version) / bundles.MANIFEST
    told = json.loads(manifest.read_text(encoding="utf-8"))
    return parse_day(str(told["trained_as_of"])) if "trained_as_of" in told else champion.from_as_of


def _said(champion: Champion, spec: ModelSpec, cutoff: date) -> pd.DataFrame | None:
    """`subscriber_id` and `said` of a cut-off: published scores, else a classifier's answer to the features of then."""
    import pandas as pd

    from pipelines.models.spec import Kind
    from pipelines.scoring.table import probability_column

    key = {"as_of": cutoff.isoformat(), "version": str(champion.version)}
    scores = Dataset(settings().scores / spec.name, ("as_of", "version"))
    is_formula = spec.kind is Kind.FORMULA
    columns = ["survival_by_month", "margin_eur_by_month"] if is_formula else [probability_column(spec.name)]
    if scores.entry(key) is not None:
        table = pd.read_parquet(scores.verify(key), columns=["subscriber_id", *columns], partitioning=None)
        said = _first_months(table, spec) if is_formula else table[columns[0]]
        return pd.DataFrame({"subscriber_id": table["subscriber_id"], "said": said})
    return None if is_formula else _computed(champion, cutoff)


def _first_months(table: pd.DataFrame, spec: ModelSpec) -> Any:
    """Expected margin of the label's window, not discounted: half of a month's leavers pay for it (see models/ltv)."""
    import numpy as np

    months = spec.horizon_days // 30
    stay = np.array(table["survival_by_month"].tolist(), dtype=np.float64)[:, :months]  # at the end of each month
    margin = np.array(table["margin_eur_by_month"].tolist(), dtype=np.float64)[:, :months]
    present = (np.hstack([np.ones((len(stay), 1)), stay[:, :-1]]) + stay) / 2
    return (present * margin).sum(axis=1)


def _computed(champion: Champion, cutoff: date) -> pd.DataFrame | None:
    """What the version says today of the features published for the cut-off: an evaluation, published nowhere."""
    import pandas as pd

    loaded = bundles.load(bundles.path_of(champion.model, champion.version), expected=champion.sha256)
    frame = _features(loaded.columns, cutoff)
    if frame is None:
        return None
    return pd.DataFrame({"subscriber_id": frame["subscriber_id"], "said": loaded.predict(frame)})


def _features(columns: list[str], cutoff: date) -> pd.DataFrame | None:
    """The published columns of everyone active at a cut-off; None when one is in no partition of it."""
    import pyarrow.parquet as pq

    frame: pd.DataFrame | None = None
    for folder in sorted(settings().features.glob("ftr_*")):
        dataset, key = Dataset(folder, ("as_of",)), {"as_of": cutoff.isoformat()}
        if dataset.entry(key) is None:
            continue
        path = dataset.verify(key)
        wanted = [name for name in pq.read_schema(path).names
                  if name in columns and (frame is None or name not in frame.columns)]
        part = pq.read_table(path, columns=["subscriber_id", *wanted], partitioning=None).to_pandas()
        frame = part if frame is None else frame.merge(part, on="subscriber_id", validate="one_to_one")
    return frame if frame is not None and set(columns) <= set(frame.columns) else None
