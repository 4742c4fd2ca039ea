"""What exact reasons cost at a million subscribers, how near they are to XGBoost's own, and how steady they are.

    python benchmarks/reasons.py                      # a million rows, 60 features: the churn spec, then 200 trees
    python benchmarks/reasons.py --home HOME          # this home's published churn scores, week against week

The rows are drawn, not simulated: features of one theme go together, 15 % of the values are missing, and the label
depends on several themes and on two interactions. Each case runs in a process of its own, whose peak is told; the
model is fitted in another, so that training does not count. Exact and XGBoost's own are timed in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TRAINING_ROWS, ORACLE_ROWS, CHUNK, MISSING = 100_000, 20_000, 100_000, 0.15
CASES = {  # name: trees, depth; the first with every other parameter of the churn spec, too
    "churn spec": (300, 3), "200 trees, depth 4": (200, 4), "200 trees, depth 6": (200, 6),
}
FIGURES = {
    "numba_s": "compile, s", "tables_s": "tables, s", "exact_s": "contributions, s", "exact_cpu_s": "CPU s",
    "words_s": "words, s", "peak_mb": "peak, MB", "own_s": "pred_contribs of 20k, s", "ratio": "times faster per row",
    "difference": "greatest difference", "same_first": "same first reason",
    "approx_first": "approximation: other first", "approx_three": "approximation: other three",
}


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=60)
    parser.add_argument("--home", type=Path, help="a TELCO_HOME: measure the stability of its published reasons")
    parser.add_argument("--fit", nargs=2, metavar=("CASE", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--explain", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.home is not None:
        os.environ["TELCO_HOME"] = str(options.home)
        return steadiness()
    if options.fit is not None:
        case, file = options.fit
        fit(case, file, options.features)
    elif options.explain is not None:
        print(json.dumps(explain(Path(options.explain), options)))
    else:
        print(f"{options.rows:,} rows x {options.features} features, {os.cpu_count()} cores")
        print("| case | " + " | ".join(FIGURES.values()) + " |")
        print("|---" * (len(FIGURES) + 1) + "|", flush=True)
        for case in CASES:
            found = measured(case, options)
            print(f"| {case} | " + " | ".join(str(found[name]) for name in FIGURES) + " |", flush=True)
    return 0


def measured(case: str, options: argparse.Namespace) -> dict[str, Any]:
    """Fit in one process, explain in the next."""
    sizes = ("--rows", str(options.rows), "--features", str(options.features))
    with tempfile.TemporaryDirectory() as place:
        model = f"{place}/model.ubj"
        child = (sys.executable, __file__, *sizes)
        subprocess.run([*child, "--fit", case, model], check=True)
        done = subprocess.run([*child, "--explain", model], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def columns_of(features: int) -> list[str]:
    from pipelines.reasons.phrases import PHRASES

    return list(PHRASES)[:features]


def drawn(rows: int, features: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Encoded rows (rows, features) float32 and the log-odds behind their labels."""
    from pipelines.reasons.phrases import PHRASES

    draw = np.random.default_rng(seed)
    themes = {PHRASES[name].theme: place for place, name in enumerate(columns_of(features))}
    latent = {theme: draw.normal(size=rows).astype("float32") for theme in themes}
    encoded = np.empty((rows, features), "float32")
    for place, name in enumerate(columns_of(features)):
        noise = draw.normal(size=rows).astype("float32")
        encoded[:, place] = (0.8 * latent[PHRASES[name].theme] + 0.6 * noise).round(2)
        encoded[draw.random(rows) < MISSING, place] = np.nan
    weights = np.linspace(0.6, 0.05, len(latent))
    margin = sum(weight * values for weight, values in zip(weights, latent.values(), strict=True)) - 2.5
    first, second, third, *_ = latent.values()
    return encoded, margin + 0.5 * first * second - 0.4 * np.abs(third)


