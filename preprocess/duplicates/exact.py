"""Exact duplicates: of equal keys the first one is kept, in a bounded amount of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .signatures import KEY_HIGH, KEY_LOW, Signatures

# Bytes a key takes in a pass: its two halves and its position, each also as it is gathered, and what sorting needs.
_BYTES_A_KEY = 80


def exact_part(signatures: Sequence[Path], output: Path, memory: int, dropped: Sequence[Path] = ()) -> dict[str, int]:
    """Write which documents are alive: uint8 [documents], 1 for the first of equal documents; the counts.

    `dropped` (one uint8 file a text, or none) names documents that are out of the corpus already: an equal one that
    comes later is out too, since it is dropped for the same reason. `memory`: bytes for the keys of one pass over the
    signatures, which takes about 80 a document.
    """
    files = [Signatures(path) for path in signatures]
    alive = np.zeros(sum(file.documents for file in files), dtype=np.uint8)
    out = np.concatenate([read_mask(path) for path in dropped]) if dropped else np.zeros(len(alive), dtype=np.uint8)
    passes = max(1, -(-len(alive) * _BYTES_A_KEY // memory))
    for number in range(passes):
        highs, lows, positions = gather(files, out, number, passes)
        # Stable: documents of equal keys stay in the order they came.
        order = np.lexsort((lows, highs))
        highs, lows = highs[order], lows[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (highs[1:] != highs[:-1]) | (lows[1:] != lows[:-1])
        alive[positions[order[new]]] = 1
    with open(output, "wb") as file:
        file.write(alive.data)
    overlapping = int(out.sum())
    return {"documents_in": len(alive), "duplicates": len(alive) - overlapping - int(alive.sum())}


def gather(
    files: Sequence[Signatures], out: np.ndarray, number: int, passes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(high, low, position) of the keys that fall to pass `number` and are not `out`."""

    def parts() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        start = 0
        for file in files:
            for first, (highs, lows) in file.groups(KEY_HIGH, KEY_LOW):
                mine = out[start + first : start + first + len(highs)] == 0
                if passes > 1:
                    mine &= highs % np.uint64(passes) == number
                found = np.flatnonzero(mine)
                yield highs[found], lows[found], found + (start + first)
            start += file.documents

    found = list(parts())
    if not found:
        return np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64)
    highs, lows, positions = (np.concatenate(column) for column in zip(*found))
    return highs, lows, positions


def read_mask(path: Path) -> np.ndarray:
    """A file of uint8 flags, one a document."""
    return np.fromfile(path, dtype=np.uint8)
