"""The weekly retrains beside plain XGBoost on the same frames, in one run.

    python benchmarks/retrain.py --subscribers 1000000 --cutoffs 6                 # a home in a temporary folder
    python benchmarks/retrain.py --subscribers 1000000 --home /data/1000000x225    # kept, or taken up again
    python benchmarks/retrain.py --home /data/300000x225 --models churn --days 225 # any home bootstrapped to that day
    python benchmarks/retrain.py --home /data/1000000x225 --models ltv --published --champions /data/300000x225

A home is made as benchmarks/house.py makes them: a house of `steady`, its days in one dump, bootstrapped to its last
day, as of which it is trained. What is published there already is taken as it is, and nothing of it changes: every
training writes its versions, registry and ledger in a temporary folder of its own. Processes one after the other: the
whole `telco train MODEL` without promotion, its time split where the rows have been read; then XGBoost by itself on
the same rows and columns with the same parameters, and nothing else: no rivals, no calibration, no intervals, no
registry. It makes the two fits a recipe needs, one stopped early on rows it does not see and one of as many rounds on
all rows: of churn on the older slice and the later one, of a lifetime value on the person-periods of its hazard.

`--published` trains on the matured cut-offs that the home has published, where it was not bootstrapped for every week.
`--cutoffs` thins the matured cut-offs of churn to so many, evenly spread; a lifetime value draws its rows as its spec
says. TELCO_MEMORY_LIMIT is 12GB here unless it is set. Wall and CPU seconds of each process with its children, and the
largest resident memory of its tree, looked at five times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from costs import Cost, watched  # noqa: E402
from house import START, machine, made, published  # noqa: E402

if TYPE_CHECKING:
    from pipelines.models.spec import ModelSpec

READS = ("estate.toml", "raw", "features", "labels", "secrets", "tombstones")  # what a training reads of a home
STEPS = ("ours", "plain")
Figures = dict[str, Any]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=5000, help="of a home that is made (default: 5000)")
    parser.add_argument("--days", type=int, default=225, help="days of its history (default: 225)")
    parser.add_argument("--cutoffs", type=int, default=6, help="churn is trained on (default: 6)")
    parser.add_argument("--models", default="churn,ltv", help="trained in this order (default: churn,ltv)")
    parser.add_argument("--home", type=Path, help="the home, kept; by default a temporary one, deleted")
    parser.add_argument("--as-of", type=date.fromisoformat, help="the day trained as of (default: the home's last)")
    parser.add_argument("--published", action="store_true", help="cut-offs that are published (default: every week)")
    parser.add_argument("--champions", type=Path, help="a home whose churn a lifetime value stands on, where none is "
                        "trained here: a model knows columns and no subscribers, so what it costs is the same")
    parser.add_argument("--step", choices=(*STEPS, "ready", "promote"), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    options.as_of = options.as_of or START + timedelta(days=options.days)
    return options


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    os.environ.setdefault("TELCO_MEMORY_LIMIT", "12GB")
    if options.step:
        if options.published:
            patch("pipelines.training.cutoffs.matured", published_of).start()
        step = {"ready": ready, "promote": promote, "ours": ours, "plain": plain}[options.step]
        print(json.dumps(step(options.models, options.as_of, options.cutoffs)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        home = options.home or Path(place) / "home"
        if not published(home, options.as_of):
            made(home, options.subscribers, options.days, 0)
        desk = Path(place) / "desk"
        desk.mkdir()
        for name in READS:
            if (home / name).exists():
                (desk / name).symlink_to((home / name).resolve())
        if options.champions is not None:
            shutil.copytree(options.champions / "models/churn", desk / "models/churn")
            (desk / "champions").mkdir()
            shutil.copy(options.champions / "champions/churn.jsonl", desk / "champions")
        for line in told(options, desk):
            print(line, flush=True)
    return 0


def told(options: argparse.Namespace, desk: Path) -> Iterator[str]:
    """Markdown: the machine, the table, and under it what each model's rows were."""
    yield f"{machine()}; TELCO_MEMORY_LIMIT {os.environ['TELCO_MEMORY_LIMIT']}\n"
    yield "| model | | read the rows: wall s (CPU s) | the rest: wall s (CPU s) | peak MB | bytes a row | load before |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    run(options, desk, "churn", "ready")
    below = []
    for model in options.models.split(","):
        found = {step: run(options, desk, model, step) for step in STEPS}
        if found["ours"]["rows"] != found["plain"]["rows"]:
            raise SystemExit(f"not the same work: {found}")
        yield from (row(model, step, one) for step, one in found.items())
        below.append(ratios(model, **found))
        if model == "churn":
            run(options, desk, model, "promote")
    yield from below


