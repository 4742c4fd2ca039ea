"""Commands for the privacy officer: erase somebody and prove it, purge what is past its time, rotate a key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import AsOf, Json, Quiet

if TYPE_CHECKING:
    from pipelines.governance.erasure import Proof

PANEL = "Govern"

app = typer.Typer(
    name="privacy",
    help=(
        "Erase a person from every store and prove it, purge what is past its retention, rotate a linking key.\n\n"
        "What is erased cannot be brought back: look first with --dry-run."
    ),
    epilog="1. status: who asks   2. erase --dry-run: what would go   3. erase: it goes   4. reports/erasure/: proof",
    no_args_is_help=True,
)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, rich_help_panel=PANEL)


@app.command("erase")
def erase_subscriber(
    as_of: AsOf,
    subscriber: Annotated[str | None, typer.Option(metavar="sub_...", help="By subscriber_id.")] = None,
    subscription: Annotated[str | None, typer.Option(help="By the operator's id of the subscription.")] = None,
    account: Annotated[str | None, typer.Option(help="Every subscription of an account.")] = None,
    msisdn: Annotated[str | None, typer.Option(help="Whoever has this number on --as-of.")] = None,
    operator: Annotated[str | None, typer.Option(help="Whose id it is, with --subscription or --account.")] = None,
    requests: Annotated[bool, typer.Option("--requests", help="Everyone the feed of requests asks for.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Only finish what was killed.")] = False,
    again: Annotated[bool, typer.Option("--again", help="All ever erased, after a backup was restored.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go and change nothing.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Erase somebody from every store, bar them from coming back, and write the proof.

    Name them in one way. Safe to repeat; a killed erasure is finished first.

    Example:  telco privacy erase --subscription S20000123 --operator alpha --as-of 2026-03-01 --dry-run
    """
    from pipelines.governance import erasure

    ways = {"--subscriber": subscriber, "--subscription": subscription, "--account": account, "--msisdn": msisdn,
            "--requests": requests, "--resume": resume, "--again": again}
    chosen = [name for name, value in ways.items() if value]
    if len(chosen) != 1:
        raise typer.BadParameter(f"say who in exactly one way: {', '.join(ways)}")
    if dry_run and (resume or again):
        raise typer.BadParameter(f"{chosen[0]} cannot be tried with --dry-run")
    report = show.reporter(quiet)
    if resume:
        proofs = erasure.resume(report)
    elif again:
        proofs = [proof for proof in [erasure.again(as_of, report=report)] if proof]
    else:
        wanted = erasure.due(as_of) if requests else _named(subscriber, subscription, account, msisdn, operator, as_of)
        made = erasure.erase(wanted, as_of, dry_run=dry_run, report=report) if wanted else None
        proofs = [made] if made else []
    _tell(proofs, json)


def _named(
    subscriber: str | None, subscription: str | None, account: str | None, msisdn: str | None, operator: str | None,
    as_of: date,
) -> dict[str, str]:
    """Request by subscription token, of somebody named by hand."""
    from pipelines.governance.erasure import person, proof

    if (subscription or account) and not operator:
        raise typer.BadParameter("say --operator: two operators may use the same id")
    if subscriber:
        tokens = [person.by_subscriber(subscriber)]
    elif subscription:
        tokens = [person.by_subscription(operator or "", subscription)]
    elif account:
        tokens = person.by_account(operator or "", account)
    else:
        tokens = person.by_msisdn(msisdn or "", as_of)
    if not tokens:
        from pipelines.errors import UsageError

        raise UsageError(f"erase: by all that raw/ holds nobody has this number or account on {as_of}")
    request = f"by-hand-{as_of}-{proof.digest(dict.fromkeys(tokens, ''))[:8]}"
    return dict.fromkeys(tokens, request)


def _tell(proofs: list[Proof], json: bool) -> None:
    from pipelines.governance.erasure import proof as proving

    if json:
        show.as_json([{**proving.as_json(proof), "dry_run": proof.dry} for proof in proofs])
        return
    if not proofs:
        print("nothing to erase: nobody asked, or all of them are erased already")
    for proof in proofs:
        words = "Would go" if proof.dry else "Erased"
        show.table(f"{words}: {proof.job}", ["store", "files", "rows"],
                   [(store, files, rows) for store, (files, rows) in proof.by_store().items()])
        if proof.searched:
            print(f"searched {proof.searched.files:,} files: {len(proof.searched.found)} still hold something of them")
        if not proof.dry:
            retrain = [f"{one.model} v{one.version} by {one.retrain_by}" for one in proof.models]
            print(f"models to retrain: {', '.join(retrain) or 'none'}\nproof: {proof.folder / 'proof.md'}")


@app.command("status")
def status(as_of: AsOf, json: Json = False) -> None:
    """Who asks to be forgotten, who was, and which model versions must be retrained for it."""
    from pipelines.governance import erasure, tombstones
    from pipelines.governance.erasure import job, models

    due = erasure.due(as_of)
    asked = sorted(set(due.values()))
    told = {
        "open requests": asked, "erased subscribers": len(tombstones.subscribers()),
        "unfinished": job.unfinished(), "flagged models": models.flagged(),
    }
    if json:
        show.as_json(told)
        return
    show.table(f"Erasure as of {as_of}", ["fact", "value"], [
        ("open requests", ", ".join(asked) or None), ("erased subscribers", told["erased subscribers"]),
        ("unfinished", ", ".join(job.unfinished()) or None)])
    show.table("\nTrained on somebody erased", ["model", "version", "persons", "retrain by"],
               [(one.model, one.version, one.persons, one.retrain_by) for one in models.flagged()])


@app.command("tombstones")
def export_tombstones(
    to: Annotated[Path, typer.Option("--to", help="The file to write; one that is there is replaced.")],
) -> None:
    """Write the tombstones to a file on another disk, for the day a backup of before is restored.

    They hold tokens, no identifiers; the file is for its owner alone. Do it after every erasure.
    """
    from pipelines.governance import tombstones
    from pipelines.landing import sealed

    stones = tombstones.path()
    sealed.write(to, stones.read_bytes() if stones.exists() else b"")
    print(f"tombstones: {len(tombstones.standing())}, of {len(tombstones.subscribers())} subscribers, in {to}")


@app.command("purge")
def purge_stores(as_of: AsOf, json: Json = False) -> None:
    """Remove what is past its retention (estate.toml) from every class of store; says what went.

    The ledger, the audit log, tombstones and proofs are kept, and so is what a training may still need.
    """
    from pipelines.cli.quarantine import purge_stores as purge

    purge(as_of, json)


@app.command("rotate-key")
def rotate_key(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="account, msisdn or imsi.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put every token of a kind under a new linking key; history keeps joining. Run it while nothing lands.

    Safe to repeat: a killed rotation is finished by the same command.
    """
    from pipelines.governance import rotation

    done = rotation.rotate(kind, report=show.reporter(quiet))
    if json:
        show.as_json(done)
        return
    show.table(f"Rotated {kind}", ["fact", "value"], [
        ("key before", done.key_before), ("key now", done.key_after), ("raw partitions", done.partitions),
        ("vault rows", done.vault_rows), ("tombstones", done.tombstones)])
