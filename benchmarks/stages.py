"""One stage of a night in a process of its own, for night.py; what its parts took as the last line, JSON.

    TELCO_HOME=/data/bench/100000x225 python benchmarks/stages.py --as-of 2026-06-15 --stage score

A part is a function of the project that a stage spends its time in: its wall and CPU seconds, with all threads and
children, over every call. Parts do not lie within each other.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

MODELS = ("churn", "ltv")
PARTS: dict[str, dict[str, tuple[str, ...]]] = {  # stage: part: its functions, as their caller knows them
    "land": {
        "checks": ("pipelines.quality.check_raw", "pipelines.quality.check_drops"),
        "tokens": ("pipelines.landing.raw.tokenised",),
        "page of checks": ("pipelines.quality.document",),
    },
    "features": {"dbt": ("pipelines.warehouse.builder.run",), "publish": ("pipelines.publish.Dataset.publish",)},
    "unify": {"dbt": ("pipelines.warehouse.builder.run",), "publish": ("pipelines.publish.Dataset.publish",)},
    "score": {
        "reasons": ("pipelines.scoring.classifier.contributions", "pipelines.scoring.classifier.check_sum",
                    "pipelines.scoring.classifier.prove", "pipelines.scoring.classifier.strongest",
                    "pipelines.scoring.classifier.told", "pipelines.scoring.value.value_reasons"),
        "publish": ("pipelines.publish.Dataset.publish",),
        "extract": ("pipelines.scoring.extract",),
    },
    "desk": {"materialize": ("pipelines.features.materialize",), "push": ("pipelines.scoring.push",)},
    "monitor": {"drift report": ("pipelines.monitoring.comparison._scores",)},
}


def features(as_of: date) -> None:
    """unify without the labels that mature tonight."""
    from pipelines import models
    from pipelines.progress import silent
    from pipelines.warehouse import Plan, builder, publication
    from pipelines.warehouse.lock import held

    plan = Plan((as_of,), {label: () for label in models.labels()})
    with held():
        builder.build(plan)
        publication.publish(plan, report=silent)


def land(as_of: date) -> None:
    from pipelines import landing

    landing.land(as_of)


def unify(as_of: date) -> None:
    from pipelines import warehouse

    warehouse.unify([as_of])


def score(as_of: date) -> None:
    """Both models, reasons, the extract."""
    from pipelines import scoring

    reading = scoring.Reading(as_of)
    for model in MODELS:
        scoring.score(model, as_of, reading=reading)
    del reading
    scoring.extract(as_of)


def desk(as_of: date) -> None:
    """The online store."""
    from pipelines import features, scoring

    features.materialize(as_of)
    scoring.push(as_of)


def monitor(as_of: date) -> None:
    from pipelines import monitoring

    for model in MODELS:
        monitoring.monitor(model, as_of)


STAGES: dict[str, Callable[[date], None]] = {
    "land": land, "features": features, "unify": unify, "score": score, "desk": desk, "monitor": monitor}


class Watch:
    """Wall and CPU seconds by part: `spent[part]` is a list of both."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def over(self, part: str, name: str) -> None:
        """Watch a function, named as its caller sees it: the attribute of a module or of a class in one."""
        head, attribute = name.rsplit(".", 1)
        owner = _found(head)
        called = getattr(owner, attribute)

        @wraps(called)
        def watched(*words: Any, **named: Any) -> Any:
            began = _now()
            try:
                return called(*words, **named)
            finally:
                for place, (before, after) in enumerate(zip(began, _now(), strict=True)):
                    self.spent[part][place] += after - before

        setattr(owner, attribute, watched)


def _found(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, attribute = name.rsplit(".", 1)
        return getattr(importlib.import_module(module), attribute)


def _now() -> tuple[float, float]:
    spent = os.times()
    return time.perf_counter(), spent.user + spent.system + spent.children_user + spent.children_system


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--stage", choices=tuple(STAGES), required=True)
    options = parser.parse_args(words)
    watch = Watch()
    for part, names in PARTS[options.stage].items():
        for name in names:
            watch.over(part, name)
    STAGES[options.stage](options.as_of)
    print(json.dumps({part: [round(each, 3) for each in spent] for part, spent in watch.spent.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
