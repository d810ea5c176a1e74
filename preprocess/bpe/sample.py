"""Which lines of a text a tokenizer learns from: all, or a seeded share that does not depend on how it is divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..order import random_key

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
        return random_keys(self.seed, places) < np.uint64(self.below)


def random_keys(seed: int, places: np.ndarray) -> np.ndarray:
    """uint64 (L,): `random_key` of each place, int64 (L,)."""
    step = np.uint64(0x9E3779B97F4A7C15)
    state = (places.astype(np.uint64) + np.uint64(1)) * step + np.uint64(seed * 0xD1342543DE82EF95 % (1 << 64))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return state ^ (state >> np.uint64(31))