def fit(case: str, path: str, features: int) -> None:
    """The case's booster on drawn rows, as training fits it."""
    import xgboost

    from pipelines.models.churn import SPEC

    trees, depth = CASES[case]
    encoded, margin = drawn(TRAINING_ROWS, features, seed=1)
    label = np.random.default_rng(2).random(TRAINING_ROWS) < 1 / (1 + np.exp(-margin))
    recipe = {name: value for name, value in SPEC.parameters.items() if "round" not in name}
    if case != "churn spec":
        recipe = {"learning_rate": 0.1}
    given = {**recipe, "max_depth": depth, "objective": "binary:logistic", "tree_method": "hist"}
    xgboost.train(given, xgboost.DMatrix(encoded, label), trees).save_model(path)


def explain(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Every figure of one case."""
    import xgboost

    from pipelines.reasons.contributions import contributions, tables
    from pipelines.reasons.top import top_reasons

    booster = xgboost.Booster(model_file=path)
    columns = columns_of(options.features)
    encoded, _ = drawn(options.rows, options.features, seed=3)
    forest, tables_s = timed(lambda: tables(booster))
    _, numba_s = timed(lambda: contributions(forest, encoded[:1]))
    before = time.process_time()
    exact, exact_s = timed(lambda: contributions(forest, encoded))
    exact_cpu_s = time.process_time() - before
    words_s = 0.0
    for start in range(0, options.rows, CHUNK):
        part = slice(start, start + CHUNK)
        words_s += timed(lambda part=part: top_reasons(  # type: ignore[misc]
            exact[part], framed(encoded[part], columns), columns))[1]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sampled = encoded[:ORACLE_ROWS]
    own, own_s = timed(lambda: booster.predict(xgboost.DMatrix(sampled), pred_contribs=True)[:, :-1])
    rough = booster.predict(xgboost.DMatrix(sampled), pred_contribs=True, approx_contribs=True)[:, :-1]
    mine, theirs, roughly = (three(values, sampled, columns) for values in (exact[:ORACLE_ROWS], own, rough))
    return {
        "numba_s": round(numba_s, 1), "tables_s": round(tables_s, 1), "exact_s": round(exact_s, 1),
        "exact_cpu_s": round(exact_cpu_s, 1), "words_s": round(words_s, 1), "peak_mb": round(peak_mb),
        "own_s": round(own_s, 1), "ratio": round((own_s / len(sampled)) / (exact_s / options.rows)),
        "difference": f"{np.abs(exact[:ORACLE_ROWS] - own).max():.1e}",
        "same_first": f"{(mine[:, 0] == theirs[:, 0]).sum():,} of {len(sampled):,}",
        "approx_first": f"{np.mean(mine[:, 0] != roughly[:, 0]):.1%}",
        "approx_three": f"{np.mean((np.sort(mine) != np.sort(roughly)).any(axis=1)):.1%}",
    }


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    done = work()
    return done, time.perf_counter() - began


def framed(encoded: np.ndarray, columns: list[str]) -> Any:
    import pyarrow as pa

    return pa.table(list(encoded.T), names=columns)


def three(values: np.ndarray, encoded: np.ndarray, columns: list[str]) -> np.ndarray:
    """The themes of the three reasons of each row; "" for none."""
    from pipelines.reasons.top import top_reasons

    told = top_reasons(values, framed(encoded, columns), columns)
    return np.column_stack([reason.theme.fill_null("").to_numpy(zero_copy_only=False) for reason in told]).astype(str)


def steadiness() -> int:
    """Week against week, for every published night of the churn champion that has one seven nights before."""
    from pipelines.publish import Dataset
    from pipelines.scoring.nightly import WEEK, since_last_week
    from pipelines.settings import settings

    nights = sorted({entry.key["as_of"] for entry in
                     Dataset(settings().scores / "churn", ("as_of", "version")).entries().values()})
    print("| night | a week before | scored on both | same first reason | overlap of three |")
    print("|---|---|---|---|---|")
    for night in map(date.fromisoformat, nights):
        found = since_last_week("churn", night)
        if found is not None:
            shares = f"{found.same_first:.1%} | {found.overlap:.1%}"
            print(f"| {night} | {night - WEEK} | {found.subscribers:,} | {shares} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
