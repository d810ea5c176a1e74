"""Files with a pair of retrieval a line: JSON records, and MS MARCO's triples.

They are read once to check them, and each line again when it is asked for: however long texts are, none is held.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fairseq_hebrew.stage.errors import at

from .file import Line, half_character, read_lines

TRIPLE = "write query, positive and negative with tabs between them, as MS MARCO's triples"
RECORD = 'write {"query": ..., "positive": ..., "negatives": [...]} a line'
FORMATS = {"pairs": RECORD, "triples": TRIPLE}  # and what their lines have to be


class Pair(NamedTuple):
    """A query, a passage that answers it, and passages that were looked at and do not."""

    query: str
    positive: str
    negatives: tuple[str, ...] = ()


class PairLines(Sequence):
    """The pairs of a file that was checked, each read from it when it is asked for, by whatever process."""

    def __init__(self, path: Path, form: str, starts: np.ndarray) -> None:
        """starts: int64 (N + 1,), the byte each line begins at, and the file's end."""
        self._path, self._form, self._starts = path, form, starts
        self._file: int | None = None

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, index: int) -> Pair:
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY)
        start, end = self._starts[index : index + 2].tolist()
        # A process may share the file with the one that forked it: what is read is named by its place. The text ends
        # with its line, behind which blank ones may stand.
        text = os.pread(self._file, end - start, start).decode("utf-8-sig").split("\n", 1)[0]
        return _PARSERS[self._form](self._path, Line(0, start, text.rstrip("\r")))

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_file": None}


def checked_pairs(path: Path, form: str) -> Iterator[tuple[Line, Pair]]:
    """The pair of each line."""
    ids: dict[str, int] = {}
    for line in read_lines(path):
        pair = _PARSERS[form](path, line, ids)
        own = pair.positive.strip()
        for number, negative in enumerate(pair.negatives):
            if negative.strip() == own:
                where = f"negatives[{number}]" if form == "pairs" else "the negative"
                raise at(path, line.number, f"{where} is the positive itself", "remove it, or the line")
        yield line, pair


def _triple(path: Path, line: Line, ids: dict | None = None) -> Pair:
    cells = [cell.strip() for cell in line.text.split("\t")]
    if len(cells) != 3:
        raise at(path, line.number, f"{len(cells)} columns, not 3", TRIPLE)
    for name, cell in zip(("query", "positive", "negative"), cells):
        if not cell:
            raise at(path, line.number, f"the {name} is empty", "fill it in or remove the line")
    return Pair(cells[0], cells[1], (cells[2],))


def _record(path: Path, line: Line, ids: dict[str, int] | None = None) -> Pair:
    """Of a JSON object; ids: those of earlier lines with their numbers, where they are to be looked at."""
    try:
        record = json.loads(line.text)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise at(path, line.number, "no JSON record", RECORD)

    def text(value: object, name: str) -> str:
        if not isinstance(value, str):
            raise at(path, line.number, f"{name} is missing or no text", RECORD)
        if not value.strip():
            raise at(path, line.number, f"{name} is empty", "fill it in or remove the line")
        if half := half_character(value):
            raise at(path, line.number, f"{name} has half of a character, {half}", "write the file again as UTF-8")
        return value

    negatives = record.get("negatives")
    negatives = [] if negatives is None else negatives
    if not isinstance(negatives, list):
        raise at(path, line.number, "negatives is no list", RECORD)
    name = record.get("id")
    known = ids is not None and name is not None
    if known and (first := ids.setdefault(json.dumps(name), line.number)) != line.number:
        raise at(path, line.number, f"id {name!r} stands on line {first} too", "give every line an id of its own")
    return Pair(
        text(record.get("query"), "query"),
        text(record.get("positive"), "positive"),
        tuple(text(negative, f"negatives[{number}]") for number, negative in enumerate(negatives)),
    )


_PARSERS = {"pairs": _record, "triples": _triple}
