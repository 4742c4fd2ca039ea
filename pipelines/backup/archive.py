"""The file of a backup: a tar without compression, readable by its owner alone, that says what it holds.

First member `telco-backup.json` (the format and what the backup is of), last member `files.json` (sha256 and bytes of
every other member), between them plain files. Parquet and models are compressed already. What is read is written below
one folder, hashed on the way, and compared with `files.json` before anybody uses it: no links, no devices, no sparse
files, no name that leads out of the folder, none twice.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from pipelines.errors import IntegrityError

HEAD, FILES, FORMAT = "telco-backup.json", "files.json", 1
HOME, DATABASES = "home", "databases"  # the two folders a member may lie in
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
_CHUNK = 2**20
_LARGEST_LIST = 2**28  # of files.json: a million files with their digests are 150 MB


class Hashed:
    """An open file that knows the sha256 and the bytes of what went through it, to or from."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest, self.bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        if self._file.closed:  # tarfile ends its stream once more when one that failed is thrown away
            return len(data)
        self._digest.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self.bytes += len(data)
        return data

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Writer:
    """Writes a backup member by member; `close` adds the list of them. `head` is what the backup says of itself."""

    def __init__(self, out: Hashed, head: Mapping[str, Any]) -> None:
        self._tar = tarfile.open(  # type: ignore[call-overload]  # noqa: SIM115  # `close` does
            fileobj=out, mode="w|", format=tarfile.PAX_FORMAT)
        self.files: dict[str, tuple[str, int]] = {}
        self.add_bytes(HEAD, _json({"format": FORMAT, **head}))

    def add_bytes(self, name: str, data: bytes) -> None:
        self._add(name, io.BytesIO(data), len(data), 0o600)

    def add(self, name: str, path: Path) -> bool:
        """Add a file as it is now; what is appended to it meanwhile stays out. False when it is gone."""
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return False
        with source:
            found = os.fstat(source.fileno())
            self._add(name, source, found.st_size, 0o644 if found.st_mode & 0o044 else 0o600)
        return True

    def _add(self, name: str, source: BinaryIO, size: int, mode: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, mode
        hashed = Hashed(source)
        try:
            self._tar.addfile(member, hashed)
        except OSError as error:
            if error.errno is not None:
                raise
            raise IntegrityError(f"{name}: became shorter while it was copied; make the backup again") from None
        self.files[name] = (hashed.sha256, size)

    def close(self) -> None:
        listed = {name: list(facts) for name, facts in sorted(self.files.items())}
        self.add_bytes(FILES, _json(listed))
        self._tar.close()


def head(path: Path) -> dict[str, Any]:
    """What a backup says of itself. Raises IntegrityError for a file that is none, or of a format not known here."""
    try:
        with path.open("rb") as source, tarfile.open(fileobj=source, mode="r|") as tar:
            first = tar.next()
            file = tar.extractfile(first) if first and first.name == HEAD and first.type in _PLAIN else None
            told = dict(json.loads(file.read(_CHUNK))) if file else {}
    except (tarfile.TarError, ValueError, TypeError, EOFError) as error:
        raise IntegrityError(f"{path}: not a backup of telco ({error})") from None
    if not told:
        raise IntegrityError(f"{path}: not a backup of telco: it does not begin with {HEAD}")
    if told.get("format") != FORMAT:
        raise IntegrityError(f"{path}: format {told.get('format')!r}, this version reads {FORMAT}; restore it with "
                             f"the version that made it ({told.get('version', 'not said')})")
    return told


def unpack(path: Path, into: Path) -> dict[str, Any]:
    """Write every member below `into`, which is empty, and compare all of them with the list; returns the head.

    Raises IntegrityError at the first thing that is not as it was written; then what lies in `into` is of no use.
    """
    told, found, listed = head(path), dict[str, tuple[str, int]](), None
    try:
        with path.open("rb") as source, tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                name = _checked(member, path, found)
                if name == FILES:
                    if member.size > _LARGEST_LIST:
                        raise IntegrityError(f"{path}: a list of {member.size} bytes; not one of ours")
                    listed = json.loads(_opened(tar, member).read())
                else:
                    found[name] = _written(_opened(tar, member), into / name, member.mode)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise IntegrityError(f"{path}: damaged or cut off ({error}); take another backup") from None
    if not isinstance(listed, dict):
        raise IntegrityError(f"{path}: cut off: the list of its files is missing; take another backup")
    _compare(path, found, {str(name): tuple(facts) for name, facts in listed.items()})
    return told


def _checked(member: tarfile.TarInfo, path: Path, found: Mapping[str, object]) -> str:
    """The name of a member that is a plain file in one of our folders, once."""
    name = PurePosixPath(member.name)
    is_ours = member.name in (HEAD, FILES) or (len(name.parts) > 1 and name.parts[0] in (HOME, DATABASES))
    if (not is_ours or name.is_absolute() or ".." in name.parts or str(name) != member.name or "\0" in member.name
            or "\\" in member.name):
        raise IntegrityError(f"{path}: holds {member.name!r}, which is no file of a backup; nothing was restored")
    if member.type not in _PLAIN or member.issparse():
        raise IntegrityError(f"{path}: {member.name!r} is not a plain file (a link or a device); nothing was restored")
    if member.name in found:
        raise IntegrityError(f"{path}: holds {member.name!r} twice; nothing was restored")
    return member.name


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    file = tar.extractfile(member)
    if file is None:
        raise IntegrityError(f"{member.name}: not a plain file")
    return file  # type: ignore[return-value]


def _written(source: BinaryIO, target: Path, mode: int) -> tuple[str, int]:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = 0o644 if mode & 0o044 else 0o600
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, wanted), "wb") as raw:
        out = Hashed(raw)
        while chunk := source.read(_CHUNK):
            out.write(chunk)
    return out.sha256, out.bytes


def _compare(path: Path, found: Mapping[str, tuple[str, int]], listed: Mapping[str, tuple[Any, ...]]) -> None:
    odd = sorted(name for name in found.keys() | listed.keys() if found.get(name) != listed.get(name))
    if odd:
        raise IntegrityError(f"{path}: {len(odd)} files are not as {FILES} lists them, the first: {odd[0]}. Nothing "
                             "was restored; take another backup")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, default=str).encode() + b"\n"
