"""The gate as an instrument: how often it says yes, and to whom. Prints Markdown tables.

    python benchmarks/gate_oc.py                # all of it; two processes of one thread each
    python benchmarks/gate_oc.py --parts aa,planted --pairs 40 --repetitions 20

Three parts. `aa`: pairs of models fitted by the churn recipe with the same configuration on disjoint halves of the
subscribers of a synthetic operator, one standing as champion, the other a candidate, both judged on later cut-offs of
everybody. `power`: scores whose true AUC is known (binormal), so that truly better and truly worse candidates come by
the point; how alike two models are is taken from the pairs. `planted`: what must be refused, planted in such pairs:
harm to one slice, a leak, miscalibration, slowness, labels that were flipped.

Nothing is read or written; every figure follows from --seed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TELCO_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
from gate_world import COLUMNS, PEOPLE, TEST, Model, case, fitted, halves, operator, spec  # noqa: E402

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.gate import Verdict
    from pipelines.models.spec import ModelSpec

GAINS = (-0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02)
ROWS = (5_000, 20_000, 80_000)
RATE, CHAMPION_AUC, CUTOFFS = 0.05, 0.75, 3
PLANTED = ("nothing", "slice harm", "leak", "overconfident", "counts too high", "slower", "labels flipped", "unknown")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="aa,power,planted", help="which parts, by comma")
    parser.add_argument("--pairs", type=int, default=240, help="A/A pairs of fitted models")
    parser.add_argument("--repetitions", type=int, default=50, help="of every cell of power")
    parser.add_argument("--planted", type=int, default=8, help="pairs each fault is planted in")
    parser.add_argument("--likeness", type=float, default=0.85, help="correlation of two models' scores in `power`")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="every result as a line on stderr")
    parser.add_argument("--seed", type=int, default=20_260)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options, began = arguments(words), time.perf_counter()
    parts = {"aa": aa, "power": power, "planted": planted}
    _imported()  # once, before the processes part: nothing has started a thread yet
    with ProcessPoolExecutor(options.processes, mp_context=get_context("fork")) as pool:
        for name in options.parts.split(","):
            print("\n".join(parts[name](options, pool)), flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s in {options.processes} processes, load {os.getloadavg()[0]:.1f}")
    return 0


def told(options: argparse.Namespace, results: Iterator[Any]) -> list[Any]:
    found = []
    for result in results:
        found.append(result)
        if options.verbose:
            print(result, file=sys.stderr, flush=True)
    return found


def _imported() -> None:
    import scipy.stats  # noqa: F401
    import sklearn.isotonic
    import sklearn.linear_model  # noqa: F401
    import xgboost  # noqa: F401

    from pipelines.training import judgement  # noqa: F401


# --- A/A, one pair ----------------------------------------------------------------------------------------------------


def pair(seed: int) -> dict[str, Any]:
    """One A/A pair: the verdict's checks, the gain, and what rules without an interval would have said."""
    from pipelines.gate import decide

    the, frame = spec(), operator(seed)
    test = frame[frame["cutoff"].isin(TEST)].reset_index(drop=True)
    sides = halves(frame)
    champion, candidate = (fitted(the, side) for side in sides)
    shown = case(the, sides[1], candidate, champion, test)
    compared = shown.champion
    assert compared is not None
    verdict, aged = (decide(one, the.gate) for one in (
        shown, replace(shown, champion=replace(compared, age_days=1000))))
    label = test["is_churned"].to_numpy()
    ours, theirs = (model.bundle.predict(test) for model in (candidate, champion))
    beyond = operator(seed + 1_000_000, people=2 * PEOPLE, cutoffs=TEST[:1])
    truly = [_true_auc(beyond, model) for model in (candidate, champion)]
    return {
        "passed": verdict.passed, "failed": _failed(verdict), "rows": len(test), "positives": int(label.sum()),
        "auc": shown.evaluation.metrics["auc"], "gain": compared.gain, "lower": compared.lower,
        "true_gain": truly[0] - truly[1],
        "f1": _f1(label, ours) >= _f1(label, theirs), "likeness": _likeness(label, ours, theirs),
        "refreshed": aged.passed,
    }


def _true_auc(frame: pd.DataFrame, model: Model) -> float:
    """The expected AUC among other subscribers: every row is a leaver by its hazard and a stayer by the rest of it."""
    from pipelines.gate import metrics

    scores, hazard = model.bundle.predict(frame), frame["hazard"].to_numpy()
    label = np.repeat([1, 0], len(frame))
    return metrics.auc(label, np.tile(scores, 2), np.concatenate([hazard, 1 - hazard]))


def _f1(label: Any, scores: Any) -> float:
    """F1 of calling the likeliest tenth."""
    called = scores >= np.quantile(scores, 0.9)
    return float(2 * (called & label).sum() / (called.sum() + label.sum()))


def _likeness(label: Any, ours: Any, theirs: Any) -> float:
    """Correlation of two models' log-odds among those who stay and those who leave, as the binormal scores have it."""
    odds = [np.log(p) - np.log1p(-p) for p in (np.clip(ours, 1e-9, 1 - 1e-9), np.clip(theirs, 1e-9, 1 - 1e-9))]
    return float(np.mean([np.corrcoef(odds[0][label == side], odds[1][label == side])[0, 1] for side in (0, 1)]))


