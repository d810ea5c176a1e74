"""True Jaccard of candidate pairs: the texts are read again, where they stand, in bounded memory."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.parallel import ordered_map

from .banding import Banding
from .signatures import GRAMS, LENGTH, Signatures
from .sorting import sorted_distinct
from .words import classes

# Pieces of a batch for each worker: documents differ in length, and a worker that is done takes the next piece.
_PIECES = 4


class Corpus:
    """Where every document of a corpus stands: 16 bytes a document.

    `offsets` int64, `lengths` and `grams` uint32 [documents]; text t holds documents firsts[t]..firsts[t + 1] - 1.
    """

    def __init__(self, texts: Sequence[Path], signatures: Sequence[Path]) -> None:
        files = [Signatures(path) for path in signatures]
        self.texts = list(texts)
        self.firsts = np.cumsum([0, *(file.documents for file in files)])
        self.lengths = np.empty(self.firsts[-1], dtype=np.uint32)
        self.grams = np.empty(self.firsts[-1], dtype=np.uint32)
        self.offsets = np.empty(self.firsts[-1], dtype=np.int64)
        for first, file in zip(self.firsts.tolist(), files):
            end = 0
            for start, (lengths, grams) in file.groups(LENGTH, GRAMS):
                mine = slice(first + start, first + start + len(lengths))
                self.lengths[mine], self.grams[mine] = lengths, grams
                self.offsets[mine] = end + np.cumsum(lengths, dtype=np.int64) - lengths.astype(np.int64)
                end += int(lengths.sum())

    def read(self, documents: np.ndarray) -> tuple[bytes, np.ndarray]:
        """(texts of documents given in ascending order, their int64 bounds); neighbours are read at once."""
        pieces: list[bytes] = []
        for number, mine in self._of_texts(documents):
            offsets = self.offsets[mine]
            ends = offsets + self.lengths[mine]
            cuts = np.flatnonzero(offsets[1:] != ends[:-1])
            firsts, lasts = np.concatenate([[0], cuts + 1]), np.append(cuts, len(mine) - 1)
            # Unbuffered: every read is as long as what is wanted.
            with open(self.texts[number], "rb", buffering=0) as file:
                for start, end in zip(offsets[firsts].tolist(), ends[lasts].tolist()):
                    file.seek(start)
                    pieces.append(_read_exactly(file, end - start))
        bounds = np.zeros(len(documents) + 1, dtype=np.int64)
        np.cumsum(self.lengths[documents], out=bounds[1:])
        return b"".join(pieces), bounds

    def _of_texts(self, documents: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        cuts = np.searchsorted(documents, self.firsts)
        for number in np.flatnonzero(cuts[1:] > cuts[:-1]).tolist():
            yield number, documents[cuts[number] : cuts[number + 1]]


def _read_exactly(file, size: int) -> bytes:
    made = file.read(size)
    while len(made) < size:
        more = file.read(size - len(made))
        if not more:
            raise _changed([file.name])
        made += more
    return made


def _changed(paths: Sequence[str | Path]) -> UserError:
    names = str(paths[0]) if len(paths) == 1 else f"{paths[0]} or another input"
    return UserError(f"{names}: changed while it was worked on; run again when nobody writes to it")


def verify(
    corpus: Corpus, left: np.ndarray, right: np.ndarray, banding: Banding, memory: int, workers: int
) -> np.ndarray:
    """bool [pairs]: whether the Jaccard of documents left[pair] and right[pair] reaches the threshold.

    As many pairs are done at once as have their texts and gram sets in `memory` bytes; a single pair is always done.
    """
    documents = sorted_distinct(np.concatenate([left, right]))
    # The text and its grams stand side by side, and half as much again for the words of those at work.
    needed = int((corpus.lengths[documents].astype(np.int64) + 12 * corpus.grams[documents].astype(np.int64)).sum())
    if needed > memory and len(left) > 1:
        half = len(left) // 2
        first = verify(corpus, left[:half], right[:half], banding, memory, workers)
        return np.concatenate([first, verify(corpus, left[half:], right[half:], banding, memory, workers)])
    starts = np.zeros(len(documents) + 1, dtype=np.int64)
    np.cumsum(corpus.grams[documents], out=starts[1:])
    grams = np.empty(starts[-1], dtype=np.uint64)
    sizes = np.empty(len(documents), dtype=np.int64)
    fill = functools.partial(_fill, corpus, documents, banding.ngram, starts, grams, sizes)
    for _ in ordered_map(fill, _pieces(starts, workers), workers, threads=True):
        pass
    found = np.empty(len(left), dtype=np.bool_)
    left, right = np.searchsorted(documents, left), np.searchsorted(documents, right)
    compare = functools.partial(_compare, grams, starts, sizes, left, right, banding.threshold, found)
    for _ in ordered_map(compare, _pieces(np.arange(len(left) + 1), workers), workers, threads=True):
        pass
    return found


def _pieces(starts: np.ndarray, workers: int) -> list[slice]:
    """Slices of about equal weight of things that stand between `starts`."""
    cuts = np.searchsorted(starts, np.linspace(0, starts[-1], workers * _PIECES + 1))
    cuts[0], cuts[-1] = 0, len(starts) - 1
    return [slice(a, b) for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist()) if a < b]


def _fill(
    corpus: Corpus,
    documents: np.ndarray,
    ngram: int,
    starts: np.ndarray,
    grams: np.ndarray,
    sizes: np.ndarray,
    mine: slice,
) -> None:
    from .gram_kernels import gram_sets

    block, bounds = corpus.read(documents[mine])
    text = np.frombuffer(block, dtype=np.uint8)
    gram_sets(text, bounds, classes(), ngram, starts[mine.start : mine.stop + 1], grams, sizes[mine])
    if (sizes[mine] < 0).any():
        raise _changed(corpus.texts)


def _compare(
    grams: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    threshold: float,
    found: np.ndarray,
    mine: slice,
) -> None:
    from .gram_kernels import are_similar

    are_similar(grams, starts, sizes, left[mine], right[mine], threshold, found[mine])
