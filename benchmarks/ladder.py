"""What each joined source adds to the churn model: AUC out of time with billing, + care, + network, beside the oracle.

    python benchmarks/ladder.py                                      # 10,000 subscribers x 300 days of `steady`
    python benchmarks/ladder.py --subscribers 30000 --home /data/bench    # keep the home, or take it up again

Simulates a house, bootstraps it, and fits the churn recipe of pipelines/training on the columns of one source, then of
two, then of all, always on the same older cut-offs and judged on the same later ones. Beside each rung stands the
oracle that may see the same sources (the ladder of `recovery.py --oracle-only`), on the rows the model is judged on.
Intervals are 95 % percentile bootstraps over subscribers; model and oracle share the resamples, so that the share of
the skill (AUC - .5) has one too. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from house import START, machine, made  # noqa: E402
from recovery import keyed_truth  # noqa: E402

# rung -> the marts whose columns it may use, and the oracle's column that may see the same
RUNGS = {
    "billing": (("billing",), "expected_billing_30d"),
    "billing + care": (("billing", "care"), "expected_billing_care_30d"),
    "billing + care + network": (("billing", "network", "care"), "expected_all_30d"),
}


@dataclass(frozen=True)
class Rung:
    """One line of the table. `draws` are bootstrap AUCs, paired over all rungs and between model and oracle."""

    name: str
    columns: int
    rounds: int
    auc: float
    oracle: float
    draws: np.ndarray[Any, Any]
    oracle_draws: np.ndarray[Any, Any]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000, help="of the simulated house (default: 10000)")
    parser.add_argument("--days", type=int, default=300, help="days of history in the dump (default: 300)")
    parser.add_argument("--seed", type=int, default=7, help="of the simulated house (default: 7)")
    parser.add_argument("--home", type=Path, help="folder of the home, kept; by default a temporary one, deleted")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap (default: 1000)")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    with tempfile.TemporaryDirectory() as place:
        home = made(options.home or Path(place), options.subscribers, options.days, 0, seed=options.seed)
        os.environ["TELCO_HOME"] = str(home)
        judged, rungs = climbed(options.days, options.resamples)
    print(table(rungs))
    print(f"\n{options.subscribers:,} subscribers x {options.days} days, seed {options.seed}; {judged}. {machine()}")
    return 0


def climbed(days: int, resamples: int) -> tuple[str, list[Rung]]:
    """Every rung fitted and judged; and in words on what."""
    from pipelines.estate import estate
    from pipelines.governance.purpose import leave
    from pipelines.models import churn
    from pipelines.settings import settings
    from pipelines.training import frames
    from pipelines.training.cutoffs import divide, matured

    settings.cache_clear()
    spec, as_of = churn.SPEC, START + timedelta(days=days)
    cutoffs = matured(spec, as_of, estate().training_start)
    slices = divide(cutoffs, spec)
    if slices.design != "out_of_time":
        raise SystemExit(f"ladder: {slices.why}. Simulate more days")
    frame = frames.training_frame(spec, frames.labels(spec, cutoffs, leave(spec.train_purpose, as_of)))
    parts = {name: frames.of_cutoffs(frame, getattr(slices, name)) for name in ("fit", "calibrate", "test")}
    test = with_truth(parts["test"])
    weights = resampled(test["subscriber_id"].to_numpy(), resamples)
    rungs = []
    for name in RUNGS:
        print(f"fit {name}", file=sys.stderr, flush=True)
        rungs.append(rung(name, parts, test, weights))
    label = test[spec.label_column].astype(float)
    agree = float((label == test["is_churned_truth"].astype(float)).mean())
    return (f"fit on {len(parts['fit']):,} rows of {len(slices.fit)} cut-offs, rounds and calibration on "
            f"{len(parts['calibrate']):,} of {len(slices.calibrate)}, judged on {len(test):,} of {len(slices.test)} "
            f"({slices.test[0]} to {slices.test[-1]}) with {int(label.sum())} leavers; the label is the truth's on "
            f"{agree:.2%} of them"), rungs


def with_truth(test: Any) -> Any:
    """The judged rows the truth speaks of, in their order, with what the oracles expected of them."""
    truth = keyed_truth()
    kept = ["subscriber_id", "event_timestamp", "is_churned_truth", *(oracle for _, oracle in RUNGS.values())]
    truth = truth.assign(
        event_timestamp=truth["as_of"].astype(test["event_timestamp"].dtype), is_churned_truth=truth["is_churned"])
    both = test.merge(truth[kept], on=["subscriber_id", "event_timestamp"], how="left", validate="one_to_one")
    unknown = both["expected_all_30d"].isna()
    if unknown.any():
        print(f"{int(unknown.sum())} of {len(both)} judged rows are not in the truth's sample and are left out",
              file=sys.stderr)
    return both[~unknown].reset_index(drop=True)


def resampled(subscriber: Any, resamples: int) -> list[np.ndarray[Any, Any]]:
    """Row weights of each resample of subscribers: one subscriber's rows of neighbouring cut-offs go together."""
    names, place = np.unique(subscriber, return_inverse=True)
    chance = np.random.default_rng(0)
    share = np.full(len(names), 1 / len(names))
    return [chance.multinomial(len(names), share)[place].astype(float) for _ in range(resamples)]


