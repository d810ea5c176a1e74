"""Parquet: a record a row; the column of the text alone is read, in batches of some megabytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fairseq_hebrew.stage.errors import UserError

from ..documents import Document
from .source import Source, one_line, record_text
from .stream import RawFile, compression_of

if TYPE_CHECKING:
    import pyarrow

# Bytes of text in a batch, by the mean of its row group.
BATCH = 4 << 20
# Bytes of a compressed column that are read at a time.
BUFFER = 1 << 20


def read_parquet(source: Source) -> Iterator[Document]:
    """A document a row; `line` is its number. No value (null) and white space alone are empty documents.

    A row group that cannot be read is one broken record.
    """
    import pyarrow
    import pyarrow.parquet

    if compression_of(source.name.name):
        raise UserError(f"{source.name}: a Parquet file is compressed inside; decompress this one first")
    with RawFile(source.name, source.progress) as raw:
        # Of a local file pyarrow reads without Python's help.
        file = raw.file if source.name.is_remote else str(source.name)
        try:
            parquet = pyarrow.parquet.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)
        except (pyarrow.ArrowException, OSError) as error:
            raise UserError(f"{source.name}: is no whole Parquet file ({one_line(error)}); fetch it again") from error
        field, index = _field(parquet.schema, source)
        row = 1
        for group in range(parquet.num_row_groups):
            about = parquet.metadata.row_group(group)
            column = about.column(index)
            size = max(column.total_uncompressed_size // max(about.num_rows, 1), 1)
            end = row + about.num_rows
            try:
                for batch in parquet.iter_batches(max(BATCH // size, 1), row_groups=[group], columns=[field]):
                    yield from _documents(batch.column(0), row, field, source)
                    row += batch.num_rows
            except (pyarrow.ArrowException, OSError) as error:
                source.skip(f"rows {row:,}-{end - 1:,}", f"row group {group} cannot be read ({one_line(error)})")
            row = end
            raw.count(column.total_compressed_size)
        raw.count_rest()


def _field(schema: pyarrow.parquet.ParquetSchema, source: Source) -> tuple[str, int]:
    """The path and the number of the column that holds the text."""
    columns = [schema.column(number) for number in range(len(schema))]
    wanted = source.text_field or "text"
    for number, column in enumerate(columns):
        if column.path == wanted:
            if column.physical_type != "BYTE_ARRAY" or column.max_repetition_level:
                kind = "lists" if column.max_repetition_level else column.physical_type
                raise UserError(f"{source.name}: the column {wanted!r} holds no text but {kind}; give --text-field")
            return wanted, number
    there = one_line(", ".join(column.path for column in columns), 1000)
    raise UserError(f"{source.name}: no column {wanted!r} (its columns: {there}); give --text-field one of them")


def _documents(column: pyarrow.Array, row: int, field: str, source: Source) -> Iterator[Document]:
    """The documents of a batch whose first row has this number."""
    import numpy
    import pyarrow

    for _ in field.split(".")[1:]:
        if not pyarrow.types.is_struct(column.type):
            break  # a name with a dot in it
        column = column.flatten()[0]
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count:
        column = column.fill_null(b"" if pyarrow.types.is_binary(column.type) else "")
    column = column.cast(pyarrow.large_binary())
    _, offsets, data = column.buffers()
    ends = numpy.frombuffer(offsets, numpy.int64)[column.offset : column.offset + len(column) + 1].tolist()
    data = memoryview(data) if data is not None else memoryview(b"")
    for number, (start, end) in enumerate(itertools.pairwise(ends), start=row):
        raw = bytes(data[start:end])
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            source.skip(f"row {number:,}", f"invalid UTF-8 (byte 0x{raw[error.start]:02x})", raw)
            continue
        if text := record_text(raw):
            yield Document(number, text)
        else:
            source.counts.empty += 1
