"""A table of word counts in memory that goes to disk when it is full."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .word_counts import Part, in_order, write_words

# A table never is smaller than this many words and bytes, whatever the memory.
FEWEST_WORDS, FEWEST_BYTES = 1 << 14, 1 << 18
# Bytes an entry takes: itself and its two slots, and while the table is sorted and written six numbers and its bytes
# twice.
WORD_MEMORY = 32 + 8 + 48 + 32
WHOLE = np.uint64(0xFFFFFFFFFFFFFFFF)


class WordTable:
    """Distinct words with 64-bit counts, in about `memory` bytes; one thread at a time.

    What does not fit is written in order to a file `prefix`NNNNNN.words, and the table begins anew.
    """

    def __init__(self, prefix: Path, pre_tokenizer: str, memory: int, mask: np.uint64 = WHOLE) -> None:
        self._files: list[Path] = []
        self._prefix, self._pre_tokenizer, self._memory, self._mask = prefix, pre_tokenizer, memory, mask
        self._entries = np.empty((FEWEST_WORDS, 4), dtype=np.uint64)
        self._arena = np.empty(FEWEST_BYTES, dtype=np.uint8)
        self._clear()

    def add(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
        """Count the words data[starts[i]:ends[i]] (uint8, int64, int64)."""
        from .counting_kernels import add_words

        done = 0
        while True:
            done, self._n, self._used = add_words(
                data, starts, ends, done, self._mask, self._slots, self._entries, self._n, self._arena, self._used
            )
            if done == len(starts):
                return
            self._make_room(int(ends[done] - starts[done]))

    def spilled(self) -> list[Path]:
        """The files with all that was counted; the table is empty afterwards."""
        self._spill()
        return self._files

    def _spill(self) -> None:
        """Write what the table holds to its next file."""
        from .counting_kernels import unpack

        if not self._n:
            return
        path = self._prefix.with_name(f"{self._prefix.name}{len(self._files):06d}.words")
        part = Part(*unpack(self._entries, self._n, self._mask, self._arena))
        write_words(path, [in_order(part)], self._pre_tokenizer)
        self._files.append(path)
        self._clear()

    def _clear(self) -> None:
        self._n = self._used = 0
        self._slots = np.full(2 * len(self._entries), -1, dtype=np.int32)

    def _make_room(self, length: int) -> None:
        """Grow the table for one more word of this length, or empty it where growing would pass the memory."""
        words, size = self._room(length)
        if self._n and words * WORD_MEMORY + 3 * size > self._memory:
            self._spill()
            words, size = self._room(length)
        if (words, size) != (len(self._entries), len(self._arena)):
            self._grow(words, size)

    def _room(self, length: int) -> tuple[int, int]:
        """The words and bytes there must be room for, each as it is or doubled."""
        from .counting_kernels import SHORT

        words, size = len(self._entries), len(self._arena)
        while length > SHORT and size < self._used + length:
            size *= 2
        return (2 * words if self._n == words else words), size

    def _grow(self, words: int, size: int) -> None:
        from .counting_kernels import fill_slots

        entries, arena = np.empty((words, 4), dtype=np.uint64), np.empty(size, dtype=np.uint8)
        entries[: self._n], arena[: self._used] = self._entries[: self._n], self._arena[: self._used]
        self._entries, self._arena = entries, arena
        self._slots = np.full(2 * words, -1, dtype=np.int32)
        fill_slots(self._entries, self._n, self._mask, self._slots)
