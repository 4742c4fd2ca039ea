"""How much of the simulator's truth the house finds back.

    python benchmarks/recovery.py --oracle-only            # simulate `steady` aside; what can be known at all
    TELCO_HOME=... python benchmarks/recovery.py           # this home's published scores against its truth
    ... --rivals --later-truth LATER/truth                 # beside their rivals, and by the twelve months that came

The first prints churn per 30 days and the AUC of the oracle, also of one that may see billing alone, or billing and
care: the ladder that joining sources can climb. The second joins scores/churn and scores/ltv with truth/hazard.parquet
on the subscription's token and prints, per as_of and over all: the model's skill (AUC - .5) as a share of the oracle's,
expected calibration error (overall, top tenth), lift, and for values the total bias and the rank correlation with the
expected margin of twelve months, beside what was billed and what was earned times twelve. The truth is the
simulator's; no module of the pipeline reads it.

Then, over all nights together, every figure with its 95 % percentile interval over subscribers (`--resamples`), the
model, the oracle and the rivals on the same resamples, and the profit of the lists they make (`profit.py` has the cost
table). `--rivals` fits the rivals (`recovery_rivals.py`).

Twelve months after the end of a home are in nobody's files. `benchmarks/later_truth.py` lives the same house on, for
everyone and not for a sample of 50,000: with `--later-truth THERE/truth` that truth is the one judged by, so values are
also judged by the margin that came, as is the expectation itself, and the interval by how often it held what came.
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
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import recovery_churn  # noqa: E402
import recovery_value  # noqa: E402
from house import machine  # noqa: E402
from resamples import Figure, Resamples  # noqa: E402


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oracle-only", action="store_true", help="print the oracle's figures and stop there")
    parser.add_argument("--home", type=Path, help="the TELCO_HOME to read; --oracle-only then simulates none")
    parser.add_argument("--scenario", default="steady", help="what --oracle-only simulates (default: steady)")
    parser.add_argument("--subscribers", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--days", type=int, default=300, help="days of history (default: 300)")
    parser.add_argument("--seed", type=int, default=7, help="seed (default: 7)")
    parser.add_argument("--later-truth", type=Path, help="truth folder of the same house simulated for longer")
    parser.add_argument("--rivals", action="store_true", help="fit the rivals and judge them on the same nights")
    parser.add_argument("--resamples", type=int, default=200, help="of the bootstrap (default: 200; 0 for none)")
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
        found = recovered(options.later_truth, rivals=options.rivals, resamples=options.resamples)
    print(json.dumps(found, indent=2, default=_plain) if options.json else told(found))
    return 0


def oracle(simulated: argparse.Namespace | None = None) -> dict[str, Any]:
    """The oracle's figures of this home, or of one simulated just now."""
    from pipelines.settings import settings
    from pipelines.simulate import oracle_report, simulate

    settings.cache_clear()
    if simulated is not None:
        simulate(simulated.subscribers, simulated.days, 0, simulated.seed, scenario=simulated.scenario)
    return vars(oracle_report())


def recovered(later_truth: Path | None = None, *, rivals: bool = False, resamples: int = 0) -> dict[str, Any]:
    """Published scores against the truth of this home: {"churn": [row per as_of and version, ...], "ltv": [...]}, and
    with resamples under "measured" the figures of all nights with their intervals."""
    from pipelines.errors import UsageError
    from pipelines.publish import Dataset
    from pipelines.settings import settings

    settings.cache_clear()
    if not (settings().truth / "hazard.parquet").exists():
        raise UsageError(f"{settings().truth} has no hazard.parquet: this home was not simulated")
    truth = keyed_truth()
    if later_truth is not None:
        truth = matured(truth, keyed_truth(later_truth))
    found: dict[str, Any] = {"oracle": oracle()}
    every: dict[str, Any] = {}
    for model in ("churn", "ltv"):
        scores = Dataset(settings().scores / model, ("as_of", "version"))
        parts = [joined(scores.live(entry.key), truth) for entry in scores.entries().values() if entry.rows]
        if parts:
            every[model] = _all(parts)
            found[model] = [_judged(model, part) for part in (*parts, every[model])]
    if resamples and set(every) == {"churn", "ltv"}:
        found["measured"] = measured(every["churn"], every["ltv"], resamples, rivals=rivals)
    return found


