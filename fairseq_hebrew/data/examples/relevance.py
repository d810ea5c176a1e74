"""Which passages are known to answer which queries, by what identifies their texts."""

from __future__ import annotations

from array import array
from hashlib import blake2b

import numpy as np

from fairseq_hebrew.text.normalize import Normalization, normalize_line

# A judgement in memory: 18 bytes.
JUDGEMENT = np.dtype([("query", "<i8"), ("passage", "<i8"), ("grade", "<i2")])
_BUFFER = 1 << 20
_RULES = Normalization()


def same_text(text: str) -> str:
    """What a text shares with its copies: also with those that differ in what normalization takes away (niqqud, runs
    of blanks), which a model may read as the same pieces."""
    return normalize_line(text, _RULES)


def identity(text: str) -> int:
    """A number of 64 bits, with its sign, that a text shares with its copies alone, in every process.

    Two of ten million different texts share one with a chance of 1 in 370,000.
    """
    return int.from_bytes(blake2b(same_text(text).encode("utf-8"), digest_size=8).digest(), "little", signed=True)


class Relevance:
    """The judgements of a split that say that a passage answers a query, each once."""

    def __init__(self) -> None:
        self._known = np.zeros(0, JUDGEMENT)
        self._new = array("q"), array("q"), array("h")  # their fields, in the order of JUDGEMENT

    def add(self, query: int, passage: int, grade: int = 1) -> None:
        """That a passage answers a query, with a grade above 0; of several grades the highest holds."""
        for field, value in zip(self._new, (query, passage, grade)):
            field.append(value)
        if len(self._new[0]) >= max(_BUFFER, len(self._known)):
            self._join()

    def of(self, query: int) -> np.ndarray:
        """The judgements (N,) of a query, ordered by passage."""
        self._join()
        first, last = (np.searchsorted(self._known["query"], query, side) for side in ("left", "right"))
        return self._known[first:last]

    def queries(self) -> np.ndarray:
        """The identities of the queries: int64, ascending."""
        self._join()
        return np.unique(self._known["query"])

    def most(self) -> int:
        """The passages of the query that has most of them."""
        self._join()
        queries = self._known["query"]
        ends = np.flatnonzero(queries[1:] != queries[:-1]) + 1
        return int(np.diff(ends, prepend=0, append=len(queries)).max())

    def __len__(self) -> int:
        self._join()
        return len(self._known)

    def _join(self) -> None:
        if not self._new[0]:
            return
        new = np.empty(len(self._new[0]), JUDGEMENT)
        for name, field in zip(JUDGEMENT.names, self._new):
            new[name] = field
        self._new = array("q"), array("q"), array("h")
        known = np.concatenate((self._known, new))
        known = known[np.lexsort((-known["grade"], known["passage"], known["query"]))]
        same = (known["query"][1:] == known["query"][:-1]) & (known["passage"][1:] == known["passage"][:-1])
        self._known = known[np.concatenate(([True], ~same))]
