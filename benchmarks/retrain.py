"""The weekly churn retrain beside plain XGBoost on the same frame, in one run.

    python benchmarks/retrain.py --home /data/bench/300000x225 --as-of 2026-06-14

The home must be bootstrapped to that day (benchmarks/history.py makes such homes). Two processes, one after the other:
the whole `telco train churn` without promotion, its time split at the moment the frame has been read; then XGBoost by
itself on the same rows and columns, with the same parameters and number of rounds and nothing else: no evaluation, no
rivals, no calibration, no intervals, no registry. Wall and CPU seconds and the largest resident memory of each.
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
    found = {step: run(options, step) for step in ("ours", "plain")}
    print(table(found))
    return 0


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
        "columns": len(facts["columns"]), "read_s": read, "read_cpu_s": read_cpu, "fit_s": rest, "fit_cpu_s": rest_cpu,
        "peak_mb": peak_mb(), "auc": result.evaluation.metrics["auc"], "passed": result.verdict.passed,
    }


def plain(as_of: date) -> dict[str, Any]:
    """XGBoost alone on the frame of the newest version trained as of this day."""
    import xgboost

    from pipelines import bundle as bundles
    from pipelines.governance.purpose import leave
    from pipelines.models import spec_of
    from pipelines.settings import settings
    from pipelines.training import frames

    spec = spec_of("churn")
    versions = [json.loads(path.read_text()) for path in settings().models.glob("churn/v*/bundle.json")]
    facts = max((one for one in versions if one["trained_as_of"] == str(as_of)), key=lambda one: int(one["version"]))
    watch = Watch()
    cutoffs = [date.fromisoformat(day) for day in facts["cutoffs"]]
    frame = frames.training_frame(spec, frames.labels(spec, cutoffs, leave(spec.train_purpose, as_of)))
    read, read_cpu = watch.lap()
    matrix = bundles.encode(frame, facts["columns"], facts["categories"])
    label = frame[spec.label_column].to_numpy(dtype="float64")
    chosen = {name: value for name, value in spec.parameters.items()
              if name not in ("max_rounds", "early_stopping_rounds")}
    xgboost.train(
        {**chosen, "objective": "binary:logistic", "tree_method": "hist", "seed": spec.seed,
         "nthread": settings().threads},
        xgboost.DMatrix(matrix, label=label, feature_names=facts["columns"]), num_boost_round=facts["rounds"],
    )
    fit, fit_cpu = watch.lap()
    return {"rows": len(frame), "read_s": read, "read_cpu_s": read_cpu, "fit_s": fit, "fit_cpu_s": fit_cpu,
            "peak_mb": peak_mb()}


def table(found: dict[str, dict[str, Any]]) -> str:
    """Markdown, with the ratio of what comes after reading."""
    told = found["ours"]
    lines = [
        f"\n{os.cpu_count()} cores; {told['rows']:,} rows of {told['cutoffs']} cut-offs x {told['columns']} columns, "
        f"{told['rounds']} rounds; AUC {told['auc']:.4f}, gate {'passed' if told['passed'] else 'refused'}\n",
        "| | read the frame s (CPU s) | the rest s (CPU s) | peak MB | load before |",
        "|---|---:|---:|---:|---:|",
    ]
    names = {"ours": "`telco train churn`", "plain": "XGBoost alone"}
    for step, one in found.items():
        lines.append(f"| {names[step]} | {one['read_s']:.1f} ({one['read_cpu_s']:.1f}) | {one['fit_s']:.1f} "
                     f"({one['fit_cpu_s']:.1f}) | {one['peak_mb']:.0f} | {one['load']:.1f} |")
    wall, cpu = (found["ours"][key] / found["plain"][key] for key in ("fit_s", "fit_cpu_s"))
    whole = [found[step]["read_s"] + found[step]["fit_s"] for step in ("ours", "plain")]
    lines.append(f"\nafter reading {wall:.2f} x (CPU {cpu:.2f} x), with reading {whole[0] / whole[1]:.2f} x")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
