"""Files of documents with their random keys: what waits on disk for its turn when a corpus is larger than memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from .blocks import Block, written

# A bucket is a row of runs: number of documents, bytes of text (int64), their keys (uint64), their sizes (int64) and
# the text, each document with the blank line after it.
_HEAD = 2
# The keys there are: from the first up to below the second.
ALL_KEYS = (0, 1 << 64)


class Scatter:
    """Throws documents into buckets that divide the keys `low <= key < high` evenly and in order."""

    def __init__(self, paths: Sequence[Path], low: int = ALL_KEYS[0], high: int = ALL_KEYS[1]) -> None:
        self._paths = paths
        self.bounds = divided(low, high, len(paths))
        # The first keys of all buckets but the first.
        self._firsts = np.array(self.bounds[1:-1], np.uint64)
        self._stack = ExitStack()

    def __enter__(self) -> Scatter:
        # Unbuffered: what is written at a time is a block's share.
        self._files = [self._stack.enter_context(path.open("wb", buffering=0)) for path in self._paths]
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, block: Block, keys: np.ndarray) -> None:
        """Throw in the documents of a block, uint64 keys (documents,)."""
        places = np.searchsorted(self._firsts, keys, side="right")
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(len(self._files)), side="right")
        begin = 0
        for file, end in zip(self._files, ends.tolist()):
            if end > begin:
                _write_run(file, block, keys, order[begin:end])
            begin = end


def divided(low: int, high: int, parts: int) -> list[int]:
    """The `parts + 1` bounds of keys divided evenly: part i has `bounds[i] <= key < bounds[i + 1]`."""
    return [low + (high - low) * number // parts for number in range(parts + 1)]


def _write_run(file, block: Block, keys: np.ndarray, order: np.ndarray) -> None:
    sizes = block.sizes[order]
    head = np.array([len(order), int(sizes.sum()) + len(order)], np.int64)
    # A piece of text is written before the next is asked for: its memory is used again.
    for part in itertools.chain((head, keys[order], sizes), written(block, order)):
        view = memoryview(part).cast("B")
        # An unbuffered file may take a part only.
        while view:
            view = view[file.write(view) :]


def measure(path: Path) -> tuple[int, int]:
    """(documents, bytes of text) of a bucket."""
    documents = text = 0
    with open(path, "rb") as file:
        while len(head := np.fromfile(file, np.int64, _HEAD)):
            documents, text = documents + int(head[0]), text + int(head[1])
            file.seek(16 * int(head[0]) + int(head[1]), 1)
    return documents, text


def read_runs(path: Path) -> Iterator[tuple[Block, np.ndarray]]:
    """The runs of a bucket and their keys."""
    with open(path, "rb") as file:
        while len(head := np.fromfile(file, np.int64, _HEAD)):
            keys = np.fromfile(file, np.uint64, head[0])
            sizes = np.fromfile(file, np.int64, head[0])
            yield Block(np.fromfile(file, np.uint8, head[1]), np.cumsum(sizes + 1) - sizes - 1, sizes), keys
