"""Training samples from several corpora, by shares of their tokens."""

from __future__ import annotations

import bisect
import logging
from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import blake2b

import numpy as np

from fairseq_hebrew.data.samples import Sample, Samples

logger = logging.getLogger(__name__)


class Stream:
    """A corpus read without end: all its rows, then all of them again, each pass in an order of its own.

    Positions count tokens from the beginning of the first pass, so where an epoch begins and ends can be told without
    the epochs before it.
    """

    def __init__(self, sizes: np.ndarray, seed: Sequence[int]):
        """sizes (N,) int64, tokens of each row; an order is a pure function of (seed, pass)."""
        self.sizes = sizes
        self.tokens = int(sizes.sum())  # of one pass
        self._seed = tuple(seed)

    def rows(self, start: int, end: int) -> np.ndarray:
        """The rows that begin at a position in [start, end), in the order they are read; int64 (M,).

        A row may come more than once. What `end` cuts is given whole, and begins before the next `start`.
        """
        if end <= start:
            return np.zeros(0, np.int64)
        passes = range(start // self.tokens, (end - 1) // self.tokens + 1)
        return np.concatenate([self._of_pass(number, start, end) for number in passes])

    def _of_pass(self, number: int, start: int, end: int) -> np.ndarray:
        order = np.random.Generator(np.random.Philox(np.random.SeedSequence((*self._seed, number))))
        rows = order.permutation(len(self.sizes))
        begins = np.zeros(len(rows), np.int64)
        np.cumsum(self.sizes[rows[:-1]], out=begins[1:])
        first, last = np.searchsorted(begins, (start - number * self.tokens, end - number * self.tokens))
        return rows[first:last]


class Mixture:
    """Samples of several corpora, each with its share of an epoch's tokens; a row is of one corpus.

    Every corpus is a Stream: one that is smaller than its share begins again, in a new order, within the epoch; a
    larger one goes on in the next epoch where it stopped. So over the epochs every row of a corpus is seen equally
    often, and sample i of epoch e is a function of (seed, e) alone. A share is met to within a row, and what an epoch
    gives too much the next gives less.
    """

    def __init__(
        self,
        corpora: Mapping[str, Samples],
        shares: Mapping[str, Fraction],
        seed: int,
        epoch_tokens: int | None = None,
    ):
        """shares: of each corpus by its name, above 0, together 1; epoch_tokens: those of an epoch, None: as many as
        the corpora have together. The corpora must stay as they are from epoch to epoch.

        Raises ValueError for an epoch that has not room for the longest row of each corpus.
        """
        self.corpora = dict(corpora)
        self.names = tuple(corpora)
        self.shares = tuple(shares[name] for name in self.names)
        self._by_number = tuple(corpora.values())
        self._streams = [Stream(np.asarray(c.sizes, np.int64), (seed, _number(n))) for n, c in corpora.items()]
        self.epoch_tokens = epoch_tokens or sum(stream.tokens for stream in self._streams)
        least = sum(int(stream.sizes.max()) for stream in self._streams)
        if self.epoch_tokens < least:
            raise ValueError(f"an epoch of {self.epoch_tokens:,} tokens, the corpora's longest rows have {least:,}")
        self._epoch, self._chosen = 1, 0

    @property
    def sizes(self) -> np.ndarray:
        """(N,) int64, tokens of each sample of the epoch."""
        self._choose()
        return self._sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        self._choose()
        corpus = bisect.bisect_right(self._firsts, index) - 1
        return self._by_number[corpus][int(self._rows[corpus][index - self._firsts[corpus]])]

    def set_epoch(self, epoch: int) -> None:
        """Be the samples of that epoch, counted from 1: `sizes` and the length may be others than before."""
        self._epoch = epoch

    def _choose(self) -> None:
        """Choose the rows of the epoch, when they are first asked for: a run that goes on skips epochs on its way."""
        if self._chosen == self._epoch:
            return
        self._chosen = self._epoch
        self._rows = [
            stream.rows(self._position(share, self._epoch - 1), self._position(share, self._epoch))
            for stream, share in zip(self._streams, self.shares)
        ]
        sizes = [stream.sizes[rows] for stream, rows in zip(self._streams, self._rows)]
        self._sizes = np.concatenate(sizes)
        self._firsts = np.cumsum([0, *(len(rows) for rows in self._rows)]).tolist()
        logger.info(self._told([int(of_corpus.sum()) for of_corpus in sizes]))

    def _position(self, share: Fraction, epochs: int) -> int:
        """Where in its stream a corpus stands after that many epochs."""
        return int(epochs * share * self.epoch_tokens)

    def tokens_by_corpus(self, indices: Sequence[int]) -> dict[str, int]:
        """How many tokens these samples of the epoch have, by the corpus they are of; every corpus is named."""
        self._choose()
        indices = np.asarray(indices, np.int64)
        corpus = np.searchsorted(self._firsts, indices, side="right") - 1
        tokens = np.bincount(corpus, weights=self.sizes[indices], minlength=len(self.names))
        return dict(zip(self.names, tokens.astype(np.int64).tolist()))

    def _told(self, tokens: Sequence[int]) -> str:
        """The epoch in one line: of each corpus its share, tokens and samples, and the passes it is in."""
        parts = []
        for name, stream, rows, share, of_corpus in zip(self.names, self._streams, self._rows, self.shares, tokens):
            passes = [self._position(share, epochs) / stream.tokens for epochs in (self._epoch - 1, self._epoch)]
            parts.append(
                f"{name} {100 * of_corpus / sum(tokens):.2f} % ({of_corpus:,} tokens, {len(rows):,} samples, "
                f"passes {passes[0]:.2f} to {passes[1]:.2f})"
            )
        return f"mixture of epoch {self._epoch}: {', '.join(parts)}"


def _number(name: str) -> int:
    """A number for the name of a corpus: its order does not depend on which others there are."""
    return int.from_bytes(blake2b(name.encode("utf-8"), digest_size=8).digest(), "little")


def by_weight(weights: Mapping[str, float]) -> dict[str, Fraction]:
    """Shares in proportion to the weights; exact, whatever the weights."""
    exact = {name: Fraction(weight) for name, weight in weights.items()}
    return {name: weight / sum(exact.values()) for name, weight in exact.items()}


def by_temperature(sizes: Mapping[str, int], temperature: float = 1) -> dict[str, Fraction]:
    """Shares in proportion to size^(1/temperature): 1 as the corpora are, higher ones raise the small.

    1/temperature is the alpha of XLM (arXiv 1901.07291, section 3.1, 0.5 there) and the exponent of multilingual BERT
    (0.7); the word is that of arXiv 1907.05019.
    """
    largest = max(sizes.values())
    return by_weight({name: (size / largest) ** (1 / temperature) for name, size in sizes.items()})
