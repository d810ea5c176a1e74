"""Counting fixed-size keys through disk: what repeats, in a bounded amount of memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

# Keys looked at together when a pass collects its own.
BLOCK = 1 << 20


class KeyCounter:
    """Keys of `width` bytes (hashes) are appended to a file; repeated ones are found by passes over it.

    A pass keeps only the keys that fall to it by their first four bytes, so that what it holds fits `memory` bytes.
    Sorting a pass needs about four copies of its keys.
    """

    def __init__(self, path: Path, width: int, memory: int) -> None:
        self._path, self._width, self._memory = path, width, memory
        self._file = open(path, "wb")  # noqa: SIM115 - closed by records()
        self._repeated: set[bytes] = set()
        self.total = 0

    def add(self, key: bytes) -> None:
        self._file.write(key)
        self.total += 1

    def _passes(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(positions, keys) of each pass, keys as a `V{width}` array, positions ascending."""
        self._file.close()
        if not self.total:
            return
        keys = np.memmap(self._path, dtype=f"V{self._width}", mode="r", shape=(self.total,))
        heads = keys.view(np.dtype({"names": ["head"], "formats": ["<u4"], "offsets": [0], "itemsize": self._width}))
        passes = max(1, -(-self.total * (self._width + 8) * 4 // self._memory))
        for number in range(passes):
            if passes == 1:
                yield np.arange(self.total), np.array(keys)
                return
            # By parts: an array over all keys would not fit the memory either.
            found = [
                start + np.flatnonzero(heads["head"][start : start + BLOCK] % passes == number)
                for start in range(0, self.total, BLOCK)
            ]
            positions = np.concatenate(found)
            yield positions, np.array(keys[positions])

    def first_occurrences(self) -> np.ndarray:
        """A bool array over the keys in the order they were added: True where a key was not seen before."""
        first = np.zeros(self.total, dtype=bool)
        for positions, keys in self._passes():
            order = np.argsort(_sortable(keys), kind="stable")
            sorted_keys = _sortable(keys)[order]
            new = np.ones(len(order), dtype=bool)
            new[1:] = sorted_keys[1:] != sorted_keys[:-1]
            first[positions[order[new]]] = True
        return first

    def find_repeated(self, more_than: int) -> None:
        """Remember the keys added more than `more_than` times, for `contains`."""
        for _, keys in self._passes():
            if not len(keys):
                continue
            order = np.argsort(_sortable(keys), kind="stable")
            sorted_keys = _sortable(keys)[order]
            starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
            counts = np.diff(np.concatenate([starts, [len(sorted_keys)]]))
            self._repeated.update(key.tobytes() for key in keys[order[starts[counts > more_than]]])

    def contains(self, key: bytes) -> bool:
        return key in self._repeated


def _sortable(keys: np.ndarray) -> np.ndarray:
    # numpy orders byte strings but not void values; of one fixed width, the two views are equal for the same keys.
    return keys.view(f"S{keys.dtype.itemsize}")
