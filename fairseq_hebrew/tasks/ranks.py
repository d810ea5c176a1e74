"""The measures of a validation by retrieval: each query against all passages of its split, wherever they were read."""

import numpy as np

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import PairSet

AT_ONCE = 256  # queries that are compared with all passages together


class RankedSplit:
    """The vectors of a split's queries and passages as they come, and what its measures are once all have come."""

    def __init__(self, pairs: PairSet, brought: np.ndarray) -> None:
        """brought: int (N,), how many passages each pair brings."""
        self._pairs = pairs
        self._ends = np.cumsum(brought, dtype=np.int64)
        self._brought = brought
        self._seen = np.zeros(int(self._ends[-1]), bool)  # of the passages, in the order of the file
        self._queries: dict[int, np.ndarray] = {}  # by what identifies it
        # By what identifies it: its place in the file, its vector.
        self._passages: dict[int, tuple[int, np.ndarray]] = {}

    def add(self, queries: tuple[np.ndarray, np.ndarray], passages: tuple[np.ndarray, np.ndarray, np.ndarray]) -> bool:
        """What identifies queries (Q,) and their vectors (Q, C); and of passages what identifies them (P,), their
        vectors (P, C), and (P, 2) the pair of each and its number there. A pair's query comes with its first passage.
        False if all of these had come before.
        """
        for name, vector in zip(queries[0].tolist(), queries[1]):
            self._queries.setdefault(name, vector)
        names, vectors, where = passages
        places = self._ends[where[:, 0]] - self._brought[where[:, 0]] + where[:, 1]
        new = not self._seen[places].all()
        self._seen[places] = True
        for name, vector, place in zip(names.tolist(), vectors, places.tolist()):
            if name not in self._passages or place < self._passages[name][0]:
                self._passages[name] = (place, vector)
        return new

    def complete(self) -> bool:
        return bool(self._seen.all())

    def measures(self) -> dict[str, float]:
        """Sums over the queries, and `queries`, how many there are; all passages of the split are ranked for each."""
        names = sorted(self._passages, key=lambda name: self._passages[name][0])
        row_of = {name: row for row, name in enumerate(names)}
        matrix = np.stack([self._passages[name][1] for name in names])  # (P, C)
        queries = list(self._queries)
        totals = dict.fromkeys((*Retrieval.METRICS, "queries"), 0.0)
        for start in range(0, len(queries), AT_ONCE):
            some = queries[start : start + AT_ONCE]
            scores = np.stack([self._queries[query] for query in some]) @ matrix.T  # (Q, P)
            for query, its in zip(some, scores):
                judged = self._pairs.relevance.of(query)
                rows = np.array([row_of[name] for name in judged["passage"].tolist()])
                for name, value in measures_of(ranks(its, rows), judged["grade"]).items():
                    totals[name] += value
                totals["queries"] += 1
        return totals


def ranks(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The ranks (N,), from 1, of some rows among all by their scores (P,); of equals the first row is before."""
    earlier = np.arange(len(scores)) < rows[:, None]  # (N, P)
    own = scores[rows][:, None]
    return 1 + (scores > own).sum(1) + ((scores == own) & earlier).sum(1)


def measures_of(ranks: np.ndarray, grades: np.ndarray) -> dict[str, float]:
    """The measures of one query from the ranks (N,) and grades (N,) of all passages that answer it.

    mrr@10 (Craswell 2009), recall, and ndcg with the grade as gain (Järvelin and Kekäläinen 2002, discounted by log2 of
    the rank + 1), as trec_eval has them.
    """
    found = {"mrr@10": float((1 / ranks[ranks <= 10]).max(initial=0.0))}
    best = np.sort(grades)[::-1].astype(np.float64)
    for depth in (10, 20):
        gained = (grades / np.log2(ranks + 1))[ranks <= depth].sum()
        most = (best[:depth] / np.log2(np.arange(len(best[:depth])) + 2)).sum()
        found[f"ndcg@{depth}"] = float(gained / most)
    for depth in (20, 100):
        found[f"recall@{depth}"] = float((ranks <= depth).mean())
    return found
