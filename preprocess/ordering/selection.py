"""Which documents are among the first in the order of their random keys, by bounds of keys, in little memory.

What is chosen up to a number of bytes is all documents whose keys lie below a bound: nobody has to hold a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from .blocks import read_blocks
from .order import random_keys

# Sizes looked at together.
BLOCK = 1 << 20
# Ranges of keys whose sizes are summed in a pass.
BINS = 1 << 12
END = 1 << 64

Keyed = Iterator[tuple[np.ndarray, np.ndarray]]


def write_sizes(sizes: Iterator[np.ndarray], output: Path) -> tuple[int, int]:
    """Write int64 sizes back to back; (documents, their sum)."""
    documents = total = 0
    with open(output, "wb") as file:
        for part in sizes:
            file.write(part.astype(np.int64, copy=False).data)
            documents, total = documents + len(part), total + int(part.sum())
    return documents, total


def sizes_part(text: Path, layout: str, output: Path) -> tuple[int, int]:
    """Write the bytes each document of a text takes, its blank line included; (documents, bytes)."""
    return write_sizes((block.written for block in read_blocks(text, layout)), output)


def keyed_sizes(paths: Sequence[Path], seed: int) -> Keyed:
    """(keys uint64, sizes int64) of the documents whose sizes stand in these files, in this order."""
    first = 0
    for path in paths:
        with open(path, "rb") as file:
            while len(sizes := np.fromfile(file, np.int64, BLOCK)):
                yield random_keys(seed, first, len(sizes)), sizes
                first += len(sizes)


def bound(keyed: Callable[[], Keyed], low: int, wanted: int, nearest: bool = False) -> tuple[int, int, int]:
    """The first documents from key `low` on that have at least `wanted` together: (bound, documents, their sum).

    They are those with `low <= key < bound`. With `nearest` the last of them is left out where the sum is then nearer
    to what is wanted. All documents, if they have less. `keyed()` gives keys and sizes anew for each pass: one
    narrows the range of keys the bound lies in to a small part of it, until the documents there can be sorted.
    """
    documents = held = 0  # of the documents between `low` and `begin`
    begin, end = low, END
    while True:
        edges = np.array([begin + (end - begin) * number // BINS for number in range(1, BINS)], np.uint64)
        counts, sums = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
        for keys, sizes in keyed():
            inside = _inside(keys, begin, end)
            places = np.searchsorted(edges, keys[inside], side="right")
            counts += np.bincount(places, minlength=BINS)
            # Sums of float64 are exact up to 2^53, 9 PB.
            sums += np.bincount(places, weights=sizes[inside], minlength=BINS).astype(np.int64)
        full = int(np.searchsorted(held + np.cumsum(sums), wanted, side="left"))
        if full == BINS:
            return END, documents + int(counts.sum()), held + int(sums.sum())
        documents, held = documents + int(counts[:full].sum()), held + int(sums[:full].sum())
        bounds = [begin, *edges.tolist(), end]
        begin, end = bounds[full], bounds[full + 1]
        if counts[full] <= BLOCK:
            break
    return _last(keyed, begin, end, documents, held, wanted, nearest)


def _last(keyed: Callable, begin: int, end: int, documents: int, held: int, wanted: int, nearest: bool) -> tuple:
    """The bound in a range whose few documents are sorted here."""
    inside = [(keys[among], sizes[among]) for keys, sizes in keyed() if (among := _inside(keys, begin, end)).any()]
    keys = np.concatenate([keys for keys, _ in inside])
    sizes = np.concatenate([sizes for _, sizes in inside])
    order = np.argsort(keys)
    sums = held + np.cumsum(sizes[order])
    count = int(np.searchsorted(sums, wanted, side="left")) + 1
    before = held if count == 1 else int(sums[count - 2])
    if nearest and wanted - before < int(sums[count - 1]) - wanted:
        return int(keys[order[count - 1]]), documents + count - 1, before
    return int(keys[order[count - 1]]) + 1, documents + count, int(sums[count - 1])


def _inside(keys: np.ndarray, begin: int, end: int) -> np.ndarray:
    return (keys >= np.uint64(begin)) & below(keys, end)


def below(keys: np.ndarray, end: int) -> np.ndarray:
    """Which keys (uint64) lie below a bound: bool, of the same shape."""
    # The bound after the last key is no uint64.
    return keys <= np.uint64(end - 1) if end else np.zeros(keys.shape, bool)
