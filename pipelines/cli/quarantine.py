"""Commands for what the door did not let in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import completion, show
from pipelines.cli.options import AsOf, Json, day

PANEL = "Data in"

app = typer.Typer(
    name="quarantine",
    help=(
        "What the door did not let in: see it, let it in after a fix, or give it up.\n\n"
        "Rows wait here with their reasons and the line they stood in; files that were refused lie here whole. "
        "Nothing is printed that names a person unless you ask with --clear."
    ),
    epilog=(
        "1. list: what waits   2. show: why   3. mend the cause (estate, contract, check) or the rows (a copy)   "
        "4. replay: let them in, as a correction known from the day after"
    ),
    no_args_is_help=True,
)

Feed = Annotated[str, typer.Argument(metavar="FEED", autocompletion=completion.feeds,
                                       help="For example network.usage_daily.")]
Dt = Annotated[date, typer.Argument(parser=day, metavar="DT", autocompletion=completion.drops,
                                      help="The day of the drop, YYYY-MM-DD.")]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, rich_help_panel=PANEL)


@app.command("list")
def list_sets(
    feed: Annotated[str | None, typer.Option(autocompletion=completion.feeds, help="Only this feed.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also what was replayed, discarded or superseded.")] = False,
    json: Json = False,
) -> None:
    """One line per quarantined set: what waits, how many rows, the main reasons.

    Example:  telco quarantine list --feed network.usage_daily
    """
    from pipelines.landing import quarantine

    sets = [one for one in quarantine.kept(feed) if all_ or one.state in ("waiting", "unpublished")]
    if json:
        show.as_json(sets)
        return
    show.table(
        "In quarantine", ["feed", "dt", "kind", "count", "state", "main reasons"],
        [(one.feed, one.dt, one.kind, one.count, one.state, _main(one.reasons)) for one in sets],
    )


@app.command("show")
def show_drop(
    feed: Feed,
    dt: Dt,
    clear: Annotated[bool, typer.Option("--clear", help="Print the waiting rows as JSON lines, clear identifiers "
                                                        "included, ready to edit for replay --file.")] = False,
    lines: Annotated[int, typer.Option(min=1, help="At most so many rows per set.")] = 50,
    json: Json = False,
) -> None:
    """Why the rows of a drop wait, and in which lines of its file they stood.

    Example:  telco quarantine show network.usage_daily 2026-03-10
    To edit:  telco quarantine show network.usage_daily 2026-03-10 --clear > rows.jsonl
    """
    from json import dumps

    from pipelines.landing import quarantine

    sets = quarantine.kept(feed, dt)
    rows = {one.digest: quarantine.waiting_rows(one) for one in sets if one.kind == "rows"}
    if clear:
        for one in sets:
            for row in rows.get(one.digest, []) if one.state == "waiting" else []:
                print(dumps(row, ensure_ascii=False))
        return
    positions = {
        digest: [{"line": row["line"], "reasons": row["reasons"]} for row in waiting]
        for digest, waiting in rows.items()
    }
    if json:
        show.as_json([{**show.plain(one), "rows": positions.get(one.digest, [])} for one in sets])
        return
    for one in sets:
        show.table(f"\n{one.kind} of file {one.digest}: {one.state}, {one.count} out", ["reason", one.kind],
                   list(one.reasons.items()))
        shown = positions.get(one.digest, [])[:lines]
        if shown:
            show.table("", ["line", "reasons"], [(row["line"], "; ".join(row["reasons"])) for row in shown])
        if len(positions.get(one.digest, [])) > lines:
            print(f"... and {len(positions[one.digest]) - lines} more (--lines)")
        print(f"in {one.path.parent}")
    if not sets:
        print(f"{feed} dt={dt}: nothing in quarantine")


@app.command("replay")
def replay_rows(
    feed: Feed,
    dt: Dt,
    on: Annotated[date, typer.Option("--on", parser=day, metavar="YYYY-MM-DD",
                                     help="The day of the replay: what comes in is known from the day after.")],
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False,
                                              help="Rows edited in a copy (JSON lines of show --clear); only the lines "
                                                   "in it are tried.")] = None,
    json: Json = False,
) -> None:
    """Read and check the waiting rows again; those that pass enter as a correction, the others stay.

    For after a fix: of the estate, of the contract, of a check, or of the rows themselves in a copy. No night that is
    published changes. Safe to repeat: what is in does not come in twice.

    Example:  telco quarantine replay network.usage_daily 2026-03-10 --on 2026-03-12
    """
    from pipelines.landing import replay

    done = replay.replay(feed, dt, on, file=file)
    if json:
        show.as_json(done)
        return
    show.table(f"Replayed {feed} dt={dt}", ["fact", "value"], [
        ("rows let in", done.rescued), ("rows that wait", done.waiting), ("version of the drop", done.version),
        ("known from", done.known_on), ("main reasons", _main(done.reasons) or None)])
    if done.known_on is not None:
        print(f"next: telco unify --as-of {done.known_on} and later; earlier nights keep what they knew")


@app.command("discard")
def discard_sets(
    feed: Feed,
    dt: Dt,
    because: Annotated[str, typer.Option(help="Why nobody wants them; kept beside them.")],
    json: Json = False,
) -> None:
    """Give up what waits of a drop: it is listed no more, and purged with its day.

    Example:  telco quarantine discard network.usage_daily 2026-03-10 --because "test traffic of the vendor"
    """
    from pipelines.errors import UsageError
    from pipelines.landing import quarantine

    if not because.strip():
        raise UsageError(f"{feed} dt={dt}: say --because why; the reason is kept")
    given_up = quarantine.discard(feed, dt, because)
    if json:
        show.as_json(given_up)
        return
    print(f"{feed} dt={dt}: {sum(one.count for one in given_up)} given up in {len(given_up)} sets")


@app.command("purge")
def purge_stores(as_of: AsOf, json: Json = False) -> None:
    """Remove what is past its retention (estate.toml): telco privacy purge under its former name.

    A drop that is not in raw/ yet is kept and named.
    """
    from pipelines import retention

    purged = retention.purge(as_of)
    if json:
        show.as_json(purged)
        return
    show.table(f"Purged as of {as_of}", ["store", "older than", "files", "bytes", "kept"],
               [(one.store, one.older_than, one.files, one.size_bytes, ", ".join(one.kept) or None) for one in purged])


def _main(reasons: dict[str, int]) -> str:
    """The three commonest reasons."""
    shown = [f"{reason} ({count})" for reason, count in list(reasons.items())[:3]]
    return "; ".join(shown + (["..."] if len(reasons) > 3 else []))
