"""Erasure: a person leaves every store, is barred from coming back, and a report proves it.

Published partitions never change; this is the one exception, and it goes through `Dataset.rewrite`: the journal keeps
what a partition was, nobody else's row is computed anew, and a rebuild from raw/ (which has lost the person) gives the
same bytes. Where it cannot (a decile of a score, an account's count of lines) the partition stands as it is.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from pipelines import cost
from pipelines.errors import Held, UsageError
from pipelines.governance import audit, tombstones
from pipelines.governance.erasure import clear, datasets, models, numbers, person, proof, traces
from pipelines.governance.erasure import job as jobs
from pipelines.governance.erasure.job import Change, Job
from pipelines.governance.erasure.proof import Proof
from pipelines.governance.erasure.search import Searched, search
from pipelines.progress import Report, silent

__all__ = ["Proof", "again", "due", "erase", "resume"]

log = logging.getLogger(__name__)

# In this order: whoever lands meanwhile is stopped first, and the vault, which says what to look for in files with
# clear identifiers, forgets last.
STEPS: dict[str, jobs.Step] = {
    "raw": datasets.raw_drops,
    "warehouse": traces.warehouse,
    "published partitions": datasets.published,
    "extracts": traces.extracts,
    "online store": traces.online,
    "landing": clear.landing,
    "quarantine": clear.kept_out,
    "reports and logs": traces.words,
    "vault": clear.vault,
}
ROUNDS = 2  # a step of the night that was under way may have written once more


def due(as_of: date) -> dict[str, str]:
    """Request ids by subscription token: what the feed asked for by as_of, is not done, and concerns somebody known."""
    done = tombstones.subscribers()
    asked = {token: request for request, token in person.requested(as_of).items()
             if tombstones.PREFIX + token not in done}
    known = person.known(asked) if asked else set()
    for request in sorted(request for token, request in asked.items() if token not in known):
        log.warning("erasure request %s: raw/ knows no such subscription; it stays open", request)
    return {token: request for token, request in sorted(asked.items()) if token in known}


@cost.counted("erase")
def erase(
    requests: Mapping[str, str], on: date, *, dry_run: bool = False, report: Report = silent
) -> Proof | None:
    """Erase the people behind subscription tokens (request id by token) everywhere; None when all of them are already.

    Finishes what a killed erasure left first. `on` is the day it is done. Raises UsageError for somebody raw/ does not
    know, Held when something of them is still found afterwards: its proof says where.
    """
    with jobs.alone():
        if not dry_run:
            _resume(report)
        done = tombstones.subscribers()
        left = {token: request for token, request in requests.items() if tombstones.PREFIX + token not in done}
        if not left:
            return None
        unknown = set(left) - person.known(left)
        if unknown:
            asked = ", ".join(sorted(left[token] for token in unknown))
            raise UsageError(f"erase: raw/ knows no such subscription ({asked}); what waits in landing/ or quarantine/ "
                             "of somebody who never got in goes with its retention")
        job = Job(_name(left, on), on, left, person.resolve(left, on), dry_run, report)
        if dry_run:
            return _dry(job)
        job.write()
        return _run(job)


def again(on: date, *, report: Report = silent) -> Proof | None:
    """Erase everybody once more whom a tombstone names: after an older backup was restored. None without tombstones."""
    with jobs.alone():
        _resume(report)
        stones = tombstones.standing()
        if not stones:
            return None
        everyone = {stone.token: stone.request for stone in stones if stone.kind == "subscription"}
        kept = frozenset(held.msisdn for held in numbers.of_numbers(
            sorted({stone.token for stone in stones if stone.kind == "msisdn"})) if held.subscription not in everyone)
        job = Job(_free(f"again-{on}"), on, everyone, person.Persons(stones, kept, shares_account=True), report=report)
        job.write()
        return _run(job)


def resume(report: Report = silent) -> list[Proof]:
    """Finish every erasure that was killed."""
    with jobs.alone():
        return _resume(report)


def _resume(report: Report) -> list[Proof]:
    return [_run(jobs.read(name, report)) for name in jobs.unfinished()]


def _run(job: Job) -> Proof:
    started = time.monotonic()
    tombstones.add(job.persons.stones)
    flagged = models.flag(job.requests, job.on)
    _ = job.clear  # read before the vault forgets
    found = _steps(job)
    for _round in range(1, ROUNDS):
        if not found.found:
            break
        job.report(f"erasure {job.name}: still found in {len(found.found)} files, once more")
        found = _steps(job)
    done = Proof(
        job.name, job.on.isoformat(), tuple(sorted(set(job.requests.values()))), False,
        tuple(_together(job)), tuple(flagged), found, proof.remains(job, flagged), time.monotonic() - started,
        proof.folder_of(job.name),
    )
    proof.write(done)
    audit.record("erasure", subject=job.name, once=True, subscribers=len(job.requests), clean=done.clean,
                 tokens_sha256=proof.digest(job.requests), files=len(done.changes),
                 rows=sum(change.removed for change in done.changes))
    if not done.clean:
        raise Held(f"erasure {job.name}", [f"still found in {path}" for path in found.found],
                   f"see {done.folder}; mend what wrote there, then: telco privacy erase --resume --as-of {job.on}")
    jobs.finish(job)
    log.info("erased job=%s subscribers=%d files=%d", job.name, len(job.requests), len(done.changes))
    return done


def _steps(job: Job) -> Searched:
    for name, step in STEPS.items():
        started = time.monotonic()
        changes = step(job)
        job.report(f"erasure {job.name}: {name}: {len(changes)} files, {sum(one.removed for one in changes)} rows, "
                   f"{time.monotonic() - started:.1f} s")
    return search(job, _clear_rows(job))


def _clear_rows(job: Job) -> dict[str, int]:
    """Rows of theirs that dropped and quarantined files still hold, read as their senders write them."""
    looking = replace(job, dry=True)
    looking.__dict__["clear"] = job.clear  # what the vault knew before it forgot
    return {one.path: one.removed for step in (clear.landing, clear.kept_out) for one in step(looking)}


def _together(job: Job) -> list[Change]:
    """What every run did; of partitions their journals say it, also where a killed run could not."""
    dry = replace(job, dry=True)
    told = {(one.store, one.path): one for one in job.changes()}
    told |= {(one.store, one.path): one for one in [*datasets.raw_drops(dry), *datasets.published(dry)]}
    return sorted(told.values(), key=lambda one: (one.store, one.path))


def _dry(job: Job) -> Proof:
    started = time.monotonic()
    changes = [change for step in STEPS.values() for change in step(job)]
    requests = tuple(sorted(set(job.requests.values())))
    return Proof(job.name, job.on.isoformat(), requests, True, tuple(changes), (), None, proof.remains(job, ()),
                 time.monotonic() - started, proof.folder_of(job.name))


def _name(requests: Mapping[str, str], on: date) -> str:
    """A folder's name: the request's own id where there is one and it can be a name."""
    names = sorted(set(requests.values()))
    name = names[0] if len(names) == 1 else f"requests-{on}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        name = f"request-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return _free(name)


def _free(name: str) -> str:
    return next(one for number in range(1, 10**6)
                if not jobs.taken(one := name if number == 1 else f"{name}.{number}"))