def run(options: argparse.Namespace, desk: Path, model: str, step: str) -> Figures:
    """One process in the desk's home; its last line is its figures."""
    load = os.getloadavg()[0]
    words = [__file__, "--models", model, "--as-of", str(options.as_of), "--cutoffs", str(options.cutoffs)]
    cost: Cost = watched([*words, *["--published"] * options.published, "--step", step], desk, f"{model} {step}")
    print(f"{model} {step}: {cost.wall_s:.1f} s, CPU {cost.cpu_s:.1f} s, {cost.peak_mb:.0f} MB", file=sys.stderr,
          flush=True)
    return {**json.loads(cost.said.splitlines()[-1]), "peak_mb": cost.peak_mb, "load": load}


class Laps:
    """Wall and CPU seconds of this process and its children since the lap before."""

    def __init__(self) -> None:
        self._last = self._now()

    def _now(self) -> tuple[float, float]:
        spent = os.times()
        return time.perf_counter(), spent.user + spent.system + spent.children_user + spent.children_system

    def lap(self, name: str) -> dict[str, float]:
        before, self._last = self._last, self._now()
        return {f"{name}_s": self._last[0] - before[0], f"{name}_cpu_s": self._last[1] - before[1]}


def ready(model: str, as_of: date, cutoffs: int) -> Figures:
    """Make the registry's tables and Feast's, as a running home has them, so that nobody's time is theirs."""
    from pipelines import features, tracking

    features.apply()
    tracking.versions(f"telco_{model}")
    return {}


def promote(model: str, as_of: date, cutoffs: int) -> Figures:
    """The version into force, for the model that stands on it."""
    from pipelines import champions, promotion

    with patch("pipelines.training.spec_of", lambda name: asked(name, as_of, cutoffs)):
        promotion.promote(model, as_of)
    if champions.in_force(model, as_of) is None:
        print(f"{model}: the gate refused it", file=sys.stderr)
    return {}


def published_of(spec: ModelSpec, as_of: date, training_start: date) -> tuple[date, ...]:
    """The cut-offs matured at as_of that have features and labels, oldest first."""
    from pipelines.publish import Dataset
    from pipelines.settings import settings

    found = [{key[0] for key in Dataset(folder, ("as_of",)).entries()}
             for folder in (settings().labels / spec.label, settings().features / "ftr_subscriber_billing")]
    days = sorted(map(date.fromisoformat, set.intersection(*found)))
    return tuple(day for day in days if spec.known_on(day) <= as_of)


def asked(model: str, as_of: date, cutoffs: int) -> ModelSpec:
    """The model's spec; of a classifier with room for so many of its matured cut-offs and no more."""
    from pipelines.estate import estate
    from pipelines.models import spec_of
    from pipelines.models.spec import Kind
    from pipelines.publish import Dataset
    from pipelines.settings import settings
    from pipelines.training.cutoffs import matured

    spec = spec_of(model)
    if spec.kind is Kind.FORMULA:
        return spec
    entries = Dataset(settings().labels / spec.label, ("as_of",)).entries()
    rows = [entries[(day.isoformat(),)].rows for day in matured(spec, as_of, estate().training_start)]
    return replace(spec, split=replace(spec.split, max_rows=cutoffs * max(rows)))


def ours(model: str, as_of: date, cutoffs: int) -> Figures:
    """The training as the command does it; `read` ends when the recipe begins and says how many rows it has."""
    from pipelines import training

    laps = Laps()
    spent: Figures = {}

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        if begun := re.match(r"train \w+: (\d+) rows of (\d+) cut-offs, ", line):
            spent.update(laps.lap("read"), rows=int(begun[1]), cutoffs=int(begun[2]))

    with patch("pipelines.training.spec_of", lambda name: asked(name, as_of, cutoffs)):
        result = training.train(model, as_of, report=report)
    facts = json.loads((result.bundle / "bundle.json").read_text())
    metric = "auc" if "auc" in result.evaluation.metrics else "rmse"
    return {
        **spent, **laps.lap("fit"), "rounds": facts["rounds"], "columns": len(facts["columns"]),
        "judged": f"{result.evaluation.design.replace('_', ' ')}, {metric.upper()} "
                  f"{result.evaluation.metrics[metric]:.4f}, gate {'passed' if result.verdict.passed else 'refused'}",
    }


def plain(model: str, as_of: date, cutoffs: int) -> Figures:
    """XGBoost alone on the same rows."""
    from pipelines.models.spec import Kind

    spec = asked(model, as_of, cutoffs)
    return (plain_value if spec.kind is Kind.FORMULA else plain_churn)(spec, as_of)


