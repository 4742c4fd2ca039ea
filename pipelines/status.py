"""Where a home stands, read from manifests, the champion log and verdict files; nothing is opened or computed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.clock import DAY, parse_day
from pipelines.estate import estate
from pipelines.governance import audit
from pipelines.publish import Dataset
from pipelines.settings import settings


@dataclass(frozen=True)
class Stand:
    """One feed or dataset: committed partitions, the newest key, rows in all (feeds) or in the newest (datasets)."""

    name: str
    partitions: int
    newest: str | None
    rows: int


@dataclass(frozen=True)
class ChampionStand:
    model: str
    version: int
    from_as_of: str
    trained_as_of: str
    headline: str


@dataclass(frozen=True)
class FlaggedNight:
    """The newest scored night of a model that was not scored as it should be, and what is wrong in words."""

    model: str
    as_of: str
    flag: str


@dataclass(frozen=True)
class VerdictStand:
    model: str
    as_of: str
    status: str
    reason: str


@dataclass(frozen=True)
class Status:
    home: str
    estate: str
    history_start: str
    history_end: str | None
    feeds: tuple[Stand, ...]
    datasets: tuple[Stand, ...]
    champions: tuple[ChampionStand, ...]
    verdicts: tuple[VerdictStand, ...]
    flagged: tuple[FlaggedNight, ...]
    next_step: str
    audit_head: str = ""


def status() -> Status:
    """The standing of this home. An empty home is a valid one; `next_step` then says how to fill it."""
    facts = estate()
    feeds = tuple(_feed(feed_id) for feed_id in facts.delivered())
    datasets = tuple(
        _dataset(f"{root.name}/{folder.name}", folder, keys)
        for root, keys in ((settings().features, ("as_of",)), (settings().labels, ("as_of",)),
                           (settings().scores, ("as_of", "version")))
        for folder in sorted(root.glob("*/")) if (folder / "manifest.jsonl").exists()
    )
    champions, verdicts = _champions(), _verdicts()
    return Status(
        home=str(settings().home), estate=facts.name, history_start=str(facts.history_start),
        history_end=str(facts.history_end) if facts.history_end else None, feeds=feeds, datasets=datasets,
        champions=champions, verdicts=verdicts, flagged=_flagged(), next_step=_next(),
        audit_head=str(audit.head()),
    )


def newest_day() -> date | None:
    """The newest as_of this home knows of: of scores, of rosters, and of what came to the door. None: nothing."""
    from pipelines.landing import raw
    from pipelines.landing.senders import feed
    from pipelines.models import SPECS

    datasets = [settings().features / "roster", *(settings().scores / model for model in SPECS)]
    found = [parse_day(key[0]) for folder in datasets for key in Dataset(folder, ("as_of",)).entries()]
    for feed_id in estate().delivered():
        drops = [entry for entry in raw.dataset(feed(feed_id)).entries().values() if entry.state == "committed"]
        found += [parse_day(drops[-1].key["dt"]) + DAY] if drops else []
    found += [parse_day(page.parent.name) for page in (settings().reports / "landing").glob("????-??-??/index.html")]
    return max(found, default=None)


def _feed(feed_id: str) -> Stand:
    from pipelines.landing import raw
    from pipelines.landing.senders import feed

    entries = [entry for entry in raw.dataset(feed(feed_id)).entries().values() if entry.state == "committed"]
    return Stand(feed_id, len(entries), entries[-1].key["dt"] if entries else None,
                 sum(entry.rows for entry in entries))


def _dataset(name: str, folder: Path, keys: tuple[str, ...]) -> Stand:
    entries = [e for e in Dataset(folder, keys).entries().values() if e.state == "committed"]
    return Stand(name, len(entries), "/".join(entries[-1].key.values()) if entries else None,
                 entries[-1].rows if entries else 0)


def _champions() -> tuple[ChampionStand, ...]:
    found = []
    for journal in sorted(settings().champions.glob("*.jsonl")):
        lines = journal.read_text(encoding="utf-8").splitlines()
        if not lines:
            continue
        entry = json.loads(lines[-1])
        bundle = settings().models / entry["model"] / f"v{entry['version']}"
        metrics = _json(bundle / "evaluation.json").get("metrics", {})
        told = {name: metrics[name] for name in ("auc", "pr_auc", "ece", "spearman", "total_bias") if name in metrics}
        found.append(ChampionStand(
            entry["model"], int(entry["version"]), str(entry["from_as_of"]),
            str(_json(bundle / "bundle.json").get("trained_as_of", "-")),
            ", ".join(f"{name} {'unknown' if value is None else format(value, '.3f')}" for name, value in told.items()),
        ))
    return tuple(found)


def _verdicts() -> tuple[VerdictStand, ...]:
    found = []
    for folder in sorted((settings().reports / "drift").glob("*/")):
        nights = sorted(folder.glob("as_of=*/verdict.json"))
        if nights:
            verdict = _json(nights[-1])
            judged = f"{verdict.get('cause')}, {verdict.get('action')}"
            found.append(VerdictStand(folder.name, str(verdict.get("as_of")), judged,
                                      "; ".join(verdict.get("reasons", [])[:2])))
    return tuple(found)


def _flagged() -> tuple[FlaggedNight, ...]:
    from pipelines.models import SPECS
    from pipelines.scoring.standing import flags_of

    found = []
    for model in SPECS:
        nights = Dataset(settings().scores / model, ("as_of", "version")).entries()
        if nights:
            newest = max(as_of for as_of, _ in nights)
            found += [FlaggedNight(model, newest, flag) for flag in flags_of(model, parse_day(newest))]
    return tuple(found)


def _json(path: Path) -> dict:  # type: ignore[type-arg]
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _next() -> str:
    from pipelines import site

    step = site.stand().step
    return " or ".join([step.command, *step.others]) if step else ""
