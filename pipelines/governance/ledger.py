"""The training ledger: whose rows, of which cut-offs, made which model version, and from what.

One folder `ledger/<model>/v<N>/` per version, closed to others (0700), kept when everything else is purged:

- `subscribers.bin`: the subscribers, each once, sorted; 16 bytes a token.
- `cutoffs.bin`: one row of bits per cut-off, the n-th bit for the n-th subscriber (most significant bit first).
- `ledger.json`: how to read the two, their sha256, and what the frame was made of: feature service, digests of frame,
  partitions, raw drops and consents, parameters, commit. Its own sha256 is the ledger's digest, which the bundle, the
  registry's tags, the model card and the audit log state.

1M subscribers x 6 cut-offs are 16.8 MB; a question about one subscriber is a binary search in a mapped file.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.errors import IntegrityError, UsageError
from pipelines.landing import sealed
from pipelines.publish import sha256
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

PREFIX: Final = "sub_"
SUBSCRIBERS, CUTOFFS, FACTS = "subscribers.bin", "cutoffs.bin", "ledger.json"
TOKEN_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")
_FOLDER: Final = re.compile(r"v[1-9][0-9]*")

Tokens = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class Ledger:
    """One version's ledger. `facts` is ledger.json as written, `digest` the sha256 of its bytes."""

    directory: Path
    digest: str
    facts: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.facts["model"])

    @property
    def version(self) -> int:
        return int(self.facts["version"])

    @property
    def cutoffs(self) -> list[str]:
        return list(self.facts["cutoffs"])

    def subscribers(self) -> list[str]:
        """Everyone who trained it, sorted, after comparing the file with its sha256."""
        self._verified(SUBSCRIBERS)
        tokens = self._tokens()
        if self.facts["form"] == "text":
            return [PREFIX + token.decode() for token in tokens.tolist()]
        text = tokens.tobytes().hex()
        return [PREFIX + text[at:at + 2 * TOKEN_BYTES] for at in range(0, len(text), 2 * TOKEN_BYTES)]

    def cutoffs_of(self, subscriber: str) -> list[str]:
        """The cut-offs at which this subscriber's row trained it; none when it did not."""
        wanted, tokens = _packed([subscriber], self.facts["form"], self.facts["width"]), self._tokens()
        if not len(wanted):
            return []
        place = int(np.searchsorted(tokens, wanted[0]))
        if place == len(tokens) or tokens[place] != wanted[0]:
            return []
        bits = np.memmap(self.directory / CUTOFFS, np.uint8, "r").reshape(len(self.cutoffs), -1)
        column = bits[:, place // 8] >> (7 - place % 8) & 1
        return [cutoff for cutoff, is_there in zip(self.cutoffs, column, strict=True) if is_there]

    def _tokens(self) -> Tokens:
        path, width = self.directory / SUBSCRIBERS, int(self.facts["width"])
        if path.stat().st_size != width * self.facts["subscribers"]:
            raise IntegrityError(f"{path}: {path.stat().st_size} bytes are not {self.facts['subscribers']} "
                                 "subscribers; restore the ledger from a backup")
        return np.memmap(path, f"S{width}", "r")

    def _verified(self, name: str) -> None:
        found = sha256(self.directory / name)
        if found != self.facts["files"][name]:
            raise IntegrityError(f"{self.directory / name}: sha256 {found[:12]} is not the recorded "
                                 f"{self.facts['files'][name][:12]}; restore the ledger from a backup")


def path_of(model: str, version: int) -> Path:
    return settings().ledger / model / f"v{version}"


def write(model: str, version: int, frame: pd.DataFrame, facts: Mapping[str, Any]) -> Ledger:
    """Write a version's ledger in one rename. `frame` has a row per subscriber_id and event_timestamp it learned from.

    `facts` needs `identity`: the ledger of the same training, left by a killed run, stands; another one's raises
    IntegrityError.
    """
    directory = path_of(model, version)
    if directory.exists():
        return _standing(directory, facts["identity"])
    import pandas as pd

    days, cutoff = np.unique(frame["event_timestamp"].to_numpy().astype("M8[D]"), return_inverse=True)
    person, names = pd.factorize(frame["subscriber_id"].to_numpy(dtype=object))
    form, width = _form(names)
    tokens = _packed(names.tolist(), form, width)
    order = np.argsort(tokens, kind="stable")
    is_there = np.zeros((len(days), len(tokens)), dtype=bool)
    is_there[cutoff, np.argsort(order)[person]] = True
    contents = {SUBSCRIBERS: tokens[order].tobytes(), CUTOFFS: np.packbits(is_there, axis=1).tobytes()}
    return _save(directory, contents, {
        **facts, "model": model, "version": version, "form": form, "width": width,
        "subscribers": len(tokens), "rows": len(frame), "cutoffs": [str(day) for day in days],
        "rows_by_cutoff": [int(count) for count in is_there.sum(axis=1)],
    })


def inherit(model: str, standing: int, version: int, identity: str) -> Ledger | None:
    """The ledger of a version made of another one's heads, learned from nobody else. None when that one has none."""
    directory, source = path_of(model, version), path_of(model, standing)
    if directory.exists():
        return _standing(directory, identity)
    if not source.exists():
        return None
    kept = read(model, standing)
    contents = {name: (source / name).read_bytes() for name in (SUBSCRIBERS, CUTOFFS)}
    facts = {name: value for name, value in kept.facts.items() if name != "files"}
    return _save(directory, contents, {**facts, "version": version, "identity": identity,
                                       "inherited_from": standing, "inherited_digest": kept.digest})


def read(model: str, version: int) -> Ledger:
    """A version's ledger, after comparing it with the digest its bundle states. UsageError when there is none."""
    directory = path_of(model, version)
    if not directory.exists():
        there = ", ".join(map(str, kept(model))) or "none"
        raise UsageError(f"{model} v{version} has no ledger; there are: {there}; see telco models")
    found = _load(directory)
    stated = _stated(model, version)
    if stated is not None and stated != found.digest:
        raise IntegrityError(f"{directory / FACTS}: sha256 {found.digest[:12]} is not the {stated[:12]} its bundle "
                             "states; restore the ledger from a backup")
    return found


def kept(model: str | None = None) -> list[str]:
    """The versions that have a ledger, `churn:3`, by model and number."""
    found = [(folder.parent.name, int(folder.name[1:])) for folder in settings().ledger.glob("*/v*")
             if _FOLDER.fullmatch(folder.name) and model in (None, folder.parent.name)]
    return [f"{name}:{version}" for name, version in sorted(found)]


def models_of(subscriber: str) -> dict[str, list[str]]:
    """`churn:3` -> the cut-offs at which this subscriber's row trained it, over every version with a ledger."""
    found = {}
    for name in kept():
        model, _, version = name.partition(":")
        if cutoffs := read(model, int(version)).cutoffs_of(subscriber):
            found[name] = cutoffs
    return found


def subscriber_of(told: str) -> list[str]:
    """The ids of a subscriber told as `sub_...` or by the number billing knows the subscription by.

    A billing number gives an id for every operator: two systems may use the same one. UsageError before any key exists.
    """
    if told.startswith(PREFIX):
        return [told]
    import pyarrow as pa

    from pipelines.estate import estate
    from pipelines.landing.contract import Identifier
    from pipelines.landing.tokens import Tokens as Linking

    if not (settings().secrets / f"link_{Identifier.SUBSCRIPTION.value}.json").exists():
        raise UsageError("this home has no linking key: nothing was landed here, so nobody is in a model")
    linking = Linking()
    return [PREFIX + linking.column(Identifier.SUBSCRIPTION, operator, pa.array([told]))[0].as_py()
            for operator in sorted(estate().operators)]


def _form(subscribers: npt.NDArray[np.object_]) -> tuple[str, int]:
    """How tokens are kept: 16 bytes where every id is a token of the door, else as text of the longest."""
    if all(_TOKEN.fullmatch(one, len(PREFIX)) for one in subscribers):
        return "hex", TOKEN_BYTES
    return "text", max((len(one.encode()) - len(PREFIX) for one in subscribers), default=1)


def _packed(subscribers: Sequence[str], form: str, width: int) -> Tokens:
    """Ids as fixed-width bytes in their order; one that cannot have such a form is left out."""
    names = [one.removeprefix(PREFIX) for one in subscribers]
    if form == "hex":
        return np.frombuffer(bytes.fromhex("".join(name for name in names if _TOKEN.fullmatch(name))), f"S{width}")
    return np.array([name.encode() for name in names if len(name.encode()) <= width], f"S{width}")


def _save(directory: Path, contents: Mapping[str, bytes], facts: Mapping[str, Any]) -> Ledger:
    sealed.folder(directory.parent, settings().ledger)
    stated = {**facts, "files": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}}
    beside = directory.with_name(f".{directory.name}.{uuid.uuid4().hex}.tmp")
    try:
        sealed.folder(beside, settings().ledger)
        for name, data in {**contents, FACTS: json.dumps(stated, indent=2, sort_keys=True).encode() + b"\n"}.items():
            sealed.write(beside / name, data)
        beside.rename(directory)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return _load(directory)


