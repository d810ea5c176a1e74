"""The texts of evaluation files, by simple rules: what is no text is too short to match anything.

| ending | items |
|---|---|
| .json | every string value at any depth (SQuAD and HeQ: contexts, questions, answers) |
| .jsonl | the same of each line (BEIR corpora and queries, annotated sentences) |
| .tsv, .csv | every cell |
| .bmes, .biose, .bioes, .bio, .iob, .conll | a token a line: the first column of the lines up to a blank one, joined |
| any other | every line |
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.text.lines import read_lines

from ..documents import LONGEST

TOKENS = (".bmes", ".biose", ".bioes", ".bio", ".iob", ".conll")


def read_items(path: Path) -> list[str]:
    """The distinct texts of an evaluation file, in order. Raises UserError for a file that is not what it is named."""
    readers = {".json": _json, ".jsonl": _json_lines, ".tsv": _cells, ".csv": _cells, **dict.fromkeys(TOKENS, _tokens)}
    found = dict.fromkeys(text for text in readers.get(path.suffix.lower(), _lines)(path) if text.strip())
    if not found:
        raise UserError(f"{path}: no text is in it; leave it out of --against")
    # JSON can hold half a surrogate pair, which UTF-8 cannot.
    return [text.encode("utf-8", "replace").decode("utf-8") for text in found]


def _lines(path: Path) -> Iterator[str]:
    for line, _ in read_lines(path):
        yield line.rstrip("\r\n")


def _json(path: Path) -> Iterator[str]:
    yield from _strings(_parse("".join(line for line, _ in read_lines(path)), path, None))


def _json_lines(path: Path) -> Iterator[str]:
    for number, (line, _) in enumerate(read_lines(path), start=1):
        if line.strip():
            yield from _strings(_parse(line, path, number))


def _parse(text: str, path: Path, line: int | None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = line if line is not None else getattr(error, "lineno", None)
        raise at(path, where, f"not JSON ({error})", "mend the file or leave it out of --against") from None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _cells(path: Path) -> Iterator[str]:
    if path.suffix.lower() == ".tsv":
        for line in _lines(path):
            yield from line.split("\t")
        return
    csv.field_size_limit(LONGEST)
    rows = csv.reader(line for line, _ in read_lines(path))
    try:
        for row in rows:
            yield from row
    except csv.Error as error:
        raise at(path, rows.line_num, f"not CSV ({error})", "mend the file or leave it out of --against") from None


def _tokens(path: Path) -> Iterator[str]:
    sentence: list[str] = []
    for line in _lines(path):
        if line.strip():
            sentence.append(line.split()[0])
            continue
        yield " ".join(sentence)
        sentence = []
    yield " ".join(sentence)
