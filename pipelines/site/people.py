"""Why the likeliest tenth may leave, counted by theme; a theme of fewer than twenty subscribers is not shown."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.governance.crowd import crowds
from pipelines.models import SPECS
from pipelines.models.spec import Kind
from pipelines.publish import Dataset
from pipelines.reasons.phrases import LEVERS
from pipelines.settings import settings
from pipelines.site.nights import Night

MOST = 6


@dataclass(frozen=True)
class Reason:
    """A theme, what an agent can do about it, how many of the tenth have it first, as a share of the largest."""

    theme: str
    lever: str
    count: int
    share: float
    of: int
    model: str
    as_of: str


def reasons(nights: list[Night], most: int = MOST) -> list[Reason]:
    """Of the first risk in the order of the specs, on the newest night that scored it; nothing where none did."""
    risks = [name for name, spec in SPECS.items() if spec.kind is Kind.CLASSIFIER and spec.outcome == "risk"]
    for model in risks:
        for night in reversed(nights):
            if model in night.seen.scores:
                return _counted(model, night, most)
    return []


def _counted(model: str, night: Night, most: int) -> list[Reason]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    key = {"as_of": night.seen.as_of.isoformat(), "version": str(night.seen.scores[model].version)}
    live = Dataset(settings().scores / model, ("as_of", "version")).live(key)
    columns = ["decile", "reason_1", "reason_1_theme"]
    if not live.exists() or not set(columns) <= set(pq.read_schema(live).names):
        return []
    tenth = pq.read_table(live, columns=columns, partitioning=None).filter(pc.field("decile") == 1)
    raising = tenth.filter(pc.starts_with(tenth["reason_1"], "raises"))
    counted = raising.group_by("reason_1_theme").aggregate([("reason_1", "count")]).to_pylist()
    kept = crowds(((str(row["reason_1_theme"]), int(row["reason_1_count"])) for row in counted), most)
    largest = max((count for _, count in kept), default=1)
    return [Reason(theme, LEVERS.get(theme) or "", count, count / largest, len(tenth), model,
                   night.seen.as_of.isoformat()) for theme, count in kept]
