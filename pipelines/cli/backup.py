"""Commands for the day a disk is gone: back up what cannot be made again, and bring it back into an empty home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import show
from pipelines.cli.options import Json, Quiet

PANEL = "Operate"
Without = Annotated[list[str] | None, typer.Option(help="airflow or mlflow: somebody else backs this database up.")]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(backup)
    app.command(rich_help_panel=PANEL)(restore)


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A file that does not exist, or a folder: the "
                                           "backup gets a name of its own, and the tombstones a file beside it.")],
    with_raw: Annotated[bool, typer.Option("--with-raw", help="Also raw/ itself. Without it only its journals are in, "
                                           "and raw/ must be copied by other means.")] = False,
    with_features: Annotated[bool, typer.Option("--with-features", help="Also features/ and labels/. They can be built "
                                                "again from raw/: this saves the time of it.")] = False,
    without: Without = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Back up everything that cannot be made again, as one file. Safe while nights run; nothing is overwritten.

    In: the databases of Airflow and MLflow, models, champion log, ledgers, audit log, scores, vault, keys, tombstones,
    quarantine, the journals that say from when a row is known, verdicts and proofs, estate.toml. Not in: landing/,
    warehouse/, the online store, extracts, logs. The file can name everybody: keep it as closed as the home, elsewhere.

    Example:  telco backup /backups --with-raw
    """
    from pipelines import backup as backups

    made = backups.back_up(target, with_raw=with_raw, with_features=with_features, without=without or (),
                           report=show.reporter(quiet))
    if json:
        show.as_json(made)
        return
    show.table("Backup", ["fact", "value"], [
        ("file", made.path), ("sha256", made.sha256), ("bytes", made.bytes), ("files", made.files),
        ("databases", ", ".join(made.databases) or None), ("beyond the state", ", ".join(made.contents) or None)])
    if not made.contents:
        print("raw/ is not in it: copy it by other means, or use --with-raw")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup of telco backup.", exists=True, dir_okay=False)],
    tombstones: Annotated[Path | None, typer.Option(help="The newest tombstones.jsonl: who was erased since.",
                                                    exists=True, dir_okay=False)] = None,
    nobody: Annotated[str, typer.Option("--nobody-erased-since", metavar="NAME", help="There was nobody; NAME answers "
                                        "for it.")] = "",
    raw: Annotated[Path | None, typer.Option(help="A copy of raw/, for a backup made without it.", exists=True,
                                             file_okay=False)] = None,
    into: Annotated[Path | None, typer.Option(help="The home to restore into, instead of TELCO_HOME.")] = None,
    sha256: Annotated[str | None, typer.Option(help="What telco backup told; refused when it differs.")] = None,
    without: Without = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring a backup back into an empty home: every byte checked, the erased erased again, then put in place.

    Until it is done no other command and no DAG works in that home. Who was erased after the backup must be said, by
    their tombstones (those left in the home's tombstones/ count too). Killed, the same command does it again.

    Example:  telco restore /backups/telco-20260301T013000Z.tar --tombstones /backups/tombstones.jsonl
    """
    import os

    from pipelines import backup as backups
    from pipelines.promotion.policy import person

    if into is not None:
        os.environ["TELCO_HOME"] = str(into)
    done = backups.restore(file, expected=sha256, stones=tombstones, nobody=person(nobody) if nobody else "", raw=raw,
                           without=without or (), report=show.reporter(quiet))
    if json:
        show.as_json(done)
        return
    show.table("Restored", ["fact", "value"], [
        ("home", done.home), ("backup of", done.made_at), ("files", done.files),
        ("databases", ", ".join(done.databases) or None), ("erased persons looked for", done.erased),
        ("of these, erased after the backup", done.erased_since), ("proof", done.proof)])
    if done.missing:
        print(f"{done.missing} partitions of features and labels are to be built again: "
              f"telco bootstrap --from {done.oldest_missing} --to {done.newest_missing} --every-day")
    print("next: telco doctor, telco audit verify, then the night that is due: telco night --as-of DAY, or telco up")
