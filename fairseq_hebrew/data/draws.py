"""Random numbers that are functions of a key, a purpose and a number, whatever else was drawn before or beside them.

Each is the output of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators") for a
state that is counted, not carried on: so a mask is the same for every worker, batch and resumed run.
"""

from __future__ import annotations

import numpy as np

BITS = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
# What a draw is for. The number beside it counts places of a row, or draws of their own.
COUNT, LONG, ROUND, ORDER, LENGTH, FATE, REPLACEMENT = range(7)
PURPOSES = 8


def mix(state: int) -> int:
    """64 bits in which each bit depends on all 64 of the state."""
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & BITS
    state = (state ^ state >> 27) * 0x94D049BB133111EB & BITS
    return state ^ state >> 31


def draw(key: int, purpose: int, number: int) -> int:
    """64 random bits."""
    return mix(key + GOLDEN * (PURPOSES * number + purpose + 1) & BITS)


def below(bits: int, end: int) -> int:
    """A whole number from 0 up to `end` (below 2**32), evenly to one in 2**32."""
    return (bits >> 32) * end >> 32


def unit(bits: int) -> float:
    """A number from 0 up to 1, a multiple of 2**-53."""
    return (bits >> 11) * 2.0**-53


def threshold(share: float) -> int:
    """`bits >> 11` is below this with probability `share`."""
    return int(share * 2.0**53)


def sample_keys(seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
    """The key of each sample of a data set in an epoch: indices int (B,) -> uint64 (B,)."""
    key = mix(mix(seed + GOLDEN & BITS) + GOLDEN * (epoch + 1) & BITS)
    states = np.uint64(key) + np.uint64(GOLDEN) * (np.asarray(indices, dtype=np.int64).astype(np.uint64) + np.uint64(1))
    states = (states ^ states >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    states = (states ^ states >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return states ^ states >> np.uint64(31)
