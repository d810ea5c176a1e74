"""What retrieval learns from: queries, each with a passage that answers it, and perhaps some that do not.

Of files with a pair a line (`pair_lines`) a pair takes 20 bytes of memory, however long its texts are. Of the other
forms the texts that pairs need are in memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.stage.errors import UserError

from .pair_lines import FORMATS, Pair, PairLines, checked_pairs
from .relevance import Relevance, identity
from .retrieval_set import retrieval_set


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
    if description.format in FORMATS:
        yield from (pair for _, pair in checked_pairs(path, description.format))
    else:
        yield from _judged(path, path.parent, description)[0]


def read_pair_set(path: Path, folder: Path, description: Retrieval) -> PairSet:
    """The pairs of a file; of BEIR's form a qrels, whose corpus and queries stand in the folder.

    Raises UserError naming file and line of what is wrong, and for a file without a pair.
    """
    if description.format not in FORMATS:
        pairs, relevance = _judged(path, folder, description)
        return PairSet(pairs, relevance, _sizes(pairs))
    relevance, starts, sizes = Relevance(), array("q"), array("i")
    for line, pair in checked_pairs(path, description.format):
        starts.append(line.start)
        sizes.extend(_sizes([pair])[0].tolist())
        relevance.add(identity(pair.query), identity(pair.positive))
    if not starts:
        raise UserError(f"{path}: no pairs in the file; {FORMATS[description.format]}")
    starts.append(path.stat().st_size)
    pairs = PairLines(path, description.format, np.frombuffer(starts, np.int64))
    return PairSet(pairs, relevance, np.frombuffer(sizes, np.int32).reshape(-1, 3))


def _sizes(pairs: Sequence[Pair]) -> np.ndarray:
    rows = []
    for query, positive, negatives in pairs:
        passages = (positive, *negatives)
        rows.append((len(query.encode()), max(len(text.encode()) for text in passages), len(passages)))
    return np.array(rows, np.int32).reshape(-1, 3)


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
