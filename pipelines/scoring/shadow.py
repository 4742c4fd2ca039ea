"""The challenger's night: scored beside the champion in the same run, kept apart, compared. It never stops a night."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipelines import bundle as bundles
from pipelines.champions import Champion
from pipelines.errors import IntegrityError, TelcoError
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report, silent
from pipelines.publish import Dataset
from pipelines.scoring.reading import Reading

if TYPE_CHECKING:
    from pipelines.promotion.comparison import Comparison

log = logging.getLogger(__name__)


def shadow(spec: ModelSpec, reading: Reading, champion: Champion, *, report: Report = silent) -> Comparison | None:
    """Score a night with the version in shadow and compare it with what `champion` published; None when there is none.

    A night before the shadow's first does not count and is not scored. Whatever goes wrong is told and leaves the
    night of the champion as it is: the version simply does not get this night. Safe to repeat: same bytes.
    """
    from pipelines.promotion import shadow as log_of_shadows

    as_of, challenger = reading.as_of, log_of_shadows.standing(spec.name)
    if challenger is None or as_of < challenger.from_as_of or challenger.version == champion.version:
        return None
    try:
        found = _compared(spec, reading, champion, challenger)
    except TelcoError as reason:
        log.warning("shadow of %s v%d at %s: %s", spec.name, challenger.version, as_of, reason)
        report(f"{spec.name}: v{challenger.version} in shadow did not score {as_of}: {reason}")
        return None
    except Exception:
        log.exception("shadow of %s v%d at %s", spec.name, challenger.version, as_of)
        report(f"{spec.name}: v{challenger.version} in shadow failed at {as_of}; the log has the trace")
        return None
    report(f"{spec.name}: v{challenger.version} in shadow, {found.agreement:.1%} in the same tenth as "
           f"v{champion.version}, rank correlation {found.rank_correlation:.3f}")
    return found


def _compared(spec: ModelSpec, reading: Reading, champion: Champion, challenger: Any) -> Comparison:
    from pipelines.promotion import shadow as log_of_shadows
    from pipelines.promotion.comparison import Comparison, figures
    from pipelines.scoring.nightly import compute, key_of, publish, scores_of
    from pipelines.scoring.table import measure_column

    as_of = reading.as_of
    bundle = bundles.load(bundles.path_of(spec.name, challenger.version), expected=challenger.sha256)
    if (bundle.facts.get("verdict") or {}).get("passed") is not True:
        raise IntegrityError(f"{bundle.directory}: bears no passed verdict of the gate")
    publish(log_of_shadows.nights_of(spec.name), compute(spec, bundle, reading), {"shadow": True})
    measure = measure_column(spec)
    one = _column(scores_of(spec.name), key_of(as_of, champion.version), measure)
    other = _column(log_of_shadows.nights_of(spec.name), key_of(as_of, challenger.version), measure)
    both = one.index.intersection(other.index)
    found = Comparison(
        as_of=as_of, champion=champion.version, champion_sha256=champion.sha256, challenger=challenger.version,
        challenger_sha256=challenger.sha256, rows=len(both), unmatched=len(one) + len(other) - 2 * len(both),
        **figures(one.loc[both].to_numpy(), other.loc[both].to_numpy()),
    )
    log_of_shadows.keep(spec.name, found)
    return found


def _column(dataset: Dataset, key: dict[str, str], measure: str) -> Any:
    """The scores of one partition by subscriber, sorted, after comparing its sha256."""
    import pyarrow.parquet as pq

    table = pq.read_table(dataset.verify(key), columns=["subscriber_id", measure], partitioning=None)
    frame = table.to_pandas().set_index("subscriber_id")[measure].astype("float64")
    return frame.sort_index()
