"""Documents of several corpora in one row, each corpus spread evenly over it: any prefix has about the same shares.

A document stands where its middle falls in the run of its own corpus, as a part of the whole between 0 and 1. That
place depends on the corpus alone, so that a row can be made in parts, which are the row when they are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .blocks import Block, Gathered, read_blocks, written
from .order import random_keys
from .selection import BLOCK, below


@dataclass(frozen=True)
class Run:
    """What of a corpus goes into the row: `epochs` times all documents, then those with keys below `bound`.

    `texts` and `sizes` are its files and the sizes of their documents (int64, in any unit), in the same order;
    `total` is the sum of the sizes of the whole run.
    """

    texts: Sequence[Path]
    sizes: Sequence[Path]
    layout: str
    seed: int
    epochs: int
    bound: int
    total: int


@dataclass
class _Piece:
    """Documents of one corpus: numbers in a block, and their places in the row (float64), ascending."""

    block: Block
    numbers: np.ndarray
    places: np.ndarray


def interleaved(runs: Sequence[Run], number: int, of: int) -> Iterator[tuple[np.ndarray, memoryview]]:
    """Part `number` of the `of` parts of the row: the documents taken of each run (int64), and their bytes."""
    low, high = number / of, (number + 1) / of if number + 1 < of else np.inf
    streams = [_pieces(run, low, high) for run in runs]
    heads: dict[int, _Piece] = {}
    while True:
        for place, stream in enumerate(streams):
            if place not in heads and (piece := next(stream, None)) is not None:
                heads[place] = piece
        if not heads:
            return
        # Up to here no stream can bring anything more. Of equal places the first corpus comes first.
        limit, last = min((head.places[-1], place) for place, head in heads.items())
        taken = np.zeros(len(runs), np.int64)
        row = Gathered(sum(int(head.block.sizes.sum()) for head in heads.values()))
        numbers, places = [], []
        for place in sorted(heads):
            head = heads[place]
            count = int(np.searchsorted(head.places, limit, side="right" if place <= last else "left"))
            if not count:
                continue
            numbers.append(head.numbers[:count] + row.documents)
            places.append(head.places[:count])
            row.add(head.block)
            taken[place] = count
            if count == len(head.numbers):
                del heads[place]
            else:
                heads[place] = _Piece(head.block, head.numbers[count:], head.places[count:])
        order = np.argsort(np.concatenate(places), kind="stable")
        for text in written(row.block(), np.concatenate(numbers)[order]):
            yield taken, text
            taken = np.zeros(len(runs), np.int64)


def _pieces(run: Run, low: float, high: float) -> Iterator[_Piece]:
    """The documents of a run with places from `low` to below `high`, by blocks. Files without one are not read."""
    before = 0
    for epoch in range(run.epochs + 1):
        first = 0
        for text, sizes in zip(run.texts, run.sizes):
            documents, chosen = _sums(run, epoch, sizes, first)
            # Places are in the middle of documents: those at the ends of a file are inside of it.
            if chosen and before / run.total < high and (before + chosen) / run.total >= low:
                yield from _of_file(run, epoch, text, sizes, first, before, low, high)
            first += documents
            before += chosen


def _chosen(run: Run, epoch: int, first: int, count: int) -> np.ndarray:
    if epoch < run.epochs:
        return np.ones(count, bool)
    return below(random_keys(run.seed, first, count), run.bound)


def _sums(run: Run, epoch: int, sizes: Path, first: int) -> tuple[int, int]:
    """(documents, sum of the sizes of those chosen) of a file."""
    documents = chosen = 0
    with open(sizes, "rb") as file:
        while len(part := np.fromfile(file, np.int64, BLOCK)):
            chosen += int(part[_chosen(run, epoch, first + documents, len(part))].sum())
            documents += len(part)
    return documents, chosen


def _of_file(
    run: Run, epoch: int, text: Path, sizes: Path, first: int, before: int, low: float, high: float
) -> Iterator[_Piece]:
    with open(sizes, "rb") as file:
        for block in read_blocks(text, run.layout):
            numbers = np.flatnonzero(_chosen(run, epoch, first, len(block)))
            chosen = np.fromfile(file, np.int64, len(block))[numbers]
            first += len(block)
            ends = before + np.cumsum(chosen)
            places = (ends - chosen / 2) / run.total
            inside = (places >= low) & (places < high)
            if inside.any():
                yield _Piece(block, numbers[inside], places[inside])
            before = int(ends[-1]) if len(ends) else before
            if before / run.total >= high:
                return
