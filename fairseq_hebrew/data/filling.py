"""Documents longer than a row, cut so that their pieces fill rows.

Where all documents are long, pieces that each take as many sentences as fit leave half a sentence of every row empty,
and nothing is short enough to stand there. So a row has a piece of one document, and where a sentence's end leaves
room, a few sentences of another.
"""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.data.documents import Cuts, Documents
from fairseq_hebrew.data.filling_kernels import fill

SHORTEST = 32  # no piece is shorter than a row divided by this
OPEN = 32  # documents that are cut side by side


def fill_rows(
    documents: Documents, cuts: Cuts, queue: np.ndarray, room: np.ndarray, capacity: int
) -> tuple[Documents, np.ndarray, int]:
    """(pieces, row of each int64 (P,), number of rows) of `documents`, each longer than a row with its `<s>`.

    cuts: where they may be cut; queue int64 (D,): the order they are taken in. room int64 (R,): of rows that other
    documents stand in already; they are filled first, rows of `capacity` tokens are begun then. Every token is in one
    piece, a piece ends where a document may be cut, unless that would leave it shorter than `capacity` / SHORTEST.
    """
    least = max(1, capacity // SHORTEST)
    most = len(documents.sizes) + len(cuts.bounds) + int(2 * documents.sizes.sum()) // capacity
    made = np.empty((min(most, int((documents.sizes // least).sum())), 4), dtype=np.int64)
    count, rows = fill(room, capacity, cuts.firsts, cuts.bounds, queue, least, OPEN, made)
    document, first, sizes, row_of = made[:count].T
    return Documents(documents.starts[document] + first, sizes.copy()), row_of.copy(), int(rows)
