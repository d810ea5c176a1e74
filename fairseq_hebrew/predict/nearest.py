"""The nearest vectors to some others among many: exact, and in a memory that does not grow with how many there are.

Near is the inner product, of vectors of length 1 their cosine. The plain way, at the end, sorts all of them; the fast
one has faiss choose few of each chunk, and orders these alone. Both find the same.
"""

from __future__ import annotations

import faiss
import numpy as np

from .rankings import DECIMALS

# Inner products that fp32 may put into another order than fp64: those of two pairs of vectors of length 1, of 1,500
# numbers each, are off by less (Higham 2002, section 3.1: by 1,500 * 2**-24 each at most).
CLOSE = 2e-4
SPARE = 32  # candidates beyond those asked for, so that the last of them is seldom close to what is asked for
# In memory together: pairs of a query and a candidate; queries that are compared with all vectors of a chunk.
PRODUCTS, ROWS = 8192, 64


class Nearest:
    """The best `top` rows for each query, of the vectors that were added so far.

    queries (Q, C) fp32. Products are computed in fp64 and rounded to DECIMALS; of equal ones the row that was added
    first is better.
    """

    def __init__(self, queries: np.ndarray, top: int) -> None:
        self.queries, self.top = np.ascontiguousarray(queries, dtype=np.float32), top
        self.scores = np.empty((len(queries), 0))  # (Q, K) float64, the best first
        self.rows = np.empty((len(queries), 0), dtype=np.int64)  # (Q, K), counted from the first vector of all
        self.added = 0

    def add(self, vectors: np.ndarray) -> None:
        """Search (N, C) fp32 more, and keep the best of these and those before."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        scores, rows = self._best_of(vectors)
        scores, rows = np.hstack([self.scores, scores]), np.hstack([self.rows, rows + self.added])
        self.scores, self.rows = _best(scores, rows, self.top)
        self.added += len(vectors)

    def _best_of(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The products (Q, K) of each query's best vectors, and their rows (Q, K) among these; -inf where a product is
        not good enough for the best so far, and was left out."""
        top, count = min(self.top, len(vectors)), min(self.top + SPARE, len(vectors))
        if count == len(vectors):
            return plain_nearest(self.queries, vectors, top)
        near, candidates = faiss.knn(self.queries, vectors, count, metric=faiss.METRIC_INNER_PRODUCT)
        full = self.scores.shape[1] == self.top
        least = self.scores[:, -1] if full else np.full(len(self.queries), -np.inf)
        # Where the last candidate is as good as equal to one that is kept, faiss may have left out one that is better.
        sure = near[:, -1] < np.maximum(near[:, top - 1], least) - CLOSE
        which, place = np.nonzero(sure[:, None] & (near >= least[:, None] - CLOSE))
        products = np.full(near.shape, -np.inf)
        for start in range(0, len(which), PRODUCTS):
            query, column = which[start : start + PRODUCTS], place[start : start + PRODUCTS]
            ours, theirs = self.queries[query], vectors[candidates[query, column]]
            products[query, column] = np.einsum("pc,pc->p", ours.astype(np.float64), theirs.astype(np.float64))
        scores, rows = _best(products.round(DECIMALS), candidates, top)
        unsure = np.flatnonzero(~sure)
        for start in range(0, len(unsure), ROWS):
            part = unsure[start : start + ROWS]
            scores[part], rows[part] = plain_nearest(self.queries[part], vectors, top)
        return scores, rows


def _best(scores: np.ndarray, rows: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """The best `top` of (Q, K) scores with their rows, in order: high scores first, of equal ones low rows."""
    order = np.lexsort((rows, -scores), axis=1)[:, :top]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def plain_nearest(queries: np.ndarray, vectors: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """What `Nearest` finds in (N, C) vectors, by all products: scores and rows (Q, K)."""
    products = (queries.astype(np.float64) @ vectors.astype(np.float64).T).round(DECIMALS)
    order = np.argsort(-products, axis=1, kind="stable")[:, :top]
    return np.take_along_axis(products, order, axis=1), order