def _judged(model: str, frame: Any) -> dict[str, Any]:
    head = {"as_of": frame["as_of"].iloc[0], "version": frame["model_version"].iloc[0], "rows": len(frame),
            "coverage": float(frame["coverage"].mean())}
    if model == "churn":
        return recovery_churn.judged(frame, head)
    return recovery_value.judged(frame, _simple(frame), head)


def measured(churn: Any, ltv: Any, resamples: int, *, rivals: bool) -> dict[str, Any]:
    """Figures with intervals: {"churn": {name: Figure}, "profit": ..., "ltv": ... where twelve months are over}."""
    nights = sorted(churn["night"].unique())
    keys = ["subscriber_id", "night"]
    known = churn.dropna(subset=["is_churned"]).merge(ltv[[*keys, "ltv_eur_12m"]], on=keys, how="left")
    over = ltv[ltv["margin_12m"].notna()].reset_index(drop=True)
    chances, values = {}, {}
    if rivals:
        import recovery_rivals

        known = known.merge(recovery_rivals.churn(nights), on=keys, how="left", validate="one_to_one")
        chances = {name: known[name].to_numpy() for name in (recovery_rivals.LOGISTIC, recovery_rivals.BILLING)}
        simple = recovery_rivals.value(nights, churn[[*keys, "churn_probability"]])
        told = over[keys].merge(simple, on=keys, how="left", validate="one_to_one")
        values = {name: told[name].to_numpy() for name in simple.columns if name not in keys}
        known = known.merge(simple[[*keys, "margin_x_horizon"]], on=keys, how="left", validate="one_to_one")
    drawn = Resamples(known["subscriber_id"], resamples)
    found = {"nights": nights, "churn": recovery_churn.measured(known, chances, drawn),
             "profit": recovery_churn.profits(known, chances, drawn)}
    if len(over):
        found["ltv"] = recovery_value.measured(over, values, Resamples(over["subscriber_id"], resamples))
    return found


def keyed_truth(folder: Path | None = None) -> Any:
    """hazard.parquet of the truth, this home's by default, with the id under which the house publishes a subscriber."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipelines.landing.contract import Identifier
    from pipelines.landing.tokens import Tokens
    from pipelines.settings import settings

    truth = pq.read_table((folder or settings().truth) / "hazard.parquet").to_pandas()
    tokens = Tokens()
    keyed = []
    for operator, part in truth.groupby("operator"):
        ids = pa.array(part["subscription_id"].to_numpy(), pa.string())
        made = tokens.column(Identifier.SUBSCRIPTION, str(operator), ids)
        keyed.append(part.assign(subscriber_id=["sub_" + token for token in made.to_pylist()]))
    return pd.concat(keyed, ignore_index=True)


def matured(truth: Any, later: Any) -> Any:
    """The truth of a longer life, which knows the margin of twelve months; UsageError where it is another house's."""
    import numpy as np

    from pipelines.errors import UsageError

    keys, expected = ["subscriber_id", "as_of"], "expected_margin_12m"
    both = truth[[*keys, expected]].merge(later[[*keys, expected]], on=keys, validate="one_to_one")
    if both.empty or not np.allclose(both[f"{expected}_x"], both[f"{expected}_y"]):
        raise UsageError("the later truth is another house's than this home's; simulate it with the same arguments")
    return later


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


def _simple(frame: Any) -> list[tuple[str, Any]]:
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
    """The figures as lines of text, and those with intervals as Markdown."""
    lines = []
    for name, rows in found.items():
        if name == "measured":
            continue
        for row in rows if isinstance(rows, list) else [rows]:
            lines.append(f"{name:7s}" + "  ".join(f"{key} {_figure(value)}" for key, value in row.items()))
    for name, figures in found.get("measured", {}).items():
        if name == "nights":
            lines += ["", f"nights {', '.join(map(str, figures))}; {machine()}"]
            continue
        lines += ["", f"| {name} | |", "|---|---|"]
        lines += [f"| {figure} | {one.told('.2f' if name == 'profit' or one.value > 10 else '.4f')} |"
                  for figure, one in figures.items()]
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    return [value.value, value.low, value.high] if isinstance(value, Figure) else str(value)


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_figure(one)}" for key, one in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
