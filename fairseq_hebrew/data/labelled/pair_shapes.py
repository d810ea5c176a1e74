"""Batches of pairs in one shape: so many queries, and for each of them room for as many passages."""

from __future__ import annotations

import logging

import numpy as np

from fairseq_hebrew.data.fixed_shapes import FixedShapes

logger = logging.getLogger(__name__)

MOST_PASSAGES = 8  # of a row, where those of a pair may be parted: more would be memory and nothing else


class PairShapes(FixedShapes):
    """Rows of a query, padded to `query_tokens`, and of `passages` passages, each padded to `passage_tokens`."""

    def __init__(self, query_tokens: int, passage_tokens: int, passages: int) -> None:
        super().__init__([query_tokens + passages * passage_tokens])
        self.query_tokens, self.passage_tokens, self.passages = query_tokens, passage_tokens, passages

    @property
    def row_tokens(self) -> int:
        return int(self.lengths[0])

    def filled_up(self, rows: int) -> int:
        """Rows that a batch of so many lacks."""
        return self.missing(self.row_tokens, rows)

    def tell(self, length: int, samples: int, tokens: int, batches: int) -> None:
        """What is padding is not known before texts are cut into pieces."""
        each = f"{self.passages} passage{'s' * (self.passages > 1)} of {self.passage_tokens}"
        logger.info(
            f"a query of {self.query_tokens} tokens and {each}: {samples:,} rows, batches: {batches:,} of "
            f"{self.rows[length]} rows"
        )


def passages_a_row(counts: np.ndarray, query_tokens: int, passage_tokens: int) -> int:
    """How many passages of a pair stand in a row, at most MOST_PASSAGES, so that a split takes the fewest tokens.

    counts: int (N,), the passages of each pair. What does not fit is in rows of its own.
    """
    sizes, pairs = np.unique(counts, return_counts=True)
    most = min(int(sizes[-1]), MOST_PASSAGES)
    tokens = [int((-(-sizes // n) * pairs).sum()) * (query_tokens + n * passage_tokens) for n in range(1, most + 1)]
    return 1 + int(np.argmin(tokens))
