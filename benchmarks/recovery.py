"""How much of the simulator's truth the house finds back.

    python benchmarks/recovery.py --oracle-only            # simulate `steady` aside; what can be known at all
    TELCO_HOME=... python benchmarks/recovery.py           # this home's published scores against its truth

The first prints churn per 30 days and the AUC of the oracle, also of one that may see billing alone, or billing and
care: the ladder that joining sources can climb. The second joins scores/churn and scores/ltv with truth/hazard.parquet
on the subscription's token and prints, per as_of and over all: the model's skill (AUC - .5) as a share of the oracle's,
expected calibration error (overall, top tenth), and for values the total bias and the rank correlation with the
expected margin of twelve months. The truth is the simulator's; no module of the pipeline reads it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oracle-only", action="store_true", help="print the oracle's figures and stop there")
    parser.add_argument("--home", type=Path, help="the TELCO_HOME to read; --oracle-only then simulates none")
    parser.add_argument("--scenario", default="steady", help="what --oracle-only simulates (default: steady)")
    parser.add_argument("--subscribers", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--days", type=int, default=300, help="days of history (default: 300)")
    parser.add_argument("--seed", type=int, default=7, help="seed (default: 7)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    if options.home is not None:
        os.environ["TELCO_HOME"] = str(options.home)
    if options.oracle_only and options.home is None:
        with tempfile.TemporaryDirectory() as place:
            os.environ["TELCO_HOME"] = place
            found = {"oracle": oracle(simulated=options)}
    elif options.oracle_only:
        found = {"oracle": oracle()}
    else:
        found = recovered()
    print(json.dumps(found, indent=2, default=str) if options.json else told(found))
    return 0


def oracle(simulated: argparse.Namespace | None = None) -> dict[str, Any]:
    """The oracle's figures of this home, or of one simulated just now."""
    from pipelines.settings import settings
    from pipelines.simulate import oracle_report, simulate

    settings.cache_clear()
    if simulated is not None:
        simulate(simulated.subscribers, simulated.days, 0, simulated.seed, scenario=simulated.scenario)
    return vars(oracle_report())


def recovered() -> dict[str, Any]:
    """Published scores against the truth of this home: {"churn": [row per as_of and version, ...], "ltv": [...]}."""
    from pipelines.errors import UsageError
    from pipelines.publish import Dataset
    from pipelines.settings import settings

    settings.cache_clear()
    if not (settings().truth / "hazard.parquet").exists():
        raise UsageError(f"{settings().truth} has no hazard.parquet: this home was not simulated")
    truth = keyed_truth()
    found: dict[str, Any] = {"oracle": oracle()}
    for model, judge in (("churn", judged_churn), ("ltv", judged_value)):
        scores = Dataset(settings().scores / model, ("as_of", "version"))
        parts = [joined(scores.live(entry.key), truth) for entry in scores.entries().values() if entry.rows]
        if parts:
            found[model] = [judge(part) for part in (*parts, _all(parts))]
    return found


def keyed_truth() -> Any:
    """truth/hazard.parquet with the id under which the house publishes a subscriber."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipelines.landing.contract import Identifier
    from pipelines.landing.tokens import Tokens
    from pipelines.settings import settings

    truth = pq.read_table(settings().truth / "hazard.parquet").to_pandas()
    tokens = Tokens()
    keyed = []
    for operator, part in truth.groupby("operator"):
        ids = pa.array(part["subscription_id"].to_numpy(), pa.string())
        made = tokens.column(Identifier.SUBSCRIPTION, str(operator), ids)
        keyed.append(part.assign(subscriber_id=["sub_" + token for token in made.to_pylist()]))
    return pd.concat(keyed, ignore_index=True)


def joined(scores: Path, truth: Any) -> Any:
    """Scores of one partition with their truth; `coverage` says which share of them the truth knows."""
    import pyarrow.parquet as pq

    from pipelines.errors import UsageError

    frame = pq.read_table(scores, partitioning=None).to_pandas()
    both = frame.merge(truth, on=["subscriber_id", "as_of"], how="inner", validate="one_to_one")
    if both.empty:
        raise UsageError(
            f"{scores}: the truth knows none of these subscribers on {frame['as_of'].iloc[0]}. It keeps weekly "
            "cut-offs from day 90 and every day from the end of history on"
        )
    return both.assign(coverage=len(both) / len(frame))


def _all(parts: list[Any]) -> Any:
    import pandas as pd

    return pd.concat(parts).assign(as_of="all", model_version="all")


def _head(frame: Any) -> dict[str, Any]:
    return {"as_of": frame["as_of"].iloc[0], "version": frame["model_version"].iloc[0], "rows": len(frame),
            "coverage": float(frame["coverage"].mean())}


def judged_churn(frame: Any) -> dict[str, Any]:
    """Skill against the oracle's on the same rows, and calibration against what came."""
    from sklearn.metrics import roc_auc_score

    known = frame.dropna(subset=["is_churned"])
    came, said = known["is_churned"].astype(float), known["churn_probability"]
    if came.nunique() < 2:
        return {**_head(frame), "why": "nobody or everybody churned, or the 30 days are not over"}
    auc, best = roc_auc_score(came, said), roc_auc_score(came, known["expected_all_30d"])
    tenth = said.rank(method="first", pct=True).mul(10).clip(upper=9.999).astype(int)
    gaps = (said.groupby(tenth).mean() - came.groupby(tenth).mean()).abs()
    return {
        **_head(frame), "churned": float(came.mean()), "predicted": float(said.mean()),
        "auc": float(auc), "oracle_auc": float(best), "skill_share": float((auc - 0.5) / (best - 0.5)),
        "ece": float(gaps.mean()), "gap_top_tenth": float(gaps.iloc[-1]),
        "rank_correlation": float(said.corr(known["expected_all_30d"], method="spearman")),
    }


def judged_value(frame: Any) -> dict[str, Any]:
    """Bias of the total, and rank correlation, against the expected margin of twelve months."""
    value, truth = frame["ltv_eur_12m"], frame["expected_margin_12m"]
    return {
        **_head(frame), "mean_value": float(value.mean()), "mean_expected": float(truth.mean()),
        "bias": float(value.sum() / truth.sum() - 1), "rank_correlation": float(value.corr(truth, method="spearman")),
    }


def told(found: dict[str, Any]) -> str:
    """The figures as lines of text."""
    lines = []
    for name, rows in found.items():
        for row in rows if isinstance(rows, list) else [rows]:
            lines.append(f"{name:7s}" + "  ".join(f"{key} {_figure(value)}" for key, value in row.items()))
    return "\n".join(lines)


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_figure(one)}" for key, one in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
