"""Plateaus: long stretches in which the loss does not fall, with where they begin and end.

Losses of language models fall about as a power of the updates, so the curve is looked at as the logarithm of the loss
over the logarithm of the updates: there its slope means the same early and late in a run. It is cut into straight
pieces by the least sum of squares plus a price for every piece (optimal partitioning; Jackson et al. 2005), and pieces
that lie flat, alone or with their neighbours, are plateaus.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

STEP = 0.01  # in ln(updates): records within 1 % of each other are one point
FLOOR = 0.001  # of the loss: bends below this are no news
PRICE = 3.0  # of a piece: a level, a slope and a place, each ln(points) as in the Bayesian information criterion
LEAST = 10  # points of a plateau


@dataclass(frozen=True)
class Plateau:
    """Losses from update `begin` to `end` around `level`; `slope` is d ln(loss) / d ln(updates) in it.

    `over` tells whether the loss fell again after `end`; if not, the log ends in the plateau.
    """

    begin: int
    end: int
    level: float
    slope: float
    error: float
    over: bool


@dataclass(frozen=True)
class Points:
    """Medians of the records within STEP of each other: ln(updates), ln(loss), weights (1 / variance), all (P,)."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    begin: np.ndarray
    end: np.ndarray


def points(updates: np.ndarray, losses: np.ndarray, scale: np.ndarray) -> Points:
    """updates int64 (N,) from 1, losses and the noise of their logarithms float64 (N,)."""
    x, y = np.log(updates), np.log(losses)
    starts = np.flatnonzero(np.diff(np.floor(x / STEP), prepend=-1))
    ends = np.append(starts[1:], len(x))
    medians = [(np.mean(x[a:b]), np.median(y[a:b]), np.median(scale[a:b]) ** 2 / (b - a)) for a, b in zip(starts, ends)]
    centre, level, variance = np.array(medians).T
    # A median varies pi/2 times as much as a mean.
    weight = 1 / (np.pi / 2 * variance + FLOOR**2)
    return Points(centre, level, weight, updates[starts], updates[ends - 1])


class Lines:
    """Straight lines through any stretch of the points, by sums over all points before each."""

    def __init__(self, made: Points) -> None:
        # Around their middle, so that no digits are lost in differences of sums.
        x, y, w = made.x - made.x.mean(), made.y - made.y.mean(), made.weight
        sums = np.stack([w, w * x, w * y, w * x * x, w * x * y, w * y * y], axis=1)
        self._sums = np.concatenate([np.zeros((1, 6)), sums.cumsum(axis=0)])

    def _moments(self, first, last):
        """(sum of x x, of x y, of y y) around the means of the points first ... last - 1."""
        w, x, y, xx, xy, yy = (self._sums[last] - self._sums[first]).T
        return xx - x * x / w, xy - x * y / w, yy - y * y / w

    def misfit(self, first, last):
        """The weighted squares that a line through the points first ... last - 1 leaves."""
        xx, xy, yy = self._moments(first, last)
        return np.maximum(yy - np.divide(xy * xy, xx, out=np.zeros_like(xx), where=xx > 1e-12), 0.0)

    def slope(self, first: int, last: int) -> tuple[float, float]:
        """(slope, its standard error, by the scatter around the line where that is more than the noise)."""
        xx, xy, yy = self._moments(np.array(first), np.array(last))
        if not xx > 0 or last - first < 3:
            return 0.0, np.inf
        scatter = max((yy - xy * xy / xx) / (last - first - 2), 1.0)
        return float(xy / xx), float(np.sqrt(scatter / xx))


def pieces(lines: Lines, count: int) -> list[int]:
    """The bounds, 0 and `count` among them, of the straight pieces of `count` points."""
    price = PRICE * np.log(max(count, 3))
    best, came_from = np.zeros(count + 1), np.zeros(count + 1, dtype=int)
    best[0] = -price
    for last in range(1, count + 1):
        first = np.arange(last)
        cost = best[:last] + lines.misfit(first, np.full(last, last)) + price
        came_from[last] = int(cost.argmin())
        best[last] = cost[came_from[last]]
    bounds = [count]
    while bounds[-1] > 0:
        bounds.append(int(came_from[bounds[-1]]))
    return bounds[::-1]


def find_plateaus(
    updates: np.ndarray, losses: np.ndarray, scale: np.ndarray, flat: float, share: float, least: int
) -> list[Plateau]:
    """The plateaus of a curve without its spikes; arguments as in `points`.

    flat: the slope below which a loss does not fall. share: how long a plateau is at least, in relation to the updates
    before it; and at least `least` updates. The first `least` updates, before a loss begins to fall, are none.
    """
    kept = updates >= least
    updates, losses, scale = updates[kept], losses[kept], scale[kept]
    if len(updates) < LEAST:
        return []
    made = points(updates, losses, scale)
    lines = Lines(made)
    bounds = pieces(lines, len(made.x))
    stretches = _joined(lines, list(itertools.pairwise(bounds)), flat)
    found = []
    for first, last in stretches:
        slope, error = lines.slope(first, last)
        begin, end = int(made.begin[first]), int(made.end[last - 1])
        long = end - begin >= max(share * begin, least) and last - first >= LEAST
        if long and slope > -flat and error < flat:
            level = float(np.exp(np.average(made.y[first:last], weights=made.weight[first:last])))
            found.append(Plateau(begin, end, level, slope, error, over=last < len(made.x)))
    return found


def _joined(lines: Lines, stretches: list[tuple[int, int]], flat: float) -> list[tuple[int, int]]:
    """Pieces in a row that do not fall made one, and a falling piece between two such where all three are flat."""
    i = 0
    while i < len(stretches):
        for more in (1, 2):
            if i + more < len(stretches):
                (first, _), (_, last) = stretches[i], stretches[i + more]
                ends_flat = all(lines.slope(*stretches[j])[0] > -flat for j in (i, i + more))
                if ends_flat and lines.slope(first, last)[0] > -flat:
                    stretches[i : i + more + 1] = [(first, last)]
                    i = max(i - 3, -1)  # what stands before may join now
                    break
        i += 1
    return stretches
