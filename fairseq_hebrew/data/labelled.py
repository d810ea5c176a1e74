"""Reading labelled files: tagged words a line, and tables of texts. Every mistake in them is named by its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, at

from .description import TaskDescription


@dataclass(frozen=True)
class TaggedSentence:
    """Words with their tags; `line` is the number of the first one in the file."""

    line: int
    words: list[str]
    tags: list[str]


@dataclass(frozen=True)
class LabelledText:
    line: int
    text: str
    label: str


def split_path(folder: Path, split: str, description: TaskDescription) -> Path:
    """The file of a split of a task; raises UserError for a split the description does not name."""
    if split not in description.files:
        known = ", ".join(description.files)
        raise UserError(f"the task {description.name} has no split {split!r} in its description; it has {known}")
    return folder / description.files[split]


def read_examples(folder: Path, split: str, description: TaskDescription) -> list:
    """The examples of a split of a task, in the order of the file."""
    return read_file(split_path(folder, split, description), description)


def read_file(path: Path, description: TaskDescription) -> list:
    """TaggedSentence or LabelledText examples of a file; raises UserError naming the line that is wrong."""
    read = _tagged if description.kind == "token_classification" else _table
    examples = list(read(path, _text(path), description))
    if not examples:
        raise UserError(f"{path}: no examples in the file; give the file with the labelled data")
    return examples


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the data folder and `files:` of the description") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; name the file in it in `files:` of the description") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise at(path, line, "invalid UTF-8", "convert the file to UTF-8 (iconv)") from None


def _tagged(path: Path, text: str, description: TaskDescription) -> Iterator[TaggedSentence]:
    known = set(description.classes)
    words: list[str] = []
    tags: list[str] = []
    # Only a line feed ends a line: a word may hold a sign that str.splitlines takes for a line end.
    for number, row in enumerate([*text.split("\n"), ""], start=1):
        # The tag is the last column; NEMO has words with a blank inside ("ו ה 60").
        fields = row.strip().rsplit(maxsplit=1)
        if not fields:
            if words:
                yield TaggedSentence(number - len(words), words, tags)
                words, tags = [], []
            continue
        if len(fields) != 2:
            raise at(
                path, number, f"expected `word tag`, found {row.strip()[:60]!r}", "write a word and its tag a line"
            )
        word, tag = fields
        if tag not in known:
            raise at(
                path,
                number,
                f"tag {tag!r} is not of scheme {description.scheme} with the labels {', '.join(description.labels)}",
                "correct the tag, or `scheme:` and `labels:` of the description",
            )
        words.append(word)
        tags.append(tag)


def _table(path: Path, text: str, description: TaskDescription) -> Iterator[LabelledText]:
    comma = path.suffix.lower() == ".csv"
    # In tab-separated files of this field a quote is a quote, not the start of a quoted cell.
    rows = csv.reader(
        io.StringIO(text, newline=""),
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
