"""How many words a masked span has (SpanBERT, arXiv 1907.10529, section 3.1)."""

from __future__ import annotations

import numpy as np


def span_lengths(mean: float, longest: int) -> np.ndarray:
    """The probabilities of 1, 2 ... `longest` words, float64 (longest,): geometric, none longer, with this mean.

    The paper's geometric distribution with p = 0.2, of lengths up to 10, has the mean 3.8. Raises ValueError for a mean
    that no such distribution has: below 1, or not below that of even lengths.
    """
    if longest < 1:
        raise ValueError(f"max_span_length={longest} is not a number of words from 1")
    if not 1 <= mean <= max(1.0, np.nextafter((longest + 1) / 2, 0)):
        raise ValueError(
            f"mean_span_length={mean} is not from 1 up to {(longest + 1) / 2:g}, the mean of even lengths up to "
            f"max_span_length={longest}"
        )
    lengths = np.arange(1, longest + 1)
    low, high = 0.0, 1.0  # of q = 1 - p, in which the mean grows
    for _ in range(60):
        q = (low + high) / 2
        weights = q ** (lengths - 1)
        if lengths @ weights > mean * weights.sum():
            high = q
        else:
            low = q
    weights = low ** (lengths - 1)
    return weights / weights.sum()
