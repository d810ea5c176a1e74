"""Choosing a setting on dev, and what is told of its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .points import Point, Setting
from .store import Result


@dataclass(frozen=True)
class Summary:
    """The seeds of a setting of a model: `dev` by seed (percent), and how many failed."""

    setting: Setting
    dev: dict[int, float]
    failed: int
    wanted: int

    @property
    def whole(self) -> bool:
        """Whether every seed has a result."""
        return len(self.dev) == self.wanted

    @property
    def mean(self) -> float:
        return statistics.fmean(self.dev.values())

    @property
    def deviation(self) -> float | None:
        return deviation(list(self.dev.values()))


def deviation(values: Sequence[float]) -> float | None:
    """The standard deviation of the sample (n - 1); None for a single value."""
    return statistics.stdev(values) if len(values) > 1 else None


def summaries(model: str, settings: Sequence[Setting], seeds: Sequence[int], results: Mapping[Point, Result]) -> list:
    """What each setting of a model has reached, in their order."""
    found = []
    for setting in settings:
        ended = [results[point] for seed in seeds if (point := Point(model, setting, seed)) in results]
        dev = {result.point.seed: result.value for result in ended if result.value is not None}
        found.append(Summary(setting, dev, len(ended) - len(dev), len(seeds)))
    return found


def choose(found: Sequence[Summary]) -> Summary | None:
    """The setting with the best mean dev metric over its seeds; None where none has a result for each seed.

    Ties: the smaller standard deviation, then the smaller learning rate, then the smaller batch. A setting with a seed
    that failed is never chosen: the mean of the others would flatter it.
    """
    whole = [summary for summary in found if summary.whole]
    # Means of the same values in another order must tie: the metric has two digits.
    return min(
        whole,
        key=lambda one: (-round(one.mean, 6), round(one.deviation or 0.0, 6), one.setting),
        default=None,
    )
