"""Texts with a label or a number, one or two at a time: tables and JSON lines. Every mistake is named by its line."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.data.described.texts import SequenceClassification, SequenceRegression, TextColumns
from fairseq_hebrew.stage.errors import at
from fairseq_hebrew.stage.progress import log

from .file import raw_lines


@dataclass(frozen=True)
class LabelledText:
    """`label` of classification, `value` of regression; `pair` is the second text of tasks with two."""

    line: int
    text: str
    label: str = ""
    pair: str | None = None
    value: float = math.nan
    id: str | None = None  # where the description names a column of ids


def read_labelled(path: Path, description: SequenceClassification, tell: bool = True) -> Iterator[LabelledText]:
    """The texts of a file, each with a label of the description."""
    for line, texts, label, name in _texts(path, description, tell):
        if label not in description.labels:
            known = ", ".join(description.labels)
            raise at(path, line, f"label {label!r} is none of {known}", "correct it, or `labels:`")
        yield LabelledText(line, texts[0], label, texts[1] if len(texts) > 1 else None, id=name)


def read_valued(path: Path, description: SequenceRegression, tell: bool = True) -> Iterator[LabelledText]:
    """The texts of a file, each with a number."""
    for line, texts, number, name in _texts(path, description, tell):
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise at(path, line, f"{description.label_column} {number!r} is no number", "correct the line")
        yield LabelledText(line, texts[0], "", texts[1] if len(texts) > 1 else None, value, name)


def _texts(path: Path, description: TextColumns, tell: bool) -> Iterator[tuple[int, list[str], str, str | None]]:
    """(line, the one or two texts, what stands in the label's column, the id where there are any) of each example."""
    wanted = [*description.text_columns, description.label_column]
    wanted += [description.id_column] if description.id_column else []
    read = _records if path.suffix.lower() == ".jsonl" else _rows
    seen: dict[str, int] = {}
    empty = 0
    for line, values in read(path, wanted, description):
        count = len(description.text_columns)
        texts, label = values[:count], values[count].strip()
        if description.id_column and (first := seen.setdefault(values[-1], line)) != line:
            told = f"{description.id_column} {values[-1]!r} stands on line {first} too"
            raise at(path, line, told, "keep one of them")
        if not all(text.strip() for text in texts) and description.empty_texts != "keep":
            if description.empty_texts == "refuse":
                raise at(path, line, "the text is empty", "remove the line or fill it in, or see `empty_texts:`")
            empty += 1
            continue
        yield line, texts, label, values[-1] if description.id_column else None
    if empty and tell:
        log(f"{path}: {empty} examples without text are left out")


def _rows(path: Path, wanted: list[str], description: TextColumns) -> Iterator[tuple[int, list[str]]]:
    comma = path.suffix.lower() == ".csv"
    # In tab-separated files of this field a quote is a quote, not the start of a quoted cell.
    rows = csv.reader(
        raw_lines(path, ends=""),
        delimiter="," if comma else "\t",
        quoting=csv.QUOTE_MINIMAL if comma else csv.QUOTE_NONE,
    )
    header = list(map(str, description.columns)) or next(rows, None) or []
    for name in wanted:
        if name not in header:
            where = "`columns:`" if description.columns else "the header"
            raise at(path, 1, f"no column {name!r} in {where} {header}", "name the columns in the description")
    places = [header.index(name) for name in wanted]
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            told = "`columns:`" if description.columns else "the header"
            raise at(path, rows.line_num, f"{len(row)} columns, {told} has {len(header)}", "correct the line")
        yield rows.line_num, [row[place] for place in places]


def _records(path: Path, wanted: list[str], description: TextColumns) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(raw_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            raise at(path, number, "no JSON record", "write an object a line")
        for name in wanted:
            kinds = (str,) if name in description.text_columns else (str, int, float)
            if name not in record:
                raise at(path, number, f"no key {name!r}", "name the keys in the description")
            if not isinstance(record[name], kinds) or isinstance(record[name], bool):
                wanted_kind = "text" if kinds == (str,) else "label"
                raise at(path, number, f"{name}: {record[name]!r} is no {wanted_kind}", "correct it")
        yield number, [str(record[name]) for name in wanted]
