"""What monitoring makes of planted scenarios and of quiet nights: days to detection, verdict, action, false alarms.

    python benchmarks/drift_scenarios.py                                    # all, at 20,000 subscribers
    python benchmarks/drift_scenarios.py steady competitor --subscribers 3000
    python benchmarks/drift_scenarios.py --out drift.jsonl                  # one line per scenario as it is done

For each scenario, in one process: simulates a house with a day-zero dump and daily drops after it, lands everything,
publishes the weekly cut-offs and the watched nights in one dbt build, trains the champions before the plant, then
scores and monitors night after night. The plant is laid PLANTED nights after the champions' training. Nothing is
retrained: an asked retrain is counted, and its cool-down holds. `seasonal_known` is `seasonal` with the same season a
year before in the history. Prints one Markdown table.

Watched are every other night before the plant, each of the DENSE nights after it, then every fourth; of `steady` every
--every-th of --quiet nights. Nights count from the first drop that holds the plant: 0 is the same night. Evidently's
numbers are asked for without its Report (`measure_quickly`, the same functions): drawing takes most of a night's time.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SCENARIOS = ("steady", "broken_feed", "competitor", "price_rise", "merger", "vendor_swap", "seasonal", "seasonal_known")
MODELS = ("churn", "ltv")
HISTORY = 90 + 7 * 23      # days before the first night, a whole number of weeks after the first cut-off
YEAR = 364
PLANTED, DENSE, NIGHTS = 6, 8, 20
MATURE = 44                # nights of `competitor`: until labels of the changed law are known
LASTS = {"broken_feed": 3, "seasonal": 90, "seasonal_known": 90}
SAME_ALARM_NIGHTS = 7      # alarms of one cause this close together are one


@dataclass
class Watched:
    """One model through the nights of one scenario. Night numbers count from the first drop that holds the plant."""

    scenario: str
    model: str
    subscribers: int
    nights: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    draw_nothing()
    print(HEAD, flush=True)
    quiet = []
    for name in options.scenarios or SCENARIOS:
        with tempfile.TemporaryDirectory() as place:
            for watched in played(name, options.homes or Path(place), options):
                print(row(watched), flush=True)
                if options.out:
                    with options.out.open("a", encoding="utf-8") as out:
                        out.write(json.dumps(asdict(watched), default=str) + "\n")
                if name == "steady":
                    quiet.append(f"{watched.model}: {len(episodes(watched.nights))} false alarms in {options.quiet} "
                                 f"quiet nights, {len(watched.nights)} of them watched")
    print("", *quiet, machine(), sep="\n")
    return 0


def arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", help=f"any of {', '.join(SCENARIOS)} (default: all)")
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument("--models", default=",".join(MODELS), help="watch these, comma separated (default: both)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quiet", type=int, default=90, help="nights of `steady` (default: 90)")
    parser.add_argument("--every", type=int, default=1, help="watch every so many-th night of `steady` (default: 1)")
    parser.add_argument("--out", type=Path, help="file that gets a JSON line per scenario and model")
    parser.add_argument("--homes", type=Path, help="folder for the homes, kept; one that is built is taken as it is")
    return parser.parse_args(words)


def played(name: str, home: Path, options: argparse.Namespace) -> list[Watched]:
    """One scenario in a home of its own."""
    from pipelines.settings import settings

    started = time.monotonic()
    os.environ["TELCO_HOME"] = str(home / f"{name}-{options.subscribers}")
    for variable in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
        os.environ.pop(variable, None)
    settings.cache_clear()
    nights = {"steady": options.quiet, "competitor": MATURE}.get(name, NIGHTS)
    offsets = [off for off in range(1, nights + 1) if is_watched(name, off, options.every)]
    first = built(name, nights, offsets, options)
    tell(f"{name}: ready in {time.monotonic() - started:.0f} s, {len(offsets)} nights to watch")
    found = [Watched(name, model, options.subscribers) for model in options.models.split(",")]
    for off in offsets:
        for each in found:
            began = time.monotonic()
            each.nights.append(watched_night(each.model, first + timedelta(days=off), off - PLANTED - 1))
            each.seconds += time.monotonic() - began
    return found


def draw_nothing() -> None:
    """Evidently's numbers without its page."""
    from pipelines.monitoring import comparison

    def measure(reference: Any, current: Any, columns: Any, report_path: Any = None, categories: Any = None) -> Any:
        return comparison.measure_quickly(reference, current, columns, categories)

    comparison.measure = measure


def is_watched(name: str, off: int, every: int) -> bool:
    if name == "steady":
        return off % every == 0
    if off <= PLANTED:
        return off % 2 == 0
    return off <= PLANTED + DENSE or off % 4 == 0


