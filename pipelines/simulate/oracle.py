"""How predictable the simulated churn is: the oracle's figures, overall and for an observer of fewer sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import UsageError
from pipelines.settings import settings

LADDER = {
    "billing": "expected_billing_30d", "billing+care": "expected_billing_care_30d", "all": "expected_all_30d",
}


@dataclass(frozen=True)
class OracleReport:
    """Churn per 30 days, the mean the oracle expected, and its AUC by the sources it may see."""

    rows: int
    churn_rate: float
    expected_rate: float
    auc: dict[str, float]

    def __str__(self) -> str:
        ladder = ", ".join(f"{name} {value:.3f}" for name, value in self.auc.items())
        return (f"oracle: {self.rows} rows, churn {self.churn_rate:.2%} per 30 days "
                f"(expected {self.expected_rate:.2%}), AUC {ladder}")


def oracle_report(truth: Path | None = None) -> OracleReport:
    """Judge the oracle of truth/hazard.parquet (of this home by default) on all cut-offs whose 30 days ran out."""
    from sklearn.metrics import roc_auc_score

    table = pq.read_table((truth or settings().truth) / "hazard.parquet")
    table = table.filter(pc.is_valid(table["is_churned"]))
    if not table.num_rows:
        raise UsageError("oracle: no cut-off of this truth is 30 days old; simulate at least 120 days")
    churned = table["is_churned"].to_numpy()
    return OracleReport(
        rows=table.num_rows, churn_rate=float(churned.mean()),
        expected_rate=float(pc.mean(table["expected_all_30d"]).as_py()),
        auc={name: float(roc_auc_score(churned, table[column].to_numpy())) for name, column in LADDER.items()},
    )
