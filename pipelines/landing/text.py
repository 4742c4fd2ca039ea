"""The bytes of a text drop as blocks of whole lines in UTF-8, from the encoding its sender declared."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

import numpy as np

from pipelines.landing.control import Damaged

_BOM = b"\xef\xbb\xbf"
_C1 = re.compile(rb"[\x80-\x9f]")


def blocks(handle: BinaryIO, encoding: str, size: int, lines: int) -> Iterator[bytes]:
    """Blocks of about `size` bytes, each of at most `lines` whole lines. Raises Damaged for what is not text of the
    encoding.

    A byte order mark of UTF-8 is allowed and removed. The last line must end: a file that was cut does not.
    """
    rest = b""
    line = 0
    first = True
    while data := handle.read(size):
        if first:
            data = data.removeprefix(_BOM)
            first = False
        head, end, tail = data.rpartition(b"\n")
        block, rest = (rest + head + end, tail) if end else (b"", rest + data)
        _check_length(block, line)
        if block:
            yield from _cut(_decoded(block, encoding, line), lines)
            line += block.count(b"\n")
        _check_length(rest, line)
    if rest or first:
        raise Damaged("the last line has no end: the file was cut")


def _cut(block: bytes, lines: int) -> Iterator[bytes]:
    """A block of very short lines is millions of rows, and each costs more as a row than as bytes."""
    if block.count(b"\n") <= lines:
        yield block
        return
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))[lines - 1::lines] + 1
    for start, end in pairwise([0, *ends.tolist(), len(block)]):
        if start < end:
            yield block[start:end]


def _check_length(block: bytes, line: int) -> None:
    """Raises Damaged for a line that no row has; `line`: how many went before the block."""
    from expectations.thresholds import MAX_LINE_BYTES

    at = 0
    while len(block) - at > MAX_LINE_BYTES:
        end = block.rfind(b"\n", at, at + MAX_LINE_BYTES + 1)
        if end < 0:
            number = line + block.count(b"\n", 0, at) + 1
            raise Damaged(f"line {number}: longer than {MAX_LINE_BYTES} bytes")
        at = end + 1


def _decoded(block: bytes, encoding: str, line: int) -> bytes:
    if b"\0" in block:
        raise Damaged(f"NUL bytes: not text in {encoding.upper()}")
    if block.isascii():
        return block
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError as error:
        where = line + block.count(b"\n", 0, error.start) + 1
        raise Damaged(f"line {where}: not {encoding.upper()}: a byte does not decode") from None
    if encoding == "utf-8":
        return block
    # Single-byte encodings decode anything, so ask what such a text cannot be.
    if encoding.startswith("iso8859") and _C1.search(block):
        raise Damaged(f"control characters 0x80 to 0x9F: not {encoding.upper()}, perhaps CP1252 or UTF-8")
    if _is_utf8(block):
        raise Damaged(f"every special character is UTF-8, and {encoding.upper()} is declared: it would be garbled")
    return text.encode("utf-8")


def _is_utf8(block: bytes) -> bool:
    try:
        codecs.decode(block, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
