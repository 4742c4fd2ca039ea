"""Identifiers to tokens: HMAC-SHA256 with one linking key per kind of identifier, and the vault that reverses them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import Held, IntegrityError
from pipelines.landing import sealed
from pipelines.landing.contract import Identifier
from pipelines.publish import write_json
from pipelines.settings import settings

LINKED = (Identifier.ACCOUNT, Identifier.SUBSCRIPTION, Identifier.MSISDN, Identifier.IMSI)
GLOBAL = (Identifier.MSISDN, Identifier.IMSI)  # one number is one number whichever operator names it
TOKEN_CHARACTERS = 32  # 128 bits: at 10^8 identifiers two collide with a chance of about 10^-23
_TOKEN = np.dtype(f"S{TOKEN_CHARACTERS // 2}")
_SLICE = 250_000  # identifiers that are Python objects at one time; each is about 120 bytes while it is
_REMEMBERED = 2_000_000  # tokens kept per kind and operator, 16 bytes each beside the identifier's own bytes
# A look-up indexes all that is remembered (0.3 us each), a token costs 2.6 us: look up only what is worth the index.
_WORTH = 8


Digests = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class LinkingKey:
    """The key of one kind of identifier. The id is derived from the key and is no secret; manifests carry it.

    `earlier`: keys before it, oldest first. A new one is put around them (`rekeyed`), so that what has a token keeps
    joining, and whoever learned the old key can compute none of the new tokens.
    """

    key_id: str
    secret: bytes = field(repr=False)
    earlier: tuple[bytes, ...] = field(default=(), repr=False)

    def around(self, secret: bytes) -> LinkingKey:
        """This key with a newer one around it."""
        return _key_of(self.key_id.rpartition("-")[0], (*self.earlier, self.secret, secret))


def linking_key(kind: Identifier) -> LinkingKey:
    """The key of a kind, made at its first use. Raises IntegrityError when raw/ was made with another one."""
    path = key_file(kind)
    with _lock():
        used = _used_ids()
        if rotation_file(kind).exists():
            raise Held(f"linking key {kind.value}", ["it is being rotated: tokens of two keys would not join"],
                       f"finish it: telco privacy rotate-key {kind.value}")
        if not path.exists():
            if kind.value in used:
                raise IntegrityError(
                    f"{path} is gone, and raw/ holds tokens of key {used[kind.value]}. Restore it from your backup; "
                    "a new key would make every subscriber a stranger"
                )
            sealed.write(path, json.dumps({"key": secrets.token_hex(32)}).encode())
        key = stored(kind)
        key_id = key.key_id
        if used.get(kind.value, key_id) != key_id:
            raise IntegrityError(
                f"{path} holds key {key_id}, raw/ was made with {used[kind.value]}. Restore the right key file"
            )
        if kind.value not in used:
            write_json(settings().raw / "linking_keys.json", {**used, kind.value: key_id})
    return key


def key_file(kind: Identifier) -> Path:
    return settings().secrets / f"link_{kind.value}.json"


def rotation_file(kind: Identifier) -> Path:
    """Holds the new key while a rotation is under way."""
    return settings().secrets / f"rotating_{kind.value}.json"


def stored(kind: Identifier) -> LinkingKey:
    """The key as it lies in secrets/, whatever raw/ was made with."""
    told = json.loads(key_file(kind).read_bytes())
    return _key_of(kind.value, tuple(bytes.fromhex(key) for key in (*told.get("earlier", []), told["key"])))


def store(kind: Identifier, key: LinkingKey) -> None:
    """Put a key in force: raw/ is told its id first, then the file is replaced."""
    with _lock():
        write_json(settings().raw / "linking_keys.json", {**_used_ids(), kind.value: key.key_id})
        told = {"key": key.secret.hex(), "earlier": [earlier.hex() for earlier in key.earlier]}
        sealed.write(key_file(kind), json.dumps(told).encode())


def _key_of(kind: str, keys: tuple[bytes, ...]) -> LinkingKey:
    return LinkingKey(f"{kind}-{hashlib.sha256(b''.join(keys)).hexdigest()[:8]}", keys[-1], keys[:-1])


def rekeyed(tokens: pa.Array, secret: bytes) -> pa.Array:
    """Tokens under a newer key: HMAC-SHA256 of each token, the first 16 bytes; nulls stay null."""
    coded = tokens.dictionary_encode()
    if not len(coded.dictionary):
        return tokens
    made = _keyed(secret, "", _bytes(_unhex(pa.chunked_array([coded.dictionary]))))
    return _hex(made).take(coded.indices)


def normalised(kind: Identifier, clear: pa.Array) -> pa.Array:
    """Identifiers of one kind in the one form that is hashed. Applying it twice changes nothing more."""
    if kind is Identifier.MSISDN:
        return normalise_msisdn(clear)
    return _without_separators(clear) if kind is Identifier.IMSI else clear


def normalise_msisdn(clear: pa.Array) -> pa.Array:
    """Telephone numbers as E.164 digits: no `+`, no international prefix `00`, no separators, no trunk `(0)`.

    Whether what is left is a number is for the contract to say. A national number stays one: whose, nobody can tell.
    """
    plain = pc.match_substring_regex(clear, "^[1-9][0-9]*$")
    if pc.all(plain, min_count=0).as_py():
        return clear
    clear = _without_separators(pc.replace_substring(clear, "(0)", ""))
    return pc.replace_substring_regex(clear, r"^(?:\+|00)+", "")


def _without_separators(clear: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(clear, "[ \\t\u00a0().\u2010-\u2015-]+", "")


class Tokens:
    """Makes tokens for one run of the door; identifiers seen before are looked up. 1M new ones: 5 s, 0.2 GB."""

    def __init__(self) -> None:
        self._keys: dict[Identifier, LinkingKey] = {}
        self._seen: dict[tuple[Identifier, str], tuple[pa.Array, Digests]] = {}
        self._vaulted: dict[Identifier, Digests] = {}

    def key_id(self, kind: Identifier) -> str:
        return self._key(kind).key_id

    def column(self, kind: Identifier, operator: str, clear: pa.Array) -> pa.Array:
        """Tokens of a column of identifiers; nulls stay null."""
        parts = []
        for start in range(0, len(clear), _SLICE):
            coded = clear.slice(start, _SLICE).dictionary_encode()
            tokens = _hex(self._digests(kind, operator, coded.dictionary))
            parts.append(tokens.take(coded.indices))
        return pa.concat_arrays(parts) if parts else pa.array([], pa.string())

    def keep(self, kind: Identifier, operator: str, clear: pa.Array, segment: str) -> int:
        """Add the identifiers the vault does not know to vault/<kind>/<segment>.parquet; returns how many."""
        values = normalised(kind, clear.unique().drop_null()).unique()
        values = values.take(pc.sort_indices(values))
        parts = [self._digests(kind, operator, values.slice(at, _SLICE)) for at in range(0, len(values), _SLICE)]
        digests = np.concatenate(parts) if parts else np.empty(0, _TOKEN)
        known = self._known(kind)
        at = np.searchsorted(known, digests)
        is_new = np.append(known, np.zeros(1, _TOKEN))[at] != digests
        count = int(is_new.sum())
        if not count:
            return 0
        table = pa.table({
            "token": _hex(digests[is_new]), "identifier": values.filter(pa.array(is_new)),
            "operator": pa.repeat(operator, count), "key_id": pa.repeat(self.key_id(kind), count),
        })
        _append(sealed.folder(settings().vault / kind.value, settings().vault) / f"{segment}.parquet", table)
        self._vaulted[kind] = np.insert(known, at[is_new], digests[is_new]) if count < len(known) / 10 else \
            np.sort(np.concatenate([known, digests[is_new]]))
        return count

    def _digests(self, kind: Identifier, operator: str, values: pa.Array) -> Digests:
        """Tokens of distinct identifiers as 16 bytes each; looks up what was seen before."""
        values = normalised(kind, values)
        owner = "" if kind in GLOBAL else operator
        seen, digests = self._seen.get((kind, owner), (pa.array([], pa.string()), np.empty(0, _TOKEN)))
        if len(seen) > _WORTH * len(values):
            return self._hashed(kind, owner, values)
        where = pc.fill_null(pc.index_in(values, value_set=seen), -1).to_numpy().astype(np.int64)
        unseen = where < 0
        found: Digests = np.append(digests, np.zeros(1, _TOKEN))[where]
        if unseen.any():
            fresh = values.filter(pa.array(unseen))
            found[unseen] = self._hashed(kind, owner, fresh)
            if len(seen) + len(fresh) > _REMEMBERED:
                seen, digests = seen.slice(0, 0), digests[:0]
            self._seen[kind, owner] = (pa.concat_arrays([seen, fresh]), np.concatenate([digests, found[unseen]]))
        return found

    def _hashed(self, kind: Identifier, owner: str, values: pa.Array) -> Digests:
        """HMAC-SHA256 (RFC 2104), the first 16 bytes: of the digits, or of `operator|id` where an operator owns the id.

        Of that again with every key that was put around the first one.
        """
        key = self._key(kind)
        first, *later = (*key.earlier, key.secret)
        digests = _keyed(first, owner, values.cast(pa.binary()).to_pylist())
        for secret in later:
            digests = _keyed(secret, "", _bytes(digests))
        return digests

    def _key(self, kind: Identifier) -> LinkingKey:
        if kind not in self._keys:
            self._keys[kind] = linking_key(kind)
        return self._keys[kind]

    def _known(self, kind: Identifier) -> Digests:
        """Tokens the vault has, sorted."""
        if kind not in self._vaulted:
            segments = sorted((settings().vault / kind.value).glob("*.parquet"))
            parts = [_unhex(pq.read_table(segment, columns=["token"])["token"]) for segment in segments]
            self._vaulted[kind] = np.sort(np.concatenate(parts)) if parts else np.empty(0, _TOKEN)
        return self._vaulted[kind]


def _keyed(secret: bytes, owner: str, values: Iterable[bytes]) -> Digests:
    """HMAC-SHA256 of each value, 16 bytes.

    The two keyed states are copied instead of made anew: 2.6 us an identifier, `hmac.digest` takes 11.
    """
    block = secret.ljust(hashlib.sha256().block_size, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    if owner:
        inner.update(f"{owner}|".encode())
    begin, finish, length = inner.copy, outer.copy, _TOKEN.itemsize
    out = bytearray()
    for value in values:
        inside, outside = begin(), finish()
        inside.update(value)
        outside.update(inside.digest())
        out += outside.digest()[:length]
    return np.frombuffer(out, _TOKEN)


def _bytes(digests: Digests) -> list[bytes]:
    """Each of them in full: NumPy takes zero bytes at the end of a text for its end."""
    data, size = digests.tobytes(), _TOKEN.itemsize
    return [data[at:at + size] for at in range(0, len(data), size)]


_DIGITS = np.frombuffer(b"".join(f"{byte:02x}".encode() for byte in range(256)), np.uint16)  # two characters a byte
_NIBBLES = np.zeros(256, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


def _hex(digests: Digests) -> pa.Array:
    """Tokens as text, 32 characters each."""
    text = _DIGITS[digests.view(np.uint8)]
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * TOKEN_CHARACTERS
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(text))


def _unhex(tokens: pa.ChunkedArray) -> Digests:
    fixed = np.array(tokens.to_numpy(), f"S{TOKEN_CHARACTERS}").view(np.uint8)
    return (_NIBBLES[fixed[0::2]] << 4 | _NIBBLES[fixed[1::2]]).view(_TOKEN)


def _append(path: Path, table: pa.Table) -> None:
    """Write a segment of the vault; one that is there (an earlier chunk of the same drop) keeps what it has."""
    if path.exists():
        table = pa.concat_tables([pq.read_table(path, partitioning=None), table])
    out = BytesIO()
    pq.write_table(table, out, compression="zstd")
    sealed.write(path, out.getbuffer())


def _used_ids() -> dict[str, str]:
    path = settings().raw / "linking_keys.json"
    found: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
    return found


def _lock() -> AbstractContextManager[None]:
    """Two sources may land at once on a new home; only one may make a key."""
    return sealed.lock(sealed.folder(settings().secrets, settings().secrets) / ".lock")
