"""Performance without labels: what calibrated probabilities say of their own ranking, where they can be believed.

If a probability p is right, a subscriber leaves with chance p: the expected AUC and lift follow from tonight's scores
alone (confidence-based performance estimation; Guillory et al. 2021, "Predicting with confidence on unseen
distributions", ICCV). It sees a population that has become harder to rank. It cannot see that the law has changed,
and on broken input it is confident: usage in other units gave an expected AUC of 1.00. So it decides nothing, and it
is shown only when no input lies out of the training range and none is in alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from pipelines import bundle as bundles
from pipelines.champions import Champion
from pipelines.monitoring.measure import Family, Measure, Status
from pipelines.monitoring.performance import evaluation
from pipelines.publish import Dataset
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pipelines.models.spec import ModelSpec

    Floats = npt.NDArray[np.float64]

Range = tuple[float, float]


def estimated(champion: Champion, spec: ModelSpec, as_of: date, inputs: Sequence[Measure]) -> list[Measure]:
    """Expected AUC loss against the version's own evaluation; without a value, and with the reason, where it is not
    to be believed. A formula has no probability of its own and gives nothing."""
    from pipelines.models.spec import Kind

    if spec.kind is Kind.FORMULA:
        return []
    alarmed = [each for each in inputs if each.family in (Family.QUALITY, Family.INPUT) and each.status is Status.ALARM]
    if alarmed:
        return [_unshown(f"{alarmed[0].subject} is in alarm: probabilities of such input are not to be believed")]
    outside = out_of_range(trained_ranges(champion), tonights_ranges(as_of))
    if outside:
        return [_unshown(outside[0])]
    said = _scores(champion, spec, as_of)
    if said is None:
        return [_unshown("no published scores of this night")]
    return [_loss(champion, said)]


def expected_auc(probability: Floats) -> float:
    """AUC that is to be expected of calibrated probabilities (n,): each counts as a leaver by p, a stayer by 1 - p."""
    from pipelines.gate.metrics import auc

    return auc(probability, probability)


def out_of_range(trained: Mapping[str, Range], tonight: Mapping[str, Range]) -> list[str]:
    """Sentences for the columns that reach further beyond the training range than that range is wide."""
    found = []
    for name, (low, high) in sorted(trained.items()):
        if name not in tonight:
            continue
        least, most = tonight[name]
        width = max(high - low, 1e-9)
        if least < low - width or most > high + width:
            found.append(f"{name} is {least:g} to {most:g} tonight, {low:g} to {high:g} in training")
    return found


def trained_ranges(champion: Champion) -> dict[str, Range]:
    """Least and greatest value of each number column of the training sample."""
    return _ranges([bundles.path_of(champion.model, champion.version) / bundles.SAMPLE])


def tonights_ranges(as_of: date) -> dict[str, Range]:
    """Least and greatest value of each published number column of the night."""
    key = {"as_of": as_of.isoformat()}
    return _ranges([live for folder in sorted(settings().features.glob("ftr_*"))
                    if (live := Dataset(folder, ("as_of",)).live(key)).exists()])


def _ranges(paths: Sequence[object]) -> dict[str, Range]:
    """From the statistics Parquet keeps of each row group: no row is read."""
    import pyarrow.parquet as pq

    found: dict[str, Range] = {}
    for path in paths:
        metadata = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            for place in range(metadata.num_columns):
                column = metadata.row_group(group).column(place)
                told = column.statistics
                if told is None or not told.has_min_max or isinstance(told.min, bool) or not isinstance(
                        told.min, (int, float)):
                    continue
                low, high = found.get(column.path_in_schema, (float(told.min), float(told.max)))
                found[column.path_in_schema] = (min(low, float(told.min)), max(high, float(told.max)))
    return found


def _loss(champion: Champion, said: Floats) -> Measure:
    own, expected = evaluation(champion).get("auc"), expected_auc(said)
    loss = None if own is None else own - expected
    return Measure(Family.ESTIMATE, "auc_loss", "expected", loss, None,
                   f"AUC {expected:.3f} is to be expected of tonight's probabilities, "
                   f"{'unknown' if own is None else f'{own:.3f}'} when the version was judged")


def _scores(champion: Champion, spec: ModelSpec, as_of: date) -> Floats | None:
    import pyarrow.parquet as pq

    from pipelines.scoring.table import probability_column

    scores = Dataset(settings().scores / spec.name, ("as_of", "version"))
    key = {"as_of": as_of.isoformat(), "version": str(champion.version)}
    if scores.entry(key) is None:
        return None
    name = probability_column(spec.name)
    found: Floats = pq.read_table(scores.verify(key), columns=[name], partitioning=None).column(name).to_numpy()
    return found


def _unshown(why: str) -> Measure:
    return Measure(Family.ESTIMATE, "auc_loss", "expected", None, None, f"not shown: {why}")
