"""What retrieval learns from: queries, each with a passage that answers it, and perhaps some that do not.

Files with a pair a line (`pairs`, `triples`) are read once to check them, and each line again when it is asked for: a
pair takes 20 bytes of memory, however long its texts are. Of the other forms the texts that pairs need are in memory.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.stage.errors import UserError, at

from .file import Line, half_character, read_lines
from .relevance import Relevance, identity
from .retrieval_set import retrieval_set

LINES = ("pairs", "triples")  # the formats with a pair a line
_TRIPLE = "write query, positive and negative with tabs between them, as MS MARCO's triples"
_RECORD = 'write {"query": ..., "positive": ..., "negatives": [...]} a line'


class Pair(NamedTuple):
    """A query, a passage that answers it, and passages that were looked at and do not."""

    query: str
    positive: str
    negatives: tuple[str, ...] = ()


@dataclass
class PairSet:
    """The pairs of a split in order; `relevance`: of all of them; `sizes` int32 (N, 3): the bytes of each query and
    of its longest passage, and how many passages it has."""

    pairs: Sequence[Pair]
    relevance: Relevance
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.pairs)


def read_pairs(path: Path, description: Retrieval, tell: bool = True) -> Iterator[Pair]:
    """The pairs of a file in order; raises UserError naming file and line of what is wrong; `tell` changes nothing."""
    if description.format in LINES:
        yield from (pair for _, pair in _checked(path, description.format))
    else:
        yield from _judged(path, path.parent, description)[0]


def read_pair_set(path: Path, folder: Path, description: Retrieval) -> PairSet:
    """The pairs of a file; of BEIR's form a qrels, whose corpus and queries stand in the folder.

    Raises UserError naming file and line of what is wrong, and for a file without a pair.
    """
    if description.format not in LINES:
        pairs, relevance = _judged(path, folder, description)
        return PairSet(pairs, relevance, _sizes(pairs))
    relevance, starts, sizes = Relevance(), array("q"), array("i")
    for line, pair in _checked(path, description.format):
        starts.append(line.start)
        sizes.extend(_sizes([pair])[0].tolist())
        relevance.add(identity(pair.query), identity(pair.positive))
    if not starts:
        raise UserError(f"{path}: no pairs in the file; {_RECORD if description.format == 'pairs' else _TRIPLE}")
    starts.append(path.stat().st_size)
    pairs = PairLines(path, description.format, np.frombuffer(starts, np.int64))
    return PairSet(pairs, relevance, np.frombuffer(sizes, np.int32).reshape(-1, 3))


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


def _sizes(pairs: Sequence[Pair]) -> np.ndarray:
    rows = []
    for query, positive, negatives in pairs:
        passages = (positive, *negatives)
        rows.append((len(query.encode()), max(len(text.encode()) for text in passages), len(passages)))
    return np.array(rows, np.int32).reshape(-1, 3)


def _checked(path: Path, form: str) -> Iterator[tuple[Line, Pair]]:
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
        raise at(path, line.number, f"{len(cells)} columns, not 3", _TRIPLE)
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
        raise at(path, line.number, "no JSON record", _RECORD)

    def text(value: object, name: str) -> str:
        if not isinstance(value, str):
            raise at(path, line.number, f"{name} is missing or no text", _RECORD)
        if not value.strip():
            raise at(path, line.number, f"{name} is empty", "fill it in or remove the line")
        if half := half_character(value):
            raise at(path, line.number, f"{name} has half of a character, {half}", "write the file again as UTF-8")
        return value

    negatives = record.get("negatives")
    negatives = [] if negatives is None else negatives
    if not isinstance(negatives, list):
        raise at(path, line.number, "negatives is no list", _RECORD)
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


def _judged(path: Path, folder: Path, description: Retrieval) -> tuple[list[Pair], Relevance]:
    """A pair for each passage that answers a query; those that were judged and do not are its negatives."""
    found = retrieval_set(path, folder, description)
    texts = _texts(found.passages, {passage for query in found.queries for passage in query.relevant})
    relevance, pairs = Relevance(), []
    for query in found.queries:
        answers = {texts[name].strip() for name, grade in query.relevant.items() if grade > 0}
        others = (texts[name] for name, grade in query.relevant.items() if grade <= 0)
        # A copy of what answers a query answers it, whatever was judged.
        negatives = tuple(text for text in others if text.strip() not in answers)
        for name, grade in query.relevant.items():
            if grade > 0:
                relevance.add(identity(query.text), identity(texts[name]), grade)
                pairs.append(Pair(query.text, texts[name], negatives))
    return pairs, relevance


def _texts(passages: Iterable, wanted: set[str]) -> dict[str, str]:
    return {passage.id: passage.text for passage in passages if passage.id in wanted}
