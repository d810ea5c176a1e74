"""A seeded random key for each document of a corpus: what shuffling and splitting order by."""

from __future__ import annotations

import numpy as np

_MASK = (1 << 64) - 1
_SEED_STEP, _STEP = 0xD1342543DE82EF95, 0x9E3779B97F4A7C15
# (shift, factor) of each round.
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31


def random_key(seed: int, index: int) -> int:
    """A 64-bit key for document `index`, uniform and independent for all practical purposes.

    SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", section 5). Keys depend on
    seed and index alone, so an order made from them does not change with memory, workers or chunk sizes.
    """
    state = (seed * _SEED_STEP + (index + 1) * _STEP) & _MASK
    for shift, factor in _MIX:
        state = ((state ^ (state >> shift)) * factor) & _MASK
    return state ^ (state >> _LAST_SHIFT)


def random_keys(seed: int, first: int, count: int) -> np.ndarray:
    """`random_key` of the documents `first`, `first + 1` ...: uint64 (count,).

    No two documents of one seed have the same key: every step of it is undone by another.
    """
    state = np.arange(count, dtype=np.uint64)
    state *= np.uint64(_STEP)
    state += np.uint64((seed * _SEED_STEP + (first + 1) * _STEP) & _MASK)
    for shift, factor in _MIX:
        state ^= state >> np.uint64(shift)
        state *= np.uint64(factor)
    return state ^ (state >> np.uint64(_LAST_SHIFT))
