"""Labelled texts of a table, tab- or comma-separated. Every mistake is named by its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.data.described.texts import SequenceClassification
from fairseq_hebrew.stage.errors import at

from .file import read_text


@dataclass(frozen=True)
class LabelledText:
    line: int
    text: str
    label: str


def read_table(path: Path, description: SequenceClassification) -> Iterator[LabelledText]:
    """The rows of a table with a header."""
    comma = path.suffix.lower() == ".csv"
    # In tab-separated files of this field a quote is a quote, not the start of a quoted cell.
    rows = csv.reader(
        io.StringIO(read_text(path), newline=""),
        delimiter="," if comma else "\t",
        quoting=csv.QUOTE_MINIMAL if comma else csv.QUOTE_NONE,
    )
    header = next(rows, None) or []
    columns = []
    for wanted in (description.text_column, description.label_column):
        if wanted not in header:
            raise at(path, 1, f"no column {wanted!r} in the header {header}", "name the columns in the description")
        columns.append(header.index(wanted))
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise at(path, rows.line_num, f"{len(row)} columns, the header has {len(header)}", "correct the line")
        comment, label = row[columns[0]], row[columns[1]].strip()
        if label not in description.labels:
            known = ", ".join(description.labels)
            raise at(path, rows.line_num, f"label {label!r} is none of {known}", "correct it, or `labels:`")
        if not comment.strip():
            raise at(path, rows.line_num, "the text is empty", "remove the line or fill it in")
        yield LabelledText(rows.line_num, comment, label)
