"""Where to look further: only what exists, by links that work from disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipelines.settings import settings
from pipelines.site.models import Model, link
from pipelines.site.nights import Night


@dataclass(frozen=True)
class Door:
    title: str
    href: str
    leads_to: str


def doors(nights: list[Night], models: list[Model]) -> list[Door]:
    """Lists for people first, then what was checked and watched, then the tools with a server of their own."""
    found = [*_lists(nights), *_reports(models), *_servers()]
    return [door for door in found if door.href]


def _lists(nights: list[Night]) -> list[Door]:
    for night in reversed(nights):
        folder = settings().extracts / f"as_of={night.seen.as_of}"
        if (folder / "scores.csv").exists():
            told = f"everyone scored on {night.seen.as_of}, with reasons in words"
            return [Door("Nightly extract, CSV", link(folder / "scores.csv"), told),
                    Door("Nightly extract, Parquet", link(folder / "scores.parquet"), told)]
    return []


def _reports(models: list[Model]) -> list[Door]:
    reports = settings().reports
    found = [Door("Checks at the door", link(reports / "landing" / "index.html"),
                  "every expectation on every file of every night")]
    for model in models:
        found.append(Door(f"Drift of {model.name}, over time", model.trend, "every measure with its bound"))
        newest = next((one for one in reversed(model.watched) if one.report), None)
        if newest:
            found.append(Door(f"Evidently on {model.name}", newest.report,
                              f"the inputs of {newest.as_of} against the training sample"))
        if model.champion:
            found.append(Door(f"Model card of {model.name} v{model.champion.version}", model.champion.card,
                              "what it is for, how it was judged, where it fails"))
    found.append(Door("dbt docs", link(settings().warehouse / "dbt" / "index.html"),
                      "every model, column and test of the warehouse"))
    return found


def _servers() -> list[Door]:
    """Airflow where this home's stack has its ports, MLflow where the registry is a server; never a password."""
    found = []
    try:
        port = int(json.loads((settings().airflow / "ports.json").read_text(encoding="utf-8"))["api"])
        found.append(Door("Airflow", f"http://127.0.0.1:{port}", "runs, logs, backfills; telco up says who may enter"))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    parts = urlsplit(settings().mlflow_uri)
    if parts.scheme in ("http", "https") and parts.hostname:
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        found.append(Door("MLflow", where, "every training with its parameters, figures and files"))
    return found
