"""Exact duplicates: of equal keys the first one is kept, in a bounded amount of memory."""

from __future__ import annotations

from collections.abc import Sequence
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
        highs, lows, positions = gather(files, (KEY_HIGH, KEY_LOW), number, passes, out)
        # Stable: documents of equal keys stay in the order they came.
        order = np.lexsort((lows, highs))
        highs, lows = highs[order], lows[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (highs[1:] != highs[:-1]) | (lows[1:] != lows[:-1])
        alive[positions[order[new]]] = 1
    with open(output, "wb") as file:
        file.write(alive.data)
    counts = {"documents_in": len(alive), "duplicates": len(alive) - int(out.sum()) - int(alive.sum())}
    return counts | ({"overlapping": int(out.sum())} if dropped else {})


def gather(
    files: Sequence[Signatures],
    columns: Sequence[int],
    number: int,
    passes: int,
    out: np.ndarray | None = None,
    with_zero: bool = True,
) -> list[np.ndarray]:
    """Columns (the first one a hash) of the rows of all files that fall to pass `number`, and the rows' numbers.

    Rows with a flag in `out` are left out, and unless `with_zero` those whose hash is 0.
    """
    found: list[list[np.ndarray]] = [[np.empty(0, np.uint64)] for _ in columns] + [[np.empty(0, np.int64)]]
    start = 0
    for file in files:
        for first, values in file.groups(*columns):
            rows = slice(start + first, start + first + len(values[0]))
            mine = np.ones(len(values[0]), dtype=bool) if out is None else out[rows] == 0
            if passes > 1:
                mine &= values[0] % np.uint64(passes) == number
            if not with_zero:
                mine &= values[0] != 0
            where = np.flatnonzero(mine)
            for column, part in zip(found, [*(value[where] for value in values), where + rows.start]):
                column.append(part)
        start += file.documents
    return [np.concatenate(column) for column in found]


def read_mask(path: Path) -> np.ndarray:
    """A file of uint8 flags, one a document."""
    return np.fromfile(path, dtype=np.uint8)