def rung(name: str, parts: dict[str, Any], test: Any, weights: list[np.ndarray[Any, Any]]) -> Rung:
    """The recipe on these sources: fitted as training does when it evaluates, never on a judged row."""
    from pipelines import bundle
    from pipelines.features import store
    from pipelines.gate.metrics import by_score, ordered_auc
    from pipelines.models import churn
    from pipelines.training import recipe

    sources, oracle = RUNGS[name]
    spec = churn.SPEC
    columns = [column for view in store.views(spec.feature_service) for column in view.columns
               if view.dataset.removeprefix("ftr_subscriber_") in sources]
    learned = bundle.learn_categories(parts["fit"], columns)
    rows = {part: recipe.encode(one, spec, columns, learned) for part, one in {**parts, "test": test}.items()}
    fitted = recipe.fit_in_time(spec, rows["fit"], rows["calibrate"])
    label = rows["test"].label
    model, best = by_score(label, fitted.predict(rows["test"])), by_score(label, test[oracle].to_numpy())
    return Rung(
        name, len(columns), fitted.rounds, ordered_auc(*model, None), ordered_auc(*best, None),
        np.array([ordered_auc(*model, weight) for weight in weights]),
        np.array([ordered_auc(*best, weight) for weight in weights]),
    )


def table(rungs: list[Rung]) -> str:
    """Markdown: a line a rung, with what it adds to the one below it."""
    lines = ["| sources | columns | rounds | AUC of the model | adds | AUC of the oracle | adds | share of its skill |",
             "|---|---:|---:|---|---|---|---|---|"]
    below: Rung | None = None
    for one in rungs:
        gains = ("", "") if below is None else (
            interval(one.auc - below.auc, one.draws - below.draws, "+"),
            interval(one.oracle - below.oracle, one.oracle_draws - below.oracle_draws, "+"))
        share = interval((one.auc - 0.5) / (one.oracle - 0.5), (one.draws - 0.5) / (one.oracle_draws - 0.5))
        lines.append(f"| {one.name} | {one.columns} | {one.rounds} | {interval(one.auc, one.draws)} | {gains[0]} "
                     f"| {interval(one.oracle, one.oracle_draws)} | {gains[1]} | {share} |")
        below = one
    return "\n".join(lines)


def interval(value: float, draws: np.ndarray[Any, Any], sign: str = "") -> str:
    """`0.812 [0.798, 0.826]`: the value and its 95 % percentile interval."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


if __name__ == "__main__":
    sys.exit(main())
