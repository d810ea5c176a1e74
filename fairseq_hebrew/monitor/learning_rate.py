"""The phases of a learning rate over a run: warm-up, constant, decay."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

WARM_UP, RISE, CONSTANT, DECAY = "warm-up", "rise", "constant", "decay"
KNOTS = 1000  # places at which the rate is looked at; between neighbours in the log its change is lost in rounding
SAME = 2e-5  # relative changes below this are the six digits of the log
SHORTEST = 0.01  # of the updates; a shorter phase is part of the one before it


@dataclass(frozen=True)
class Phase:
    """A stretch of updates, told to a thousandth of the run, in which the rate goes one way, from `start` to `stop`."""

    kind: str
    begin: int
    end: int
    start: float
    stop: float


def phases(updates: np.ndarray, rates: np.ndarray) -> list[Phase]:
    """The phases in order; updates int64 (N,), rates float64 (N,) with nan where the log told none.

    A rise at the first record is the warm-up; a later one is a restart.
    """
    known = np.isfinite(rates)
    updates, rates = updates[known], rates[known]
    if len(rates) < 2:
        return []
    knots = np.unique(np.searchsorted(updates, np.linspace(updates[0], updates[-1], KNOTS + 1)))
    updates, rates = updates[knots], rates[knots]
    change = np.diff(rates) / np.maximum(np.maximum(np.abs(rates[1:]), np.abs(rates[:-1])), 1e-30)
    ways = np.where(np.abs(change) <= SAME, 0, np.sign(change)).astype(int)
    bounds = [0, *(np.flatnonzero(np.diff(ways)) + 1), len(ways)]
    shortest = SHORTEST * (updates[-1] - updates[0])
    kept: list[list[int]] = []
    for first, last in itertools.pairwise(bounds):
        way, short = int(ways[first]), updates[last] - updates[first] < shortest
        if kept and (short or way == kept[-1][0]):
            kept[-1][2] = last
        else:
            kept.append([way, first, last])
    return [
        Phase(
            kind=CONSTANT if way == 0 else DECAY if way < 0 else WARM_UP if first == 0 else RISE,
            begin=int(updates[first]),
            end=int(updates[last]),
            start=float(rates[first]),
            stop=float(rates[last]),
        )
        for way, first, last in kept
    ]
