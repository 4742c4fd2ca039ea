"""The proof of an erasure: what was searched, what went from where, what stays on purpose; as JSON, Markdown, HTML."""

from __future__ import annotations

import hashlib
import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.governance.erasure.job import Change, Job
from pipelines.governance.erasure.models import Flagged
from pipelines.governance.erasure.search import Searched
from pipelines.publish import replacing, write_json
from pipelines.settings import settings


@dataclass(frozen=True)
class Proof:
    """What came of one erasure. `clean`: nothing of these people was found outside what is kept on purpose."""

    job: str
    on: str
    requests: tuple[str, ...]
    dry: bool
    changes: tuple[Change, ...]
    models: tuple[Flagged, ...]
    searched: Searched | None
    remains: tuple[str, ...]
    seconds: float
    folder: Path

    @property
    def clean(self) -> bool:
        return self.searched is not None and not self.searched.found

    def by_store(self) -> dict[str, tuple[int, int]]:
        """(files, rows) that went, by store."""
        files, rows = Counter[str](), Counter[str]()
        for change in self.changes:
            store = change.store.partition("/")[0]
            files[store] += 1
            rows[store] += change.removed
        return {store: (files[store], rows[store]) for store in sorted(files)}


def folder_of(job: str) -> Path:
    return settings().reports / "erasure" / job


def remains(job: Job, models: Sequence[Flagged]) -> tuple[str, ...]:
    """What is kept on purpose, in words for a privacy officer."""
    kinds = Counter(stone.kind for stone in job.persons.stones)
    others = sum(1 for stone in job.persons.stones if stone.token in job.persons.kept_numbers)
    found = [
        f"tombstones/: tokens of {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}, so that no "
        "later file brings anyone back; tokens are HMACs, no clear identifier is kept",
        "audit/: one line with counts and digests, no token",
        "manifests: sha256 and row counts of the files as they were, so that everything else can still be verified",
        "aggregates (counts, metrics, drift statistics) that were made while they were among the rows",
    ]
    if models:
        found.append("ledger/: the sealed list of who trained the model versions named here, until these are retired")
    if others:
        found.append(f"{others} numbers that others have or had too: their rows and tokens are those people's")
    if job.persons.shares_account:
        found.append("accounts that other lines use: they, their payments and what was counted of their lines stay")
    if (settings().home / "truth").exists():
        found.append("truth/: what the simulator invented; a real estate has none")
    found.append("backups taken before: restore one, then `telco privacy erase --again` erases by the tombstones")
    found.append("files the door refuses from now on are kept unread until their retention is over")
    return tuple(found)


def write(proof: Proof) -> None:
    """reports/erasure/<job>/proof.{json,md,html}. Subscribers are named by the sha256 of their token."""
    proof.folder.mkdir(parents=True, exist_ok=True)
    write_json(proof.folder / "proof.json", as_json(proof))
    text = markdown(proof)
    for name, content in (("proof.md", text), ("proof.html", page(text))):
        with replacing(proof.folder / name) as out:
            out.write(content.encode())


def as_json(proof: Proof) -> dict[str, Any]:
    return {
        "job": proof.job, "on": proof.on, "requests": list(proof.requests), "clean": proof.clean,
        "seconds": round(proof.seconds, 1), "removed": {
            store: {"files": files, "rows": rows} for store, (files, rows) in proof.by_store().items()},
        "changes": [asdict(change) for change in proof.changes], "models": [asdict(one) for one in proof.models],
        "searched": asdict(proof.searched) if proof.searched else None, "remains": list(proof.remains),
    }


def markdown(proof: Proof) -> str:
    found = proof.searched.found if proof.searched else {}
    verdict = "nothing was found" if proof.clean else f"STILL FOUND in {len(found)} files: {', '.join(found)}"
    lines = [
        f"# Erasure {proof.job}", "",
        f"Done on {proof.on} for {len(proof.requests)} requests: {', '.join(proof.requests[:20])}"
        + (" ..." if len(proof.requests) > 20 else "") + f". It took {proof.seconds:.1f} s.", "",
        "## Searched", "",
    ]
    if proof.searched:
        lines += [f"{proof.searched.files:,} files of {proof.searched.size_bytes:,} bytes, Parquet decoded, all else "
                  f"byte by byte: **{verdict}** outside what is kept on purpose.", "",
                  "| store | files searched |", "|---|--:|",
                  *(f"| {store} | {count:,} |" for store, count in sorted(proof.searched.by_store.items())), ""]
    lines += ["## Removed", "", "| store | files changed | rows removed |", "|---|--:|--:|",
              *(f"| {store} | {files:,} | {rows:,} |" for store, (files, rows) in proof.by_store().items()), "",
              "## Models they trained", "", *(_models(proof.models)), "", "## What remains, on purpose", "",
              *(f"- {one}" for one in proof.remains), "", "## Every file", "",
              "| file | rows before | rows after | sha256 before | sha256 after |", "|---|--:|--:|---|---|",
              *(f"| {one.path} | {one.rows_before:,} | {one.rows_after:,} | {one.sha256_before[:16]} "
                f"| {one.sha256_after[:16] or 'gone'} |" for one in proof.changes), ""]
    return "\n".join(lines)


def _models(models: Sequence[Flagged]) -> list[str]:
    if not models:
        return ["None: no version's ledger names them."]
    return ["| model | version | persons | retrain by |", "|---|--:|--:|---|",
            *(f"| {one.model} | {one.version} | {one.persons} | {one.retrain_by} |" for one in models)]


def page(text: str) -> str:
    """The Markdown as it is, readable in a browser without anything else."""
    return ("<!doctype html><html lang=en><meta charset=utf-8><title>Erasure</title>"
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
            "<style>body{max-width:72rem;margin:2rem auto;font-family:system-ui}pre{white-space:pre-wrap}</style>"
            f"<pre>{html.escape(text)}</pre></html>\n")


def digest(job: Mapping[str, str]) -> str:
    """One sha256 for the tokens of an erasure: what the audit log says of who it was."""
    return hashlib.sha256("\n".join(sorted(job)).encode()).hexdigest()
