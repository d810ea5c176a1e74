"""The files of BEIR's form, row by row: what stands in one line is checked here, what belongs together is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fairseq_hebrew.stage.errors import at

from .file import half_character, read_lines

COLUMNS = ("query-id", "corpus-id", "score")
HIGHEST = 1000  # of the grades; 4 or less in the field's collections


class Row(NamedTuple):
    """A passage or a query; `text` begins with its title, where it has one."""

    line: int
    id: str
    text: str


class Judgement(NamedTuple):
    """How relevant a passage is to a query: from 0, which is not at all."""

    line: int
    query: str
    passage: str
    grade: int


def read_rows(path: Path) -> Iterator[Row]:
    """The objects of a .jsonl; raises UserError for a line that is none with `_id` and `text`."""
    for number, _, line in read_lines(path):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise at(path, number, "no JSON record", "write an object with _id and text a line")
        name = record.get("_id")
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str) or not name.strip():
            raise at(path, number, "no _id, or an empty one", "give each line an id of its own")
        parts = [record.get("title") or "", record.get("text") or ""]
        for key, part in zip(("title", "text"), parts):
            if not isinstance(part, str):
                raise at(path, number, f"{key}: {part!r} is no text", "write it as a text")
        text = " ".join(part for part in map(str.strip, parts) if part)
        if not text:
            raise at(path, number, f"the text of {name!r} is empty", "fill it in or remove the line")
        for part in (name, text):
            if half := half_character(part):
                raise at(path, number, f"half of a character, {half}", "write the file again as UTF-8")
        yield Row(number, name, text)


def read_qrels(path: Path) -> Iterator[Judgement]:
    """The rows of a table with tabs, its header left out; raises UserError for one that is no judgement."""
    remedy = f"write {', '.join(COLUMNS)} with tabs between them, as BEIR does"
    for number, _, line in read_lines(path):
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 and tuple(cells) == COLUMNS:
            continue
        if len(cells) != len(COLUMNS):
            raise at(path, number, f"{len(cells)} columns, not {len(COLUMNS)}", remedy)
        query, passage, grade = cells
        for name, cell in zip(COLUMNS, cells):
            if not cell:
                raise at(path, number, f"{name} is empty", remedy)
        if not (grade.isascii() and grade.isdigit() and int(grade) <= HIGHEST):
            raise at(path, number, f"score {grade!r} is no whole number from 0 to {HIGHEST}", remedy)
        yield Judgement(number, query, passage, int(grade))
