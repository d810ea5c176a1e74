"""A seeded random key for each document of a corpus: what shuffling and splitting order by."""

from __future__ import annotations

import numpy as np

_MASK = (1 << 64) - 1


def random_key(seed: int, index: int) -> int:
    """A 64-bit key for document `index`, uniform and independent for all practical purposes.

    SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", section 5). Keys depend on
    seed and index alone, so an order made from them does not change with memory, workers or chunk sizes.
    """
    state = (seed * 0xD1342543DE82EF95 + index * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


def stable_order(keys: list[int]) -> np.ndarray:
    """Positions in ascending order of their keys, ties in the order they came."""
    return np.argsort(np.array(keys, dtype=np.uint64), kind="stable")