def plain_churn(spec: ModelSpec, as_of: date) -> Figures:
    """Stopped early on the later slice, then the same rounds on all rows."""
    from pipelines.estate import estate
    from pipelines.governance.purpose import leave
    from pipelines.training import frames, stack
    from pipelines.training.cutoffs import divide, matured

    laps = Laps()
    cutoffs = frames.thinned(spec, matured(spec, as_of, estate().training_start))
    whole = stack.read(spec, frames.labels(spec, cutoffs, leave(spec.train_purpose, as_of)))
    spent = laps.lap("read")
    slices = divide(cutoffs, spec)
    if slices.design != "out_of_time":
        raise SystemExit(f"{slices.why}: what the recipe fits then is not what is timed here; give more --days")
    fit, held_out = (whole.of(part) for part in (slices.fit, slices.calibrate))
    made = two_fits(spec, spec.parameters, ((fit.matrix, fit.label), (held_out.matrix, held_out.label),
                                            (whole.matrix, whole.label)), whole.columns)
    return {**spent, **laps.lap("fit"), **made, "rows": len(whole)}


def plain_value(spec: ModelSpec, as_of: date) -> Figures:
    """The hazard of later months on its person-periods: stopped early on a fold of the subscribers, then on all."""
    import numpy as np

    from pipelines import bundle as bundles
    from pipelines import features, valuation
    from pipelines.governance.purpose import leave
    from pipelines.progress import silent
    from pipelines.training import value
    from pipelines.training.folds import folds
    from pipelines.training.value import periods

    laps, chosen = Laps(), spec.parameters
    may = leave(spec.train_purpose, as_of)
    history = value.read(spec, value.pinned(spec, as_of), may, silent).history
    spent = laps.lap("read")
    columns = features.feature_columns(spec.feature_service)
    matrix = np.asarray(bundles.encode(history.frame, columns, bundles.learn_categories(history.frame, columns)))
    shown = periods.longest(history, chosen["months"])
    found = periods.person_periods(history, range(2, shown + 1), most=chosen["person_periods"], seed=spec.seed)
    rows = valuation.with_month(matrix[found.origin], found.month.astype(np.float32))
    label = history.left[found.outcome]
    out = folds(history.frame["subscriber_id"].to_numpy(dtype=object), chosen["folds"], "value")[found.origin] == 0
    made = two_fits(spec, chosen["hazard"], ((rows[~out], label[~out]), (rows[out], label[out]), (rows, label)),
                    [*columns, valuation.MONTH])
    return {**spent, **laps.lap("fit"), **made, "rows": len(history.frame)}


def two_fits(spec: ModelSpec, parameters: Any, parts: Any, columns: Any) -> Figures:
    """One fit on the first part, stopped early on the second, then one of as many rounds on the third.

    A part is (matrix, label).
    """
    import xgboost

    from pipelines.settings import settings

    chosen = dict(parameters)
    rounds, patience = chosen.pop("max_rounds"), chosen.pop("early_stopping_rounds")
    chosen |= {"objective": "binary:logistic", "tree_method": "hist", "seed": spec.seed, "nthread": settings().threads}

    def matrix(part: Any) -> Any:
        return xgboost.DMatrix(part[0], label=part[1], feature_names=list(columns))

    fit, held_out, whole = parts
    first = xgboost.train(chosen, matrix(fit), num_boost_round=rounds, evals=[(matrix(held_out), "held_out")],
                          early_stopping_rounds=patience, verbose_eval=False)
    best = first.best_iteration + 1
    del first
    laps = Laps()
    xgboost.train(chosen, matrix(whole), num_boost_round=best)
    one = laps.lap("one")
    return {"rounds": best, **one}


def row(model: str, step: str, one: Figures) -> str:
    """A Markdown line; bytes a row are the whole peak, interpreter and libraries in it, over the rows."""
    name = f"`telco train {model}`" if step == "ours" else "XGBoost alone, two fits"
    return (f"| {model} | {name} | {one['read_s']:.1f} ({one['read_cpu_s']:.1f}) | {one['fit_s']:.1f} "
            f"({one['fit_cpu_s']:.1f}) | {one['peak_mb']:,.0f} | {one['peak_mb'] * 2**20 / one['rows']:,.0f} "
            f"| {one['load']:.1f} |")


def ratios(model: str, ours: Figures, plain: Figures) -> str:
    """What the rows were, and ours over plain: after reading, and with it."""
    whole, used = ([one[f"read_{unit}"] + one[f"fit_{unit}"] for one in (ours, plain)] for unit in ("s", "cpu_s"))
    return (
        f"\n{model}: {ours['rows']:,} rows of {ours['cutoffs']} cut-offs x {ours['columns']} columns, {ours['rounds']} "
        f"rounds (plain {plain['rounds']}); {ours['judged']}. After reading {ours['fit_s'] / plain['fit_s']:.2f} x "
        f"plain (CPU {ours['fit_cpu_s'] / plain['fit_cpu_s']:.2f} x), with reading {whole[0] / whole[1]:.2f} x (CPU "
        f"{used[0] / used[1]:.2f} x). The plain fit on all rows alone: {plain['one_s']:.1f} s "
        f"(CPU {plain['one_cpu_s']:.1f})."
    )


if __name__ == "__main__":
    sys.exit(main())
