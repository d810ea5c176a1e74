"""Random choices that come out the same on every Python version.

``random.Random.choice`` and ``shuffle`` have changed their algorithms between
releases; ``random()`` for a seed has not. Everything here is built on that.
"""

from __future__ import annotations

import random
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A source of choices whose sequence depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        # A string seed goes through SHA-512, so near seeds give far sequences.
        self._random = random.Random(f"demo-corpus-{seed}")

    def below(self, limit: int) -> int:
        """An integer from 0 up to, not including, ``limit``."""
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """An integer from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def happens(self, share: float) -> bool:
        """True with probability ``share``."""
        return self._random.random() < share

    def pick(self, items: Sequence[T]) -> T:
        """One of ``items``, all equally likely."""
        if not items:
            raise ValueError("nothing to pick from")
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """``count`` different members of ``items``, in random order."""
        pool = list(items)
        self.shuffle(pool)
        return pool[:count]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Mix ``items`` in place (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
