"""CSV: a record a row, with line ends inside quoted fields; a file of any size with fields of any size."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator

from fairseq_hebrew.stage.errors import UserError

from ..documents import Document
from .formats import format_of
from .source import Source, one_line, record_text
from .stream import Stream, require_text, whole_lines

# Characters of a field, which take four bytes each while it is read: a quote that is never closed swallows no more.
LONGEST_FIELD = 1 << 27


def read_csv(source: Source) -> Iterator[Document]:
    """A document a row. Fields are quoted with `"`, doubled inside; commas (or tabs, in a .tsv) stand between them.

    A row is broken when it has not as many fields as the first one, holds invalid UTF-8 or a NUL, or its quotes do
    not close. After broken quotes reading goes on at the next line.
    """
    delimiter = "\t" if format_of(source) == "tsv" else ","
    csv.field_size_limit(LONGEST_FIELD)
    with Stream(source) as stream:
        require_text(stream)
        lines = _Lines(stream)
        rows = _rows(lines, delimiter, source)
        first = next(rows, None)
        if first is None:
            return
        columns = len(first[1])
        column = _column(first[1], source)
        for line, fields in rows if source.header else itertools.chain([first], rows):
            if len(fields) != columns:
                problem = f"{len(fields)} fields where the first row has {columns}"
                source.skip(line, problem, delimiter.join(fields), lines.offset())
            elif text := record_text(fields[column].encode("utf-8")):
                yield Document(line, text)
            else:
                source.counts.empty += 1


class _Lines:
    """The decoded lines of a CSV file, a piece of the file at a time; what is wrong with one stands in `problems`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.problems: dict[int, str] = {}
        # The row that is being read, and the piece of the file that is at hand.
        self._row, self._row_offset = 1, 0
        self._line, self._offset, self._piece = 1, 0, b""

    def __iter__(self) -> Iterator[str]:
        for line, offset, piece in whole_lines(self._stream):
            # The row may have begun in the piece that goes now.
            self._row_offset = self.offset()
            self._line, self._offset, self._piece = line, offset, piece
            try:
                text = piece.decode("utf-8")
            except UnicodeDecodeError:
                text = self._repaired(piece, line)
            if "\0" in text:
                # Some versions of the csv module refuse it.
                rows = enumerate(text.split("\n"), start=line)
                self.problems |= {number: "a NUL byte" for number, row in rows if "\0" in row}
                text = text.replace("\0", "\ufffd")
            yield from io.StringIO(text, newline="\n")

    def begin(self, line: int) -> None:
        """A row begins at this line."""
        self._row = line

    def forget(self, line: int) -> None:
        """What was wrong up to this line was told."""
        self.problems = {number: problem for number, problem in self.problems.items() if number > line}

    def offset(self) -> int:
        """Where the row that was begun last starts in the file, in bytes."""
        if self._row < self._line:
            return self._row_offset
        before = self._piece.split(b"\n", self._row - self._line)[: self._row - self._line]
        return self._offset + sum(len(row) + 1 for row in before)

    def _repaired(self, piece: bytes, line: int) -> str:
        rows = []
        for number, row in enumerate(piece.split(b"\n"), start=line):
            try:
                rows.append(row.decode("utf-8"))
            except UnicodeDecodeError as error:
                self.problems[number] = f"invalid UTF-8 (byte 0x{row[error.start]:02x})"
                rows.append(row.decode("utf-8", "replace"))
        return "\n".join(rows)


def _rows(lines: _Lines, delimiter: str, source: Source) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of each sound row; blank lines are no rows."""
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        lines.begin(line)
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            said = "a carriage return outside quotes" if "new-line" in str(error) else f"broken quotes ({error})"
            source.skip(line, said, offset=lines.offset())
            lines.forget(reader.line_num)
            continue
        if lines.problems and (wrong := min(lines.problems)) <= reader.line_num:
            source.skip(line, lines.problems[wrong], delimiter.join(fields), lines.offset())
            lines.forget(reader.line_num)
        elif fields:
            yield line, fields


def _column(first: list[str], source: Source) -> int:
    """The index of the column that holds the text."""
    wanted = source.text_field
    if source.header and (name := wanted or "text") in first:
        return first.index(name)
    if wanted is None and len(first) == 1:
        if source.header and (sign := next((sign for sign in ";\t|" if sign in first[0]), None)):
            raise UserError(
                f"{source.name}:1: has one column, with {sign!r} in its name; give commas between the fields of a "
                ".csv, tabs in a .tsv (--format tsv), or --text-field 1 if it is one column"
            )
        return 0
    if wanted is not None and wanted.isdecimal() and 1 <= int(wanted) <= len(first):
        return int(wanted) - 1
    there = one_line(", ".join(first)) if source.header else f"{len(first)}, without names"
    raise UserError(
        f"{source.name}: no column {wanted or 'text'!r} (its columns: {there}); "
        "give --text-field a name or a number from 1, or --no-header if the first row is text"
    )
