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
    return _keys(seed, np.arange(first, first + count, dtype=np.uint64))


def keys_at(seed: int, indices: np.ndarray) -> np.ndarray:
    """`random_key` of each index of an int64 array: uint64, of the same shape."""
    return _keys(seed, indices.astype(np.uint64))


def _keys(seed: int, state: np.ndarray) -> np.ndarray:
    """The keys of the indices in `state`, uint64, which is overwritten."""
    state *= np.uint64(_STEP)
    state += np.uint64((seed * _SEED_STEP + _STEP) & _MASK)
    for shift, factor in _MIX:
        state ^= state >> np.uint64(shift)
        state *= np.uint64(factor)
    return state ^ (state >> np.uint64(_LAST_SHIFT))
