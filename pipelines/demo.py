"""The story behind `make demo`: a simulated operator, the real Airflow, first champions, three nights, a summary."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.cli import show
from pipelines.clock import DAY
from pipelines.estate import estate
from pipelines.governance.crowd import crowds
from pipelines.models import SPECS
from pipelines.progress import Report
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.stack import NIGHTLY, Airflow, Stack

HISTORY_DAYS = 300
NIGHTS = 3
SEED = 7
MODELS = ("churn", "ltv")  # each costs a training and three scored nights; others show as skipped: no champion in force
PATIENCE = 1200.0  # seconds for any one step; loading the history is the longest, some minutes on two cores


def run(*, subscribers: int = 4000, keep: bool = False, report: Report | None = None) -> None:
    """Play the story in this home. A second time it finds everything made, changes no published byte, and ends too.

    Raises UsageError when the home holds another estate, RunFailed with the reason when a DAG run fails.
    """
    from pipelines.simulate import simulate

    signal.signal(signal.SIGTERM, _leave)  # as Ctrl-C does: through `with`, so that Airflow is stopped
    tell = report or show.reporter()
    tell(f"1/5 simulate {subscribers:,} subscribers, {HISTORY_DAYS} days and {NIGHTS} nights")
    made = simulate(subscribers=subscribers, days=HISTORY_DAYS, nights=NIGHTS, seed=SEED, report=tell)
    settings.cache_clear()  # the home has an estate of its own now
    today = made.first_night
    nights = [today + offset * DAY for offset in range(1, NIGHTS + 1)]
    tell("2/5 start Airflow: api-server, dag-processor, triggerer, scheduler")
    stack = Stack(keep=keep, report=tell)
    with stack as airflow:
        load_history(airflow, today, tell)
        train_champions(airflow, today, tell)
        play_nights(airflow, nights, tell)
        url, runs = stack.up.url, stack.up.started and not keep
    summary(nights, f"{url} (stopped; KEEP=1 make demo, or make up, shows it)" if runs else url)


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def load_history(airflow: Airflow, today: date, tell: Report) -> None:
    """bootstrap_history over the day-zero dump: every weekly cut-off up to today."""
    first = estate().training_start
    tell(f"3/5 bootstrap_history: land the dump, publish cut-offs of {first} to {today}")
    conf = {"from": first.isoformat(), "to": today.isoformat(), "initial": True}
    run_id = airflow.trigger("bootstrap_history", conf=conf)
    airflow.wait_run("bootstrap_history", run_id, timeout=PATIENCE, report=tell)


def train_champions(airflow: Airflow, today: date, tell: Report) -> None:
    """Retrain each model of the story once, in the order of MODELS: lifetime value stands on the churn champion."""
    tell(f"4/5 first champions, trained with what was known on {today}")
    for model in MODELS:
        run_id = airflow.trigger(f"retrain_{model}", as_of=today)
        airflow.wait_run(f"retrain_{model}", run_id, timeout=PATIENCE, report=tell)


def play_nights(airflow: Airflow, nights: list[date], tell: Report) -> None:
    """Backfill land_sources; the assets carry each date through the chain. Done when monitor is done for all."""
    tell(f"5/5 backfill land_sources {nights[0]} to {nights[-1]}; the chain follows by itself")
    old = {run["dag_run_id"] for dag_id in NIGHTLY for run in airflow.runs(dag_id)}
    airflow.backfill("land_sources", nights[0], nights[-1], reprocess="completed")
    airflow.wait_partitions(NIGHTLY, nights, timeout=PATIENCE, after=old, report=tell)


def summary(nights: list[date], url: str) -> None:
    """What a person wants to know at the end: champions, rows, reasons, verdicts, and where everything lies."""
    from pipelines import site
    from pipelines.status import status

    front = site.try_write()
    show.table("\nChampions", ["model", "version", "in force from", "what it measured"],
               [(one.model, one.version, one.from_as_of, one.headline) for one in status().champions])
    show.table("\nNights", ["as_of", "model", "version", "rows scored", "inputs"], list(_nights(nights)))
    show.table(f"\nWhy the likeliest tenth may leave, {nights[-1]}", ["theme of the first reason", "subscribers"],
               _reasons(nights[-1]))
    home = settings().home
    show.table("\nWhere", ["what", "place"], [
        *([("look here first", _short(front))] if front else []),
        ("tonight's scores", _short(home / "extracts" / f"as_of={nights[-1]}" / "scores.csv")),
        ("what the door checked", _short(settings().reports / "landing" / "index.html")),
        ("drift reports", _short(settings().reports / "drift")),
        ("model cards", _short(settings().models)),
        ("Airflow", url),
        ("everything", str(home)),
    ])


def _nights(nights: list[date]) -> Iterator[tuple[Any, ...]]:
    for night in nights:
        for model in SPECS:
            for key, entry in Dataset(settings().scores / model, ("as_of", "version")).entries().items():
                if key[0] == night.isoformat():
                    yield night, model, int(key[1]), entry.rows, _verdict(model, night)


def _verdict(model: str, night: date) -> str:
    path = settings().reports / "drift" / model / f"as_of={night}" / "verdict.json"
    if not path.exists():
        return "not watched"
    told = json.loads(path.read_text(encoding="utf-8"))
    return ": ".join([f"{told['cause']}, {told['action']}", *told["reasons"][:1]])


def _reasons(night: date, most: int = 5) -> list[tuple[str, int]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    scores = Dataset(settings().scores / "churn", ("as_of", "version"))
    keys = [entry.key for key, entry in scores.entries().items() if key[0] == night.isoformat()]
    if not keys:
        return []
    table = pq.read_table(scores.live(keys[-1]), columns=["decile", "reason_1_theme"], partitioning=None)
    counted = table.filter(pc.field("decile") == 1).group_by("reason_1_theme").aggregate([("reason_1_theme", "count")])
    return crowds(((str(row["reason_1_theme"]), int(row["reason_1_theme_count"])) for row in counted.to_pylist()), most)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
