"""Intervals and tests by resampling examples, for metrics that are functions of counts summed over examples.

The plain way, at the end, scores every resample from the examples themselves; the fast one multiplies how often each
example was drawn with its counts. Both draw the same numbers from a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

CELLS = 1 << 22  # draws in memory at a time


def bootstrap_totals(counts: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Summed counts (R, K) of R resamples with replacement of N examples (Efron and Tibshirani 1993, section 13.3).

    counts (N, K) holds what an example adds. Two systems judged on the same resamples stand side by side in it.
    """
    rng, size = np.random.default_rng(seed), len(counts)
    made = []
    for rows in _chunks(resamples, size):
        drawn = rng.integers(0, size, (rows, size)) + size * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
        made.append(times.astype(np.float64) @ counts)
    return np.concatenate(made)


def swapped_totals(first: np.ndarray, second: np.ndarray, trials: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Summed counts (R, K) of two systems whose answers to each example are exchanged with probability 1/2.

    first, second (N, K): the counts of the same examples (Noreen 1989, paired approximate randomization).
    """
    rng, change = np.random.default_rng(seed), (second - first).astype(np.float64)
    moved = np.concatenate([(rng.random((rows, len(first))) < 0.5) @ change for rows in _chunks(trials, len(first))])
    return first.sum(0) + moved, second.sum(0) - moved


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The percentile interval of resampled values; `confidence` is a share of 1."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def p_value(observed: float, exchanged: np.ndarray) -> float:
    """(r + 1) / (R + 1), r being how many of R exchanged differences are at least as large as the observed one.

    Two-sided. Noreen's correction: the observed arrangement is one of the possible ones, so p is never 0.
    """
    # Differences that are equal but for the last bit count as equal.
    at_least = int(np.count_nonzero(np.abs(exchanged) >= abs(observed) - 1e-9))
    return (at_least + 1) / (len(exchanged) + 1)


def _chunks(rows: int, size: int) -> Iterator[int]:
    step = max(1, CELLS // max(size, 1))
    for start in range(0, rows, step):
        yield min(step, rows - start)


def plain_bootstrap(examples: Sequence, metric: Callable[[list], float], resamples: int, seed: int) -> np.ndarray:
    """The metric (R,) of each resample of `bootstrap_totals`, scored from its examples."""
    rng, size = np.random.default_rng(seed), len(examples)
    return np.array([metric([examples[i] for i in rng.integers(0, size, size)]) for _ in range(resamples)])


def plain_randomization(
    first: Sequence, second: Sequence, metric: Callable[[list], float], trials: int, seed: int
) -> np.ndarray:
    """The differences (R,) of the metric, first less second, after each exchange of `swapped_totals`."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(trials):
        pairs = [(b, a) if swap else (a, b) for a, b, swap in zip(first, second, rng.random(len(first)) < 0.5)]
        made.append(metric([a for a, _ in pairs]) - metric([b for _, b in pairs]))
    return np.array(made)
