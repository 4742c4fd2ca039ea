"""The weekly churn retrain beside plain XGBoost on the same frame, in one run.

    python benchmarks/retrain.py --home /data/bench/300000x225 --as-of 2026-06-14

The home must be bootstrapped to that day (benchmarks/history.py makes such homes). Processes one after the other: the
whole `telco train churn` without promotion, its time split at the moment the rows have been read; then XGBoost by
itself on the same rows and columns with the same parameters, and nothing else: no rivals, no calibration, no
intervals, no registry. It makes the two fits the recipe needs: one on the older slice, stopped early on the later one,
and one of as many rounds on all rows. The second alone is told too. The registry's tables are made before, as a
running home has them. Wall and CPU seconds and the largest resident memory of each.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a bootstrapped TELCO_HOME")
    parser.add_argument("--as-of", type=date.fromisoformat, required=True, help="the day trained as of")
    parser.add_argument("--step", choices=("ours", "plain"), help=argparse.SUPPRESS)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    os.environ["TELCO_HOME"] = str(options.home)
    if options.step:
        print(json.dumps(ours(options.as_of) if options.step == "ours" else plain(options.as_of)))
        return 0
    prepare()
    found = {step: run(options, step) for step in ("ours", "plain")}
    print(table(found))
    return 0


def prepare() -> None:
    """Make the registry's tables and Feast's in another process, so that nobody's time is theirs."""
    words = "from pipelines import features, tracking; features.apply(); tracking.versions('telco_churn')"
    subprocess.run([sys.executable, "-c", words], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def run(options: argparse.Namespace, step: str) -> dict[str, Any]:
    load = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, __file__, "--home", str(options.home), "--as-of", str(options.as_of), "--step", step],
        stdout=subprocess.PIPE, text=True, check=True,
    )
    return {**json.loads(done.stdout.splitlines()[-1]), "load": load}


class Watch:
    """Wall and CPU seconds since it was made, by lap."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return wall, cpu


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(as_of: date) -> dict[str, Any]:
    """The training as the command does it; `read` ends when the recipe begins."""
    from pipelines import training
    from pipelines.settings import settings

    watch, laps = Watch(), []

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        if " cut-offs, " in line:
            laps.append(watch.lap())

    result = training.train("churn", as_of, report=report)
    laps.append(watch.lap())
    if result.reused:
        raise SystemExit(f"this training was done before as v{result.version}: give another --as-of")
    facts = json.loads((result.bundle / "bundle.json").read_text())
    (read, read_cpu), (rest, rest_cpu) = laps
    return {
        "rows": facts["rows"], "cutoffs": len(facts["cutoffs"]), "rounds": facts["rounds"],
        "columns": len(facts["columns"]), "threads": settings().threads,
        "read_s": read, "read_cpu_s": read_cpu, "fit_s": rest, "fit_cpu_s": rest_cpu,
        "peak_mb": peak_mb(), "auc": result.evaluation.metrics["auc"], "passed": result.verdict.passed,
    }


def plain(as_of: date) -> dict[str, Any]:
    """XGBoost alone on the same rows: stopped early on the later slice, then the same rounds on all."""
    import xgboost

    from pipelines.estate import estate
    from pipelines.governance.purpose import leave
    from pipelines.models import spec_of
    from pipelines.settings import settings
    from pipelines.training import frames, stack
    from pipelines.training.cutoffs import divide, matured

    spec = spec_of("churn")
    chosen = dict(spec.parameters)
    rounds, patience = chosen.pop("max_rounds"), chosen.pop("early_stopping_rounds")
    chosen |= {"objective": "binary:logistic", "tree_method": "hist", "seed": spec.seed, "nthread": settings().threads}
    watch = Watch()
    cutoffs = frames.thinned(spec, matured(spec, as_of, estate().training_start))
    whole = stack.read(spec, frames.labels(spec, cutoffs, leave(spec.train_purpose, as_of)))
    read, read_cpu = watch.lap()
    slices = divide(cutoffs, spec)

    def matrix(part: stack.Stack) -> Any:
        return xgboost.DMatrix(part.matrix, label=part.label, feature_names=list(part.columns))

    held_out = [(matrix(whole.of(slices.calibrate)), "held_out")]
    first = xgboost.train(chosen, matrix(whole.of(slices.fit)), num_boost_round=rounds, evals=held_out,
                          early_stopping_rounds=patience, verbose_eval=False)
    best = first.best_iteration + 1
    evaluation, evaluation_cpu = watch.lap()
    del held_out
    xgboost.train(chosen, matrix(whole), num_boost_round=best)
    refit, refit_cpu = watch.lap()
    return {"rows": len(whole), "rounds": best, "read_s": read, "read_cpu_s": read_cpu, "fit_s": evaluation + refit,
            "fit_cpu_s": evaluation_cpu + refit_cpu, "one_s": refit, "one_cpu_s": refit_cpu, "peak_mb": peak_mb()}


def table(found: dict[str, dict[str, Any]]) -> str:
    """Markdown, with the ratio of what comes after reading."""
    told = found["ours"]
    if any(told[name] != found["plain"][name] for name in ("rows", "rounds")):
        raise SystemExit(f"not the same work: {found}")
    lines = [
        f"\n{os.cpu_count()} cores; {told['rows']:,} rows of {told['cutoffs']} cut-offs x {told['columns']} columns, "
        f"{told['rounds']} rounds, {told['threads']} threads; AUC {told['auc']:.4f}, "
        f"gate {'passed' if told['passed'] else 'refused'}\n",
        "| | read the frame s (CPU s) | the rest s (CPU s) | peak MB | load before |",
        "|---|---:|---:|---:|---:|",
    ]
    names = {"ours": "`telco train churn`", "plain": "XGBoost alone"}
    for step, one in found.items():
        lines.append(f"| {names[step]} | {one['read_s']:.1f} ({one['read_cpu_s']:.1f}) | {one['fit_s']:.1f} "
                     f"({one['fit_cpu_s']:.1f}) | {one['peak_mb']:.0f} | {one['load']:.1f} |")
    wall, cpu = (found["ours"][key] / found["plain"][key] for key in ("fit_s", "fit_cpu_s"))
    whole, used = ([found[step][f"read_{unit}"] + found[step][f"fit_{unit}"] for step in ("ours", "plain")]
                   for unit in ("s", "cpu_s"))
    lines.append(f"\nafter reading {wall:.2f} x (CPU {cpu:.2f} x), with reading {whole[0] / whole[1]:.2f} x "
                 f"(CPU {used[0] / used[1]:.2f} x); the plain fit on all rows alone takes "
                 f"{found['plain']['one_s']:.1f} s (CPU {found['plain']['one_cpu_s']:.1f})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