def built(name: str, nights: int, offsets: list[int], options: argparse.Namespace) -> date:
    """Simulate, land, publish, train; returns the as_of the champions are trained at."""
    from pipelines import features, night, promotion, training, warehouse
    from pipelines.clock import parse_day
    from pipelines.estate import estate
    from pipelines.settings import settings
    from pipelines.simulate import simulate

    done = settings().home / "built"
    if done.exists():
        return parse_day(done.read_text())
    lap = laps(name)
    history = HISTORY + YEAR if name == "seasonal_known" else HISTORY
    made = simulate(options.subscribers, history, nights, options.seed, scenario=scenario(name, history))
    settings.cache_clear()
    first, last = made.first_night, made.first_night + timedelta(days=nights)
    lap("simulated")
    night.land_history(last, initial=True)
    lap("landed")
    watched = [first + timedelta(days=off) for off in offsets]
    told = sorted({*night.grid(estate().training_start, first), first, *watched})
    warehouse.unify(told, nights=watched)
    features.materialize(last)
    lap(f"{len(told)} as_ofs built and published")
    for model in MODELS if "ltv" in options.models else MODELS[:1]:  # a lifetime value stands on a churn champion
        result = training.train(model, first, by="bench")
        if not result.verdict.passed:
            raise SystemExit(f"{name}: {model} was refused by the gate: {'; '.join(result.verdict.reasons)}")
        promotion.promote(model, first)
    lap("trained")
    done.write_text(first.isoformat())
    return first


def scenario(name: str, history: int) -> Any:
    """The shipped scenario with its plant moved to PLANTED days after the end of history."""
    from pipelines.simulate.scenario import load

    shipped = load(name.removesuffix("_known"))
    if not shipped.plant:
        return shipped
    (plant,) = shipped.plant
    starts = [history + PLANTED - YEAR, history + PLANTED] if name == "seasonal_known" else [history + PLANTED]
    moved = tuple(plant.model_copy(update={"at": at} | ({"until": at + LASTS[name]} if name in LASTS else {}))
                  for at in starts)
    return shipped.model_copy(update={"plant": moved})


def watched_night(model: str, as_of: date, number: int) -> dict[str, Any]:
    """Score and monitor one night. Scores that are held for their jump are told; the night is watched all the same."""
    from pipelines import monitoring, scoring
    from pipelines.errors import Held

    jumped = ""
    try:
        scoring.score(model, as_of)
    except Held as held:
        jumped = "; ".join(held.reasons)
    verdict = monitoring.monitor(model, as_of)
    return {"night": number, "as_of": str(as_of), "cause": str(verdict.cause), "action": str(verdict.action),
            "reasons": list(verdict.reasons[:8]), "scores_held": jumped, "measures": len(verdict.measures)}


HEAD = ("| scenario | model | first told, nights after the plant | verdict then | action | verdicts after it, nights | "
        "retrains asked | false alarms | s |\n|---|---|---:|---|---|---|---:|---:|---:|")


def row(watched: Watched) -> str:
    """One line of the table; a false alarm is one before the plant, or any of `steady`."""
    is_quiet = watched.scenario == "steady"
    after = [] if is_quiet else [night for night in watched.nights if night["night"] >= 0]
    before = watched.nights if is_quiet else [night for night in watched.nights if night["night"] < 0]
    first = next((night for night in after if is_alarm(night)), {"night": "-", "cause": "-", "action": "-"})
    told = Counter(night["cause"] for night in (watched.nights if is_quiet else after))
    asked = sum(night["action"] == "retrain" for night in watched.nights)
    verdicts = ", ".join(f"{cause} {count}" for cause, count in told.most_common())
    return (f"| {watched.scenario} | {watched.model} | {first['night']} | {first['cause']} | {first['action']} "
            f"| {verdicts} | {asked} | {len(episodes(before))} | {watched.seconds:.0f} |")


def is_alarm(night: dict[str, Any]) -> bool:
    return night["cause"] not in ("quiet", "unknown")


def episodes(nights: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alarms as a person hears them: a cause that comes back within SAME_ALARM_NIGHTS is the same alarm."""
    heard: list[dict[str, Any]] = []
    last: dict[str, int] = {}
    for night in nights:
        if is_alarm(night):
            if night["night"] - last.get(night["cause"], -10**6) > SAME_ALARM_NIGHTS:
                heard.append(night)
            last[night["cause"]] = night["night"]
    return heard


def laps(name: str) -> Any:
    started = time.monotonic()

    def lap(what: str) -> None:
        nonlocal started
        tell(f"{name}: {what}, {time.monotonic() - started:.0f} s")
        started = time.monotonic()

    return lap


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, load {os.getloadavg()[0]:.1f} at the end"


if __name__ == "__main__":
    sys.exit(main())