def _standing(directory: Path, identity: str) -> Ledger:
    found = _load(directory)
    if found.facts.get("identity") != identity:
        raise IntegrityError(f"{directory}: holds the ledger of another training; the registry was reset. Restore the "
                             "registry, or move ledger/ and models/ of this home away together")
    return found


def _load(directory: Path) -> Ledger:
    path = directory / FACTS
    try:
        text = path.read_bytes()
        return Ledger(directory, hashlib.sha256(text).hexdigest(), json.loads(text))
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path}: unreadable ({error}); restore the ledger from a backup") from None


def _stated(model: str, version: int) -> str | None:
    """The digest in the version's bundle; None where the bundle is not in this home (a ledger outlives it)."""
    path = settings().models / model / f"v{version}" / "bundle.json"
    if not path.exists():
        return None
    facts = json.loads(path.read_bytes())
    found: str | None = facts.get("ledger")
    return found


def raw_digests(known_on: date) -> dict[str, str]:
    """By feed the sha256 over (dt, version, sha256) of every drop known by this day, from the raw manifests."""
    from pipelines.estate import estate
    from pipelines.landing import raw
    from pipelines.landing.senders import feed

    found = {}
    for feed_id in estate().delivered():
        drops = sorted((entry.key["dt"], entry.version, entry.sha256) for entry in raw.dataset(feed(feed_id))
                       .publications() if entry.known_on and entry.known_on <= known_on.isoformat())
        found[feed_id] = hashlib.sha256("\n".join(" ".join(map(str, drop)) for drop in drops).encode()).hexdigest()
    return found
