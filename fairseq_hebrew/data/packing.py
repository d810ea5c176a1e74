"""Rows of whole documents, almost without padding.

Documents are packed in two ways, of which the one with fewer rows counts. Best fit (arXiv 2404.10830, section 3): from
the longest to the shortest, each in the row that has the least room it fits in. Exact fit: one row after the other, the
longest document there is and those that leave the least of the rest (minimum bin slack, Gupta and Ho 1999, with up to
three documents at a time); it is the better one where most documents are of about one size.
What is longer than a row is then cut so that it fills what room is left, and rows of its own (`filling`).
"""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.data.documents import Documents, find_cuts
from fairseq_hebrew.data.filling import fill_rows
from fairseq_hebrew.data.packing_kernels import best_fit, by_row, exact_fit
from fairseq_hebrew.data.samples import Sample
from fairseq_hebrew.data.token_file import TokenStream


def pack(sizes: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """(row of each document (D,) int64, number of rows) for documents of `sizes` (D,) int, of 1 to `capacity` tokens.

    Of best fit where both ways make as many rows. Documents of one size are placed in the order they come. Raises
    ValueError for other sizes.
    """
    if len(sizes) and not 1 <= int(sizes.min()) <= int(sizes.max()) <= capacity:
        raise ValueError(f"documents of {sizes.min()} to {sizes.max()} tokens do not fit rows of {capacity}")
    best, exact = np.empty(len(sizes), dtype=np.int64), np.empty(len(sizes), dtype=np.int64)
    rows, others = best_fit(sizes, capacity, best), exact_fit(sizes, capacity, exact)
    return (best, rows) if rows <= others else (exact, others)


class PackedRows:
    """Documents packed into rows of at most `tokens_per_sample` tokens, each with a `<s>` of its own (`Samples`).

    A document that fits a row stands in one whole, a longer one is cut into pieces; every token stands in exactly one
    row. Which documents share a row, and in which order, hangs on `seed` and their sizes, not on where they stand in
    the file: neighbours there are no neighbours here. Memory: 12 bytes a document or piece, 16 a row; while packing,
    about 60 bytes a document, and 8 for each place where long ones may be cut.
    """

    def __init__(
        self,
        stream: TokenStream,
        documents: Documents,
        tokens_per_sample: int,
        bos: int,
        eos: int,
        seed: int,
        sentence_ends: np.ndarray | None = None,
    ):
        """sentence_ends: bool (V,), the ids that end a sentence, where long documents are cut; None: where lines end.

        tokens_per_sample: at least 2.
        """
        self.stream = stream
        self.bos = bos
        self.tokens_per_sample = tokens_per_sample
        count = len(documents.sizes)
        shuffled = np.random.default_rng(np.random.SeedSequence((seed, count))).permutation(count)
        fits = documents.sizes[shuffled] < tokens_per_sample
        whole = Documents(*(values[shuffled[fits]] for values in documents))
        row_of, rows = pack(whole.sizes + 1, tokens_per_sample)
        pieces = whole
        if len(whole.sizes) < count:
            numbers = np.flatnonzero(documents.sizes >= tokens_per_sample)
            long = Documents(*(values[numbers] for values in documents))
            queue = np.searchsorted(numbers, shuffled[~fits])
            room = tokens_per_sample - np.bincount(row_of, whole.sizes + 1, rows).astype(np.int64)
            cuts = find_cuts(stream, long, eos, sentence_ends)
            added, rows_of_added, rows = fill_rows(long, cuts, queue, room, tokens_per_sample)
            pieces = Documents(*map(np.concatenate, zip(whole, added)))
            row_of = np.concatenate((row_of, rows_of_added))
        self.begins = np.zeros(rows + 1, dtype=np.int64)  # row r has documents begins[r] to begins[r + 1]
        order = np.empty(len(row_of), dtype=np.int64)
        by_row(row_of, self.begins, order)
        self.document_starts = pieces.starts[order]  # (D,) int64, in the stream
        self.document_sizes = pieces.sizes[order].astype(np.int32)  # (D,), without <s>
        places = np.concatenate(([0], (self.document_sizes + 1).cumsum(dtype=np.int64)))
        self.sizes = places[self.begins[1:]] - places[self.begins[:-1]]  # (R,) int64

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
