"""Rows of whole documents, almost without padding: best-fit-decreasing packing (arXiv 2404.10830, section 3).

Documents are placed from the longest to the shortest, each in the row that has the least room it fits in. What is
longer than a row is cut before (`documents.cut_documents`).
"""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.data.documents import Documents
from fairseq_hebrew.data.packing_kernels import best_fit, by_row
from fairseq_hebrew.data.samples import Sample
from fairseq_hebrew.data.token_file import TokenStream


def pack(sizes: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """(row of each document (D,) int64, number of rows) for documents of `sizes` (D,) int, of 1 to `capacity` tokens.

    A document goes to the row with the least room that it fits in, of several to the one that came to this room last,
    of none to a new one. Documents of one size are placed in the order they come. Raises ValueError for other sizes.
    """
    if len(sizes) and not 1 <= int(sizes.min()) <= int(sizes.max()) <= capacity:
        raise ValueError(f"documents of {sizes.min()} to {sizes.max()} tokens do not fit rows of {capacity}")
    row_of = np.empty(len(sizes), dtype=np.int64)
    return row_of, int(best_fit(sizes, capacity, row_of))


def pack_plainly(sizes: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """`pack`, in the plainest way."""
    row_of, sizes = np.empty(len(sizes), dtype=np.int64), sizes.tolist()
    rooms: list[int] = []  # of each row
    reached: list[int] = []  # when each row came to its room
    for time, document in enumerate(sorted(range(len(sizes)), key=lambda document: -sizes[document])):
        fitting = [row for row, room in enumerate(rooms) if room >= sizes[document]]
        row = min(fitting, key=lambda row: (rooms[row], -reached[row]), default=len(rooms))
        if row == len(rooms):
            rooms.append(capacity)
            reached.append(time)
        row_of[document] = row
        rooms[row] -= sizes[document]
        reached[row] = time
    return row_of, len(rooms)


class PackedRows:
    """Documents packed into rows of at most `tokens_per_sample` tokens, each with a `<s>` of its own (`Samples`).

    Each document stands in exactly one row. Which ones share a row, and in which order, hangs on `seed` and their
    sizes, not on where they stand in the file: neighbours there are no neighbours here. Memory: 12 bytes a document, 16
    a row; while packing, about 60 bytes a document.
    """

    def __init__(self, stream: TokenStream, documents: Documents, tokens_per_sample: int, bos: int, seed: int):
        """Raises ValueError for a document that does not fit a row with its `<s>`."""
        self.stream = stream
        self.bos = bos
        self.tokens_per_sample = tokens_per_sample
        count = len(documents.starts)
        shuffled = np.random.default_rng(np.random.SeedSequence((seed, count))).permutation(count)
        row_of, rows = pack(documents.sizes[shuffled] + 1, tokens_per_sample)
        self.begins = np.zeros(rows + 1, dtype=np.int64)  # row r has documents begins[r] to begins[r + 1]
        order = np.empty(count, dtype=np.int64)
        by_row(row_of, self.begins, order)
        order = shuffled[order]
        self.document_starts = documents.starts[order]  # (D,) int64, in the stream
        self.document_sizes = documents.sizes[order].astype(np.int32)  # (D,), without <s>
        ends = np.concatenate(([0], (self.document_sizes + 1).cumsum(dtype=np.int64)))
        self.sizes = ends[self.begins[1:]] - ends[self.begins[:-1]]  # (R,) int64

    @property
    def fullness(self) -> float:
        """Tokens, `<s>` included, by the places of all rows."""
        return int(self.sizes.sum()) / max(len(self) * self.tokens_per_sample, 1)

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        documents = slice(self.begins[index], self.begins[index + 1])
        starts, sizes = self.document_starts[documents].tolist(), self.document_sizes[documents].tolist()
        tokens = np.empty(self.sizes[index], dtype=np.int64)
        at = 0
        for start, size in zip(starts, sizes):
            tokens[at] = self.bos
            self.stream.read(start, tokens[at + 1 : at + 1 + size])
            at += size + 1
        return Sample(tokens, tuple(size + 1 for size in sizes))
