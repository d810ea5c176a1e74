"""Sorting numbers that many times are there more than once."""

from __future__ import annotations

import numpy as np


def sorted_distinct(values: np.ndarray) -> np.ndarray:
    """The distinct values in ascending order; `values` is sorted in place.

    np.unique puts integers into a hash table first, which takes ten times as long where most are distinct.
    """
    values.sort()
    new = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]
