"""A list to call from: the likeliest of a night who may be contacted, as a file for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.clock import midnight
from pipelines.errors import Held, UsageError
from pipelines.governance.crowd import told
from pipelines.models import SPECS
from pipelines.models.spec import Kind
from pipelines.scoring.dictionary import columns
from pipelines.scoring.extract import joined
from pipelines.scoring.sheet import write
from pipelines.scoring.table import probability_column
from pipelines.settings import settings
from pipelines.status import newest_day

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["csv", "parquet"]
LISTED = tuple(column for column in columns() if column.is_listed)


@dataclass(frozen=True)
class CallList:
    """What was written. `kept_out` counts by reason, in words where fewer than twenty; `expires_at` is naive UTC."""

    as_of: date
    path: Path
    rows: int
    expires_at: datetime
    region: str | None = None
    kept_out: dict[str, str] = field(default_factory=dict)


def call_list(
    as_of: date, *, top: int | None = None, region: str | None = None, out: Path | None = None,
    form: Form | None = None, on: date | None = None, expired: bool = False,
) -> CallList:
    """Write the `top` likeliest of one region or of all, likeliest first, without whoever is not to be contacted.

    `on` is the day it is used, the newest this home knows of by default: Held when the scores have expired by then and
    `expired` is not set, or when nobody is left. Raises UsageError for a region nobody lives in, or an `out` that
    cannot be written.
    """
    import pyarrow as pa

    risk = next(name for name, spec in SPECS.items() if spec.kind is Kind.CLASSIFIER and spec.outcome == "risk")
    path = _path(as_of, out, form)
    everyone = joined(as_of).to_pandas()
    scored = everyone[everyone[probability_column(risk)].notna()]
    if scored.empty:
        raise Held(f"call list {as_of}", [f"{risk} did not score this night"], f"telco score {risk} --as-of {as_of}")
    expires_at = scored[f"{risk}_expires_at"].min().to_pydatetime()
    _refuse_expired(as_of, expires_at, on or newest_day() or as_of, expired)
    here = scored if region is None else _within(scored, region, as_of)
    callable_ = here[~here["do_not_contact"].astype(bool)]
    if callable_.empty:
        raise Held(f"call list {as_of}", [f"all of {told(len(here))} are not to be contacted"],
                   "see do_not_contact_because in the nightly extract, and [contact] in estate.toml")
    ordered = callable_.sort_values([probability_column(risk), "subscriber_id"], ascending=[False, True])
    listed = ordered.head(top) if top is not None else ordered
    write(pa.Table.from_pandas(listed, preserve_index=False), LISTED, path)
    return CallList(as_of, path, len(listed), expires_at, region, _kept_out(here))


def _refuse_expired(as_of: date, expires_at: datetime, on: date, expired: bool) -> None:
    if not expired and expires_at <= midnight(on).replace(tzinfo=None):
        raise Held(f"call list {as_of}", [f"its scores expired at {expires_at:%Y-%m-%d %H:%M} UTC, and it is {on}"],
                   f"telco night --as-of {on} makes newer ones; --expired takes these, for a look back")


def _within(scored: pd.DataFrame, region: str, as_of: date) -> pd.DataFrame:
    here = scored[scored["region"] == region]
    if here.empty:
        known = ", ".join(sorted(scored["region"].dropna().unique())) or "none"
        raise UsageError(f"--region {region}: nobody scored at {as_of} lives there; there are {known}")
    return here


def _kept_out(here: pd.DataFrame) -> dict[str, str]:
    """How many were left out, by reason."""
    alone = here[here["do_not_contact"].astype(bool)]
    counted = Counter("held out of a campaign" if control else "contacted lately"
                      for control in alone["control_group"].notna())
    return {reason: told(count) for reason, count in sorted(counted.items())}


def _path(as_of: date, out: Path | None, form: Form | None) -> Path:
    """Where it goes: the form follows from the file's name unless it is said."""
    if out is None:
        folder = settings().extracts / f"as_of={as_of.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"call_list.{form or 'csv'}"
    if out.is_dir() or not out.parent.is_dir():
        raise UsageError(f"--out {out}: {'is a folder' if out.is_dir() else 'its folder is not there'}; name a file")
    suffix = out.suffix.removeprefix(".")
    if suffix not in ("csv", "parquet") or (form or suffix) != suffix:
        raise UsageError(f"--out {out}: end it in .{form or 'csv'}{'' if form else ' or .parquet'}")
    return out
