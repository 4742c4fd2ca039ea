"""One night made again from raw/ in a place of its own, to see that a score is what raw files and the model give.

The place is a home below this one with links to raw/, models/, the champion log and the keys, and nothing else; a
process of its own builds, publishes and scores the night there with the commands' own functions. Whatever it writes is
removed afterwards. It takes what a night takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.clock import parse_day
from pipelines.errors import Held, IntegrityError
from pipelines.explain.lineage import Lineage
from pipelines.models import spec_of
from pipelines.progress import Report, silent
from pipelines.publish import sha256
from pipelines.settings import settings

LINKED = ("raw", "models", "champions", "secrets", "ledger", "estate.toml")


@dataclass(frozen=True)
class Replay:
    """A published measure beside the one made anew. `same_bytes`: partitions that came out byte for byte the same."""

    published: float
    recomputed: float
    same_bytes: tuple[str, ...]


def replay(found: Lineage, *, report: Report = silent) -> Replay:
    """Build and score the night of a lineage again from raw/ and compare.

    Raises IntegrityError when a partition or the score differs, Held when the night cannot be built any more (raw/ was
    purged, or holds drops this night did not know).
    """
    with tempfile.TemporaryDirectory(prefix=".replay-", dir=settings().home) as place:
        home = Path(place)
        for name in LINKED:
            if (settings().home / name).exists():
                (home / name).symlink_to(settings().home / name)
        report(f"replay: the night of {found.as_of} from raw/, in a place of its own")
        _run(home, found, report)
        pairs = _pairs(home, found)
        recomputed = _measure(home / f"scores/{found.model}/as_of={found.as_of}/version={found.version}", found)
        differing = sorted(name for name, (now, then) in pairs.items() if now != then)
    if differing or recomputed != found.published:
        raise IntegrityError(
            f"{found.subscriber_id} {found.as_of}: published {found.measure} {found.published}, from raw/ it is "
            f"{recomputed}; other bytes: {', '.join(differing) or 'none'}. The code or raw/ changed since: compare "
            "the commit in the model card with this checkout"
        )
    return Replay(found.published, recomputed, tuple(sorted(pairs)))


def _run(home: Path, found: Lineage, report: Report) -> None:
    environment = {**os.environ, "TELCO_HOME": str(home), "TELCO_ESTATE": str(settings().estate_file),
                   "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db", "TELCO_FEAST_REGISTRY": "",
                   "TELCO_FEAST_REDIS": ""}
    words = [sys.executable, "-c", "from pipelines.explain.replay import child; child()", found.model, str(found.as_of)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = [line for line in done.stderr.strip().splitlines() if line][-6:]
        raise Held(f"replay {found.as_of}", said or [f"exit {done.returncode}"],
                   "the published score stands; the walk by sha256 above holds without it")
    report(f"replay: scored {json.loads(done.stdout.splitlines()[-1])['rows']:,} subscribers")


def child() -> None:
    """What runs in the other process: build and publish the features of one as_of, then score up to the model."""
    from pipelines import scoring, warehouse

    model, as_of = sys.argv[1], parse_day(sys.argv[2])
    try:
        warehouse.unify([as_of])
        source = spec_of(model).parameters.get("survival_from")
        for name in (*([str(source)] if source else []), model):
            scored = scoring.score(name, as_of)
    except Exception as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    print(json.dumps({"rows": scored.rows}))


def _pairs(home: Path, found: Lineage) -> dict[str, tuple[str, str]]:
    """sha256 made anew and published, of every partition the walk named that a replay makes."""
    names = [step.name for step in found.steps if step.kind in ("score", "features")]
    return {name: (sha256(home / name) if (home / name).exists() else "", sha256(settings().home / name))
            for name in names}


def _measure(folder: Path, found: Lineage) -> Any:
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "data.parquet", columns=[found.measure], partitioning=None,
                         filters=[("subscriber_id", "=", found.subscriber_id)]).to_pylist()
    return rows[0][found.measure] if rows else None