def _failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


# --- A/A --------------------------------------------------------------------------------------------------------------


def aa(options: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[str]:
    found = told(options, pool.map(pair, range(options.seed, options.seed + options.pairs)))
    count = len(found)
    promoted = [one for one in found if one["passed"]]
    others = sum(bool(set(one["failed"]) - {"champion"}) for one in found)
    mean = {name: float(np.mean([one[name] for one in found])) for name in ("rows", "positives", "auc", "likeness")}
    yield (f"## Same configuration, disjoint halves: {count} pairs\n\n{mean['rows']:.0f} judged rows of {PEOPLE} "
           f"subscribers, {mean['positives']:.0f} leavers, AUC {mean['auc']:.3f}; the two models' scores correlate by "
           f"{mean['likeness']:.2f}; the true gain of the candidate has a standard deviation of "
           f"{np.std([one['true_gain'] for one in found]):.4f}.\n")
    yield "| rule | promoted | 95 % interval |"
    yield "|---|---:|---|"
    yield _share("the gate", len(promoted), count)
    yield _share("... of them truly worse or equal", sum(one["true_gain"] <= 0 for one in promoted), count)
    yield _share("the comparison alone", sum("champion" not in one["failed"] for one in found), count)
    yield _share("the gate, champion past its age (*refresh*)", sum(one["refreshed"] for one in found), count)
    yield _share("an interval, but its bound above 0 only", sum(one["lower"] > 0 for one in found), count)
    yield _share("AUC >= champion's", sum(one["gain"] >= 0 for one in found), count)
    yield _share("F1 of the likeliest tenth >= champion's", sum(one["f1"] for one in found), count)
    yield _share("refused by any check but the comparison", others, count)
    names = sorted({name for one in found for name in one["failed"]})
    by = ", ".join(f"{name} {sum(name in one['failed'] for one in found)}" for name in names)
    yield f"\nRefusals by check: {by}.\n"


def _share(what: str, hits: int, count: int) -> str:
    low, high = clopper_pearson(hits, count)
    return f"| {what} | {hits} of {count}, {hits / count:.1%} | {low:.1%} to {high:.1%} |"


def clopper_pearson(hits: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson (1934), two-sided."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, count - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(1 - tail, hits + 1, count - hits)) if hits < count else 1.0


# --- power and refresh ----------------------------------------------------------------------------------------------


def power(options: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[str]:
    tasks = [(rows, options.likeness, [options.seed, place, number])
             for place, rows in enumerate(ROWS) for number in range(options.repetitions)]
    found = told(options, pool.map(_bounds, tasks))
    of = {rows: [bounds for task, bounds in zip(tasks, found, strict=True) if task[0] == rows] for rows in ROWS}
    lower = {(gain, rows): np.array([bounds[gain] for bounds in of[rows]]) for gain in GAINS for rows in ROWS}
    gate, count = spec().gate, options.repetitions
    yield (f"## Scores of known AUC: {count} repetitions\n\nChampion {CHAMPION_AUC}, scores correlate by "
           f"{options.likeness:g}, {RATE:.0%} leavers, {CUTOFFS} rows a subscriber.\n")
    kinds: tuple[tuple[str, Sequence[float], Callable[[float], bool]], ...] = (
        ("promoted as *better*, by the true gain in AUC points", [gain for gain in GAINS if gain >= 0],
         lambda bound: bound > gate.superiority),
        (f"let through as *refresh* (margin {gate.non_inferiority:g})", GAINS,
         lambda bound: bound >= -gate.non_inferiority),
    )
    for title, gains, passes in kinds:
        yield f"| rows (leavers) {title} | " + " | ".join(f"{100 * gain:+g}" for gain in gains) + " |"
        yield "|---|" + "---:|" * len(gains)
        for rows in ROWS:
            shares = (float(np.mean([passes(bound) for bound in lower[gain, rows]])) for gain in gains)
            yield f"| {rows:,} ({rows * RATE:,.0f}) | " + " | ".join(f"{share:.1%}" for share in shares) + " |"
        yield ""


def _bounds(task: tuple[int, float, list[int]]) -> dict[float, float]:
    """Gain -> the lower bound of it, of one champion and a candidate of every gain, on the same rows and resamples."""
    from pipelines.gate.bootstrap import auc_of, paired_gain, resamples

    rows, likeness, seed = task
    the, random = spec(), np.random.default_rng(seed)
    subscriber = np.arange(rows) // CUTOFFS
    label = (random.random(rows) < RATE).astype(np.float64)
    shared, own = random.normal(size=rows), random.normal(size=rows)
    theirs = shared + label * distance(CHAMPION_AUC)
    ours = {gain: likeness * shared + np.sqrt(1 - likeness**2) * own + label * distance(CHAMPION_AUC + gain)
            for gain in GAINS}
    stood, measures = auc_of(label, theirs), {gain: auc_of(label, scores) for gain, scores in ours.items()}
    drawn: dict[float, list[float]] = {gain: [] for gain in GAINS}
    for weight in resamples(subscriber, rounds=the.gate.bootstrap_rounds, seed=the.seed):
        before = stood(weight)
        for gain, measure in measures.items():
            drawn[gain].append(measure(weight) - before)
    found = {gain: float(np.quantile(draws, 1 - the.gate.confidence)) for gain, draws in drawn.items()}
    if seed[-1] == 0:  # what the gate itself calls gives the very same
        assert found[GAINS[0]] == paired_gain(
            "auc", label, ours[GAINS[0]], theirs, subscriber, rounds=the.gate.bootstrap_rounds,
            confidence=the.gate.confidence, seed=the.seed)[1]
    return found


def distance(auc: float) -> float:
    """How far apart two normal scores of spread 1 lie whose AUC is so much (Hanley and McNeil 1982)."""
    from scipy.stats import norm

    return float(np.sqrt(2) * norm.ppf(auc))


# --- what must be refused -------------------------------------------------------------------------------------------


def planted(options: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[str]:
    tasks = [(what, options.seed + 5_000 + number) for what in PLANTED for number in range(options.planted)]
    found = told(options, pool.map(_planted, tasks))
    yield (f"## Planted: {options.planted} pairs each\n\nThe candidate knows two features more than the champion and "
           "is truly better; into it is planted:\n")
    yield "| planted | refused | by the check meant for it | checks that refused |"
    yield "|---|---:|---:|---|"
    for what in PLANTED:
        mine = [one for task, one in zip(tasks, found, strict=True) if task[0] == what]
        meant = sum(any(name.startswith(MEANT[what]) for name in one) for one in mine) if MEANT[what] else 0
        names = sorted({name for one in mine for name in one})
        by = ", ".join(f"{name} {sum(name in one for one in mine)}" for name in names)
        yield f"| {what} | {sum(map(bool, mine))} of {len(mine)} | {meant if MEANT[what] else '-'} | {by or '-'} |"
    yield ""


MEANT = {
    "nothing": "", "slice harm": "slices", "leak": "leakage", "overconfident": "calibration",
    "counts too high": "calibration", "slower": "speed", "labels flipped": "label_rate", "unknown": "finite",
}


def _planted(task: tuple[str, int]) -> list[str]:
    """Names of the checks that refused a better candidate with one fault."""
    from pipelines.gate import decide

    what, seed = task
    the, frame = spec(), operator(seed)
    if what == "leak":
        random = np.random.default_rng(seed)
        frame["told"] = np.where(frame["is_churned"], 1.0, 0.0) + random.normal(0, 0.4, len(frame))
    columns = [*COLUMNS, "told"] if what == "leak" else list(COLUMNS)
    test = frame[frame["cutoff"].isin(TEST)].reset_index(drop=True)
    champion = fitted(the, frame, [name for name in COLUMNS if name not in ("x0", "contract_type")])
    learned = _flipped(frame, seed) if what == "labels flipped" else frame
    candidate = _slowed(the, frame, columns) if what == "slower" else fitted(the, learned, columns)
    change = _changed(what, test, seed)
    shown = case(the, learned, candidate, champion, test, change=change)
    return _failed(decide(shown, the.gate))


def _changed(what: str, test: pd.DataFrame, seed: int) -> Callable[[Any], Any]:
    """What the fault does to the candidate's probabilities of the judged rows."""
    random = np.random.default_rng(seed)

    def logits(p: Any, scale: float, shift: float) -> Any:
        odds = np.log(p) - np.log1p(-p)
        return 1 / (1 + np.exp(-(scale * (odds - odds.mean()) + odds.mean() + shift)))

    def shuffled(p: Any) -> Any:
        mine = (test["segment"] == "business").to_numpy()
        p[mine] = random.permutation(p[mine])
        return p

    def unknown(p: Any) -> Any:
        p[random.integers(len(p))] = np.nan
        return p

    faults = {"slice harm": shuffled, "overconfident": lambda p: logits(p, 2.0, 0.0), "unknown": unknown,
              "counts too high": lambda p: logits(p, 1.0, np.log(1.8))}
    return faults.get(what, lambda p: p)


def _flipped(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A twentieth of the labels the candidate learns from, turned round."""
    turned = np.random.default_rng(seed).random(len(frame)) < 0.05
    return frame.assign(is_churned=frame["is_churned"].to_numpy() ^ turned)


def _slowed(the: ModelSpec, frame: pd.DataFrame, columns: Sequence[str]) -> Model:
    """The same model whose trees are asked thirty times over: what a careless parameter would cost."""
    model = fitted(the, frame, columns)

    class Slow(type(model.bundle)):  # type: ignore[misc]
        def predict(self, rows: pd.DataFrame) -> Any:
            for _ in range(29):
                super().predict(rows)
            return super().predict(rows)

    slow = Slow(model.bundle.directory, "", model.bundle.facts, model.bundle.booster)
    return replace(model, bundle=slow)


if __name__ == "__main__":
    sys.exit(main())
