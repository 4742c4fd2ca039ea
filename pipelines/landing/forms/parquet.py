"""Parquet: the contract's types as they are; text that looks like a number is not a number."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.landing import reading
from pipelines.landing.contract import Column, Feed, Type
from pipelines.landing.control import Damaged
from pipelines.landing.forms.part import Columns, Part, constant, from_text
from pipelines.landing.values import ARROW, Faults


def parquet_parts(feed: Feed, handle: BinaryIO) -> Iterator[Part]:
    """Parts of at most PART_ROWS rows. Raises Damaged for a file that is cut, another format, or would exhaust us."""
    _check_footer(handle)
    texts = [feed.dialect.sent(column.name) for column in feed.sent if column.type is Type.STRING]
    try:
        plain = pq.ParquetFile(handle)
        names = list(plain.schema_arrow.names)
        reading.check_columns(feed, names)
        _check_size(handle, plain.metadata)
        _check_types(feed, plain.schema_arrow)
        # Text stays coded until its longest value is known: a page of repeats expands without end. Asked for only now:
        # of a column that is not there, or is no text, it would be a KeyError.
        file = pq.ParquetFile(handle, metadata=plain.metadata, read_dictionary=texts)
        wanted = [feed.dialect.sent(column.name) for column in feed.sent]
        empty = True
        for batch in file.iter_batches(batch_size=reading.PART_ROWS, columns=wanted):
            empty = False
            yield _part(feed, names, pa.Table.from_batches([batch]))
        if empty:
            yield _part(feed, names, file.schema_arrow.empty_table())
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # names of columns are text too
        why = "no magic bytes, it was cut or is another format" if "magic" in str(error) else "it does not read"
        raise Damaged(f"not a whole Parquet file: {why}") from None


def _part(feed: Feed, names: list[str], table: pa.Table) -> Part:
    faults = Faults()
    columns: Columns = {}
    for column in feed.columns:
        if column.name in feed.dialect.constants:
            columns[column.name] = constant(feed, column, table.num_rows, faults)
        else:
            columns[column.name] = _array(feed, column, table[feed.dialect.sent(column.name)], faults)
    return Part(columns, tuple(names), faults)


def _check_footer(handle: BinaryIO) -> None:
    """The footer is parsed whole before anything else can be asked; its length stands in the last eight bytes."""
    from expectations.thresholds import MAX_FOOTER_BYTES

    size = handle.seek(0, os.SEEK_END)
    if size < 12:
        raise Damaged("not a whole Parquet file: no magic bytes, it was cut or is another format")
    handle.seek(-8, os.SEEK_END)
    (length,) = struct.unpack("<I", handle.read(4))
    handle.seek(0)
    if length > min(MAX_FOOTER_BYTES, size):
        raise Damaged("not a whole Parquet file: no magic bytes, it was cut or is another format"
                      if length > size else f"its footer has {length} bytes, more than {MAX_FOOTER_BYTES}")


def _check_size(handle: BinaryIO, metadata: pq.FileMetaData) -> None:
    from expectations.thresholds import MAX_CHUNK_BYTES, MAX_EXPANSION, MAX_ROWS

    if metadata.num_rows > MAX_ROWS:
        raise Damaged(f"{metadata.num_rows} rows, more than the {MAX_ROWS} a drop may have")
    packed = handle.seek(0, os.SEEK_END)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    # A run of one value is a few bytes in its page and 8 a row in memory.
    unpacked = max(sum(group.total_byte_size for group in groups), 8 * metadata.num_columns * metadata.num_rows)
    if unpacked > MAX_EXPANSION * packed:
        raise Damaged(f"{packed} bytes that unpack to {unpacked}: more than 1 to {MAX_EXPANSION}")
    longest = max((group.column(at).total_uncompressed_size for group in groups if group.total_byte_size >
                   MAX_CHUNK_BYTES for at in range(group.num_columns)), default=0)
    if longest > MAX_CHUNK_BYTES:
        raise Damaged(f"a column of a row group that unpacks to {longest} bytes, more than {MAX_CHUNK_BYTES}: "
                      "write smaller row groups")


def _check_types(feed: Feed, schema: pa.Schema) -> None:
    wrong = []
    for column in feed.sent:
        found = schema.field(feed.dialect.sent(column.name)).type
        if not _fits(column.type, found) and not (column.name in feed.dialect.values and _fits(Type.STRING, found)):
            plain = found.value_type if pa.types.is_dictionary(found) else found
            wrong.append(f"{column.name} is {plain}, the contract wants {column.type.value}")
    if wrong:
        raise Damaged(*wrong)


def _fits(kind: Type, found: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    if kind is Type.STRING:
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if kind is Type.INTEGER:
        return bool(pa.types.is_integer(found) and found != pa.uint64())
    if kind is Type.DOUBLE:
        return bool(pa.types.is_floating(found))
    if kind is Type.DECIMAL:
        return bool(pa.types.is_decimal(found) and found.scale <= 4 and found.precision - found.scale <= 14)
    if kind is Type.BOOLEAN:
        return bool(pa.types.is_boolean(found))
    if kind is Type.DATE:
        return bool(pa.types.is_date32(found))
    zone = found.tz if pa.types.is_timestamp(found) else "no timestamp"
    return zone is None or (kind is Type.INSTANT and zone == "UTC")


def _check_text(column: Column, chunk: pa.Array) -> None:
    """Arrow takes any bytes for text, and whoever looks at them later falls over."""
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid:
        raise Damaged(f"{column.name} has text that is not UTF-8: a byte does not decode") from None


def _array(feed: Feed, column: Column, found: pa.ChunkedArray, faults: Faults) -> pa.Array:
    from expectations.thresholds import MAX_TEXT

    target = ARROW[column.type]
    plain = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
    if pa.types.is_dictionary(found.type):
        for chunk in found.chunks:
            _check_text(column, chunk)
            longest = pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0
            if longest > MAX_TEXT:
                raise Damaged(f"{column.name} has a value of {longest} bytes, more than {MAX_TEXT}")
        found = found.cast(plain)
    if column.name in feed.dialect.values:
        return from_text(feed, column, found.cast(pa.string()), faults)
    if pa.types.is_timestamp(plain):
        found = pc.cast(found, pa.timestamp("us", plain.tz), safe=False).cast(target)
    array = found.cast(target).combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], target)
    if column.type is Type.DOUBLE:
        odd = pc.invert(pc.is_finite(array))
        faults.add(f"{column.name} is not a finite number", pc.fill_null(odd, False).to_numpy(zero_copy_only=False))
    return array
