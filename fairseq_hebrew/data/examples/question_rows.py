"""The questions of a file as rows of plain values, each with its place; what the values must be is not asked here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairseq_hebrew.stage.errors import UserError, at

COLUMNS = ("id", "context", "question", "answers")


@dataclass(frozen=True)
class Row:
    """`place`: in the JSON, such as data[0].paragraphs[2].qas[1]; `line` where a line is a row."""

    place: str
    line: int | None
    values: Mapping[str, Any] = field(repr=False)


def squad_rows(path: Path, text: str) -> Iterator[Row]:
    """Of data/paragraphs/qas: each question with the context of its paragraph."""
    remedy = "give a file as SQuAD's, or `format: flat` for a row a question"
    for i, article in enumerate(_list(path, "data", _json(path, text), "data", remedy)):
        place = f"data[{i}]"
        for j, paragraph in enumerate(_list(path, f"{place}.paragraphs", article, "paragraphs", remedy)):
            inside = f"{place}.paragraphs[{j}]"
            for k, question in enumerate(_list(path, f"{inside}.qas", paragraph, "qas", remedy)):
                at_question = f"{inside}.qas[{k}]"
                if not isinstance(question, Mapping):
                    raise at(path, None, f"{at_question} is no object", remedy)
                yield Row(at_question, None, {**question, "context": paragraph.get("context")})


def flat_rows(path: Path, text: str) -> Iterator[Row]:
    """Of a table (.csv), of JSON lines (.jsonl), or of JSON with the rows under `data` or alone."""
    if path.suffix.lower() == ".csv":
        yield from _table(path, text)
        return
    if path.suffix.lower() == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _row(path, f"line {number}", number, _json(path, line, number))
        return
    read = _json(path, text)
    remedy = "give a row a question, or `format: squad` for a file as SQuAD's"
    for i, values in enumerate(read if isinstance(read, list) else _list(path, "data", read, "data", remedy)):
        if isinstance(values, Mapping) and "paragraphs" in values:
            raise at(path, None, f"data[{i}] has paragraphs, as SQuAD's files", "write `format: squad`")
        yield _row(path, f"data[{i}]", None, values)


def _row(path: Path, place: str, line: int | None, values: object) -> Row:
    if not isinstance(values, Mapping):
        raise at(path, line, f"{place} is no object", f"write an object with {', '.join(COLUMNS)}")
    return Row(place, line, values)


def _table(path: Path, text: str) -> Iterator[Row]:
    limit = csv.field_size_limit(len(text) + 1)  # a context is one cell
    try:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(rows, None) or []
        if missing := [name for name in COLUMNS if name not in header]:
            raise at(path, 1, f"no column {missing[0]!r} in the header {header}", f"name {', '.join(COLUMNS)}")
        while True:
            line = rows.line_num + 1
            row = next(rows, None)
            if row is None:
                return
            if not row:
                continue
            if len(row) != len(header):
                raise at(path, line, f"{len(row)} columns, the header has {len(header)}", "correct the line")
            values: dict[str, Any] = dict(zip(header, row))
            values["answers"] = _cell(path, line, values["answers"])
            if "is_impossible" in values:
                values["is_impossible"] = _cell(path, line, values["is_impossible"].lower())
            yield Row(f"line {line}", line, values)
    except csv.Error as error:
        raise at(path, rows.line_num, f"not comma-separated values ({error})", "correct the quotes") from None
    finally:
        csv.field_size_limit(limit)


def _cell(path: Path, line: int, cell: str) -> object:
    if not cell.strip():
        return None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        remedy = 'write answers as JSON: {"text": ["..."], "answer_start": [0]}'
        raise at(path, line, f"no JSON in a cell: {cell[:40]!r}", remedy) from None


def _json(path: Path, text: str, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        there = line if line is not None else error.lineno
        raise at(
            path, there, f"not JSON ({error.msg}, column {error.colno})", "give the whole file, as it was published"
        ) from None
    except ValueError as error:  # a number of thousands of digits
        raise at(path, line, f"not JSON ({error})", "give the whole file, as it was published") from None
    except RecursionError:
        raise at(path, line, "brackets in brackets without end", "give the file as it was published") from None


def _list(path: Path, place: str, holder: object, key: str, remedy: str) -> list:
    found = holder.get(key) if isinstance(holder, Mapping) else None
    if not isinstance(found, list):
        raise UserError(f"{path}: {place} is missing or no list; {remedy}")
    return found
