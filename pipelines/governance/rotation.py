"""A new linking key for one kind of identifier, with history still joining: every token of the house under the new key.

The new key is put around the old one: token' = HMAC(new key, token). No clear identifier is needed for it, equal tokens
stay equal, and the door makes the same token of an identifier it has seen for years. It protects what is in the house
from whoever learned the old key: that key alone computes none of the tokens any more. It does not reach copies that
left the house before (backups, files given away), and the old key stays in secrets/, for the door needs it as well.

Nothing may land meanwhile: `linking_key` holds every door while `secrets/rotating_<kind>.json` is there. Killed, it is
finished by the same command: a partition's journal says under which key it is, a row of the vault and a tombstone too.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import UsageError
from pipelines.governance import audit, tombstones
from pipelines.governance.erasure import datasets
from pipelines.landing import raw, sealed
from pipelines.landing.contract import Feed, Identifier
from pipelines.landing.tokens import LINKED, LinkingKey, key_file, rekeyed, rotation_file, store, stored
from pipelines.progress import Report, silent
from pipelines.publish import Dataset, Entry
from pipelines.settings import settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rotated:
    """What a rotation changed. Key ids are derived from the keys and are no secret."""

    kind: str
    key_before: str
    key_after: str
    partitions: int
    vault_rows: int
    tombstones: int


def rotate(kind_name: str, *, report: Report = silent) -> Rotated:
    """Rotate the linking key of accounts, msisdns or imsis. Run it while nothing lands; safe to repeat after a kill.

    Raises UsageError for subscriptions: their tokens are the subscriber_ids that CRM systems, model ledgers and
    published scores know people by, and "golden ids are never changed afterwards".
    """
    kind = _kind(kind_name)
    pending = rotation_file(kind)
    if not pending.exists():
        told = {"key": secrets.token_hex(32), "before": stored(kind).key_id}
        sealed.write(pending, json.dumps(told).encode())
    told = json.loads(pending.read_bytes())
    before, secret = stored(kind), bytes.fromhex(told["key"])
    key = before.around(secret) if before.key_id == told["before"] else before  # killed after the switch
    report(f"rotating the key of {kind.value}: raw/")
    partitions = sum(_partition(dataset, entry, kind, key, secret) for dataset, entry in _partitions(kind))
    rows = sum(_segment(path, key, secret) for path in sorted((settings().vault / kind.value).glob("*.parquet")))
    stones = _stones(kind, key, secret)
    _forget_warehouse()
    store(kind, key)
    audit.record("key_rotation", subject=kind.value, once=True, before=told["before"], after=key.key_id)
    pending.unlink()
    log.info("rotated kind=%s key=%s partitions=%d", kind.value, key.key_id, partitions)
    return Rotated(kind.value, told["before"], key.key_id, partitions, rows, stones)


def _kind(name: str) -> Identifier:
    allowed = [kind.value for kind in LINKED if kind is not Identifier.SUBSCRIPTION]
    if name == Identifier.SUBSCRIPTION.value:
        raise UsageError("rotate-key: a subscription's token is its subscriber_id, which CRM systems, ledgers and "
                         "scores know people by; it is not changed afterwards. What can be rotated: "
                         f"{', '.join(allowed)}")
    if name not in allowed:
        raise UsageError(f"rotate-key: no linking key {name!r}; there are {', '.join(allowed)}")
    kind = Identifier(name)
    if not key_file(kind).exists():
        raise UsageError(f"rotate-key: this home has no key of {name} yet; it is made when the first drop lands")
    return kind


def _partitions(kind: Identifier) -> Iterator[tuple[Dataset, Entry]]:
    for feed, dataset in datasets.raw_datasets():
        if kind in _kinds(feed):
            dataset.repair()
            yield from ((dataset, entry) for entry in dataset.entries().values() if entry.state == "committed")


def _kinds(feed: Feed) -> set[Identifier | None]:
    return {column.identifier for column in feed.columns}


def _partition(dataset: Dataset, entry: Entry, kind: Identifier, key: LinkingKey, secret: bytes) -> bool:
    """Rewrite one raw partition under the new key; False when it is already."""
    ids = entry.inputs.get("key_ids", {})
    if ids.get(kind.value) == key.key_id:
        return False
    name = f"{kind.value}_token"

    def write(live: Path, beside: Path) -> int:
        file = pq.ParquetFile(live)
        with closing(raw.Writer(beside, file.schema_arrow)) as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                at = table.schema.get_field_index(name)
                tokens = rekeyed(table[name].combine_chunks(), secret)
                writer.add(table.set_column(at, table.schema.field(at), tokens))
        return writer.rows

    dataset.rewrite(entry.key, write, {"rekeyed": key.key_id},
                    inputs={"key_ids": {**ids, kind.value: key.key_id}})
    return True


def _segment(path: Path, key: LinkingKey, secret: bytes) -> int:
    """Rewrite the rows of a segment of the vault that are under an older key; returns how many were."""
    table = pq.read_table(path, partitioning=None)
    old = pc.not_equal(table["key_id"], key.key_id)
    count = int(pc.sum(old).as_py() or 0)
    if count:
        tokens = pc.if_else(old, rekeyed(table["token"].combine_chunks(), secret), table["token"])
        table = table.set_column(0, "token", tokens).set_column(
            table.schema.get_field_index("key_id"), "key_id", pa.repeat(key.key_id, table.num_rows))
        out = pa.BufferOutputStream()
        pq.write_table(table, out, compression="zstd")
        sealed.write(path, out.getvalue().to_pybytes())
    return count


def _stones(kind: Identifier, key: LinkingKey, secret: bytes) -> int:
    """Tombstones under the new key: whoever was erased must not come back under another token."""
    kinds = {kind.value, "invoice"} if kind is Identifier.ACCOUNT else {kind.value}
    folder = sealed.folder(settings().tombstones, settings().tombstones)
    with sealed.lock(folder / ".lock"):
        stones = list(tombstones.standing())
        at = [place for place, one in enumerate(stones) if one.kind in kinds and one.key != key.key_id]
        if at:
            tokens = rekeyed(pa.array([stones[place].token for place in at]), secret).to_pylist()
            for place, token in zip(at, tokens, strict=True):
                stones[place] = replace(stones[place], token=token, key=key.key_id)
            tombstones.write(stones)
    return len(at)


def _forget_warehouse() -> None:
    """The warehouse holds tokens of the old key; the next build makes it anew from raw/."""
    from pipelines.warehouse.lock import held

    files = sorted(settings().warehouse.glob("*.duckdb*"))
    if files:
        with held():
            for path in files:
                path.unlink(missing_ok=True)
