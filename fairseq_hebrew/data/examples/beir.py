"""The files of BEIR's form, row by row: what stands in one line is checked here, what belongs together is not."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fairseq_hebrew.stage.errors import UserError, at

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
    for number, line in _lines(path):
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
            if half := _half_character(part):
                raise at(path, number, f"half of a character, {half}", "write the file again as UTF-8")
        yield Row(number, name, text)


def read_qrels(path: Path) -> Iterator[Judgement]:
    """The rows of a table with tabs, its header left out; raises UserError for one that is no judgement."""
    remedy = f"write {', '.join(COLUMNS)} with tabs between them, as BEIR does"
    for number, line in _lines(path):
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


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of the lines that are not blank; only one is in memory at a time."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name the file in it in the description")
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the data folder and the names in the description")
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise at(path, None, "UTF-16, not UTF-8", "convert the file to UTF-8 (iconv -f UTF-16)")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise at(path, number, "invalid UTF-8", "convert the file to UTF-8 (iconv)") from None
            if text.strip():
                yield number, text


def _half_character(text: str) -> str | None:
    """The first surrogate that stands alone, as JSON can write it; None where there is none."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"\\u{ord(text[error.start]):04x}"
    return None
