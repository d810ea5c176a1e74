"""Whether perplexity has converged: how much of it the last part of a run took away, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PARTS = 10  # of the window: their medians are the points of the fit, so that noise that lasts over records counts less
LEAST = 6  # points of a fit


@dataclass(frozen=True)
class Improvement:
    """The fall of perplexity over the updates `begin` ... `end` in percent, and the half-width of its 95 % interval."""

    begin: int
    end: int
    percent: float
    error: float
    points: int

    def converged(self, percent: float) -> bool:
        return self.percent + self.error < percent

    def falling(self, percent: float) -> bool:
        return self.percent - self.error > percent


def improvement(updates: np.ndarray, losses: np.ndarray, begin: int, end: int) -> Improvement | None:
    """A straight line through ln(perplexity) over the updates `begin` ... `end`; None with too few records in them.

    updates int64 (N,); losses float64 (N,), base 2. The line goes through the medians of PARTS equal parts of the
    window; its error is that of least squares, by their scatter around it (Student's t).
    """
    from scipy.stats import t

    inside = (updates >= begin) & (updates <= end)
    x, y = updates[inside].astype(np.float64), losses[inside] * np.log(2)
    part = np.minimum((PARTS * (x - begin) / max(end - begin, 1)).astype(int), PARTS - 1)
    names = np.unique(part)
    if len(names) < LEAST:
        return None
    x = np.array([x[part == name].mean() for name in names])
    y = np.array([np.median(y[part == name]) for name in names])
    offset = x - x.mean()
    slope = (offset @ y) / (offset @ offset)
    rest = y - y.mean() - slope * offset
    freedom = len(x) - 2
    error = np.sqrt(rest @ rest / freedom / (offset @ offset)) * t.ppf(0.975, freedom)
    fall, wide = -slope * (end - begin), error * (end - begin)
    percent = 100 * (1 - np.exp(-fall))
    return Improvement(begin, end, float(percent), float(100 * np.exp(-fall) * wide), len(x))
