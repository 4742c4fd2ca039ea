"""How much of the simulator's truth the house finds back.

    python benchmarks/recovery.py --oracle-only            # simulate `steady` aside; what can be known at all
    TELCO_HOME=... python benchmarks/recovery.py           # this home's published scores against its truth

The first prints churn per 30 days and the AUC of the oracle, also of one that may see billing alone, or billing and
care: the ladder that joining sources can climb. The second joins scores/churn and scores/ltv with truth/hazard.parquet
on the subscription's token and prints, per as_of and over all: the model's skill (AUC - .5) as a share of the oracle's,
expected calibration error (overall, top tenth), and for values the total bias and the rank correlation with the
expected margin of twelve months, beside what was billed and what was earned times twelve. The truth is the
simulator's; no module of the pipeline reads it.

Twelve months after the end of a home are in nobody's files. A second home of the same arguments and 370 more days has
lived them: with `--later-truth THERE/truth` values are also judged by the margin that came, as is the expectation
itself, and the interval by how often it held what came.
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
    parser.add_argument("--later-truth", type=Path, help="truth folder of the same house simulated for longer")
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
        found = recovered(options.later_truth)
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


def recovered(later_truth: Path | None = None) -> dict[str, Any]:
    """Published scores against the truth of this home: {"churn": [row per as_of and version, ...], "ltv": [...]}."""
    from pipelines.errors import UsageError
    from pipelines.publish import Dataset
    from pipelines.settings import settings

    settings.cache_clear()
    if not (settings().truth / "hazard.parquet").exists():
        raise UsageError(f"{settings().truth} has no hazard.parquet: this home was not simulated")
    truth = keyed_truth() if later_truth is None else matured(keyed_truth(), later_truth)
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


def matured(truth: Any, later_truth: Path) -> Any:
    """The truth with the margin of twelve months that a longer run of the same house lived to see."""
    import numpy as np
    import pyarrow.parquet as pq

    from pipelines.errors import UsageError

    keys = ["operator", "subscription_id", "as_of"]
    columns = [*keys, "margin_12m", "expected_margin_12m"]
    came = pq.read_table(later_truth / "hazard.parquet", columns=columns).to_pandas()
    both = truth.merge(came, on=keys, how="left", suffixes=("_then", ""), validate="one_to_one")
    known = both["expected_margin_12m"].notna()
    if not known.any() or not np.allclose(both["expected_margin_12m"][known], both["expected_margin_12m_then"][known]):
        raise UsageError(f"{later_truth}: another house than this home's; simulate it with the same arguments")
    return both.assign(expected_margin_12m=both["expected_margin_12m_then"])


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
    return both.assign(coverage=len(both) / len(frame), night=both["as_of"])


def _all(parts: list[Any]) -> Any:
    import pandas as pd

    return pd.concat(parts, ignore_index=True).assign(as_of="all", model_version="all")


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
    """Bias of the total, and rank correlation, against the expected margin of twelve months and, where it is over,
    against what came; the same of simple rivals. `spearman_share`: of the expectation's own against what came."""
    value, truth = frame["ltv_eur_12m"], frame["expected_margin_12m"]
    found = {
        **_head(frame), "mean_value": float(value.mean()), "mean_expected": float(truth.mean()),
        **_against(value, truth, ""), "rivals": {name: _against(rival, truth, "") for name, rival in _rivals(frame)},
    }
    over = frame.dropna(subset=["margin_12m"])
    if over.empty:
        return found
    came, told = over["margin_12m"], _against(over["ltv_eur_12m"], over["margin_12m"], "_realised")
    own = _against(over["expected_margin_12m"], came, "_realised")
    found |= {"mean_realised": float(came.mean()), **told, "expectation": own,
              "spearman_share": told["rank_correlation_realised"] / own["rank_correlation_realised"],
              "rivals_realised": {name: _against(rival, came, "_realised") for name, rival in _rivals(over)}}
    if "ltv_low_eur_12m" in over:
        inside = (came >= over["ltv_low_eur_12m"]) & (came <= over["ltv_high_eur_12m"])
        found |= {"interval_coverage": float(inside.mean()),
                  "interval_width": float((over["ltv_high_eur_12m"] - over["ltv_low_eur_12m"]).mean())}
    return found


def _against(value: Any, truth: Any, what: str) -> dict[str, float]:
    known = value.notna()
    value, truth = value[known], truth[known]
    return {f"bias{what}": float(value.sum() / truth.sum() - 1),
            f"rank_correlation{what}": float(value.corr(truth, method="spearman")),
            f"mae{what}": float((value - truth).abs().mean())}


def _rivals(frame: Any) -> list[tuple[str, Any]]:
    """What was billed, and what was earned, in a month, twelve times; none where the features are not published."""
    import pandas as pd
    import pyarrow.parquet as pq

    from pipelines.settings import settings

    columns = ["subscriber_id", "billed_eur_30d", "margin_eur_30d"]
    parts = []
    for day in frame["night"].unique():
        path = settings().features / "ftr_subscriber_billing" / f"as_of={day}" / "data.parquet"
        if not path.exists():
            return []
        parts.append(pq.read_table(path, columns=columns, partitioning=None).to_pandas().assign(night=day))
    told = frame[["subscriber_id", "night"]].merge(pd.concat(parts), on=["subscriber_id", "night"], how="left")
    told.index = frame.index
    return [("billed_x_12", told["billed_eur_30d"] * 12), ("margin_x_12", told["margin_eur_30d"] * 12)]


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
