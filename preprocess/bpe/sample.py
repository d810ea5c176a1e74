"""Which lines of a text a tokenizer learns from: all, or a seeded share that does not depend on how it is divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ordering.order import keys_at, random_key

ALL = 1 << 64


@dataclass(frozen=True)
class Sample:
    """A line is taken when the random key of its place falls below `below` (of 2^64).

    The place of a line is the number of bytes before it in the whole text: a shard needs to know no more than the
    sizes of those before it.
    """

    seed: int = 1
    below: int = ALL

    @classmethod
    def of(cls, seed: int, total: int, limit: int) -> Sample:
        """About `limit` bytes of a text of `total`."""
        return cls(seed, ALL if total <= limit else ALL * limit // total)

    def takes_line(self, place: int) -> bool:
        return random_key(self.seed, place) < self.below

    def takes(self, places: np.ndarray) -> np.ndarray | None:
        """bool (L,) for places int64 (L,); None when every line is taken."""
        if self.below >= ALL:
            return None
        return keys_at(self.seed, places) < np.uint64(self.below)
