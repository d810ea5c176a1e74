"""Spikes: values that rise suddenly above the course of a curve, found with medians alone.

The curve is taken in logarithms, so that a rise counts in relation to its level. Its course is a centred rolling
median, which leaves a falling curve as it is however bent it is: the median of a falling window is its middle. What is
left is noise, measured by rolling medians of absolute values (the median absolute deviation, times 1.4826 for a normal
distribution; Hampel 1974). The robust z-score of a value is its distance from the course in that unit. A spike longer
than half a window carries the median with it; it is found where the level after an update stands above the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

JUDGED = ("loss", "gnorm")  # the signals in which spikes are looked for
WINDOW = 51  # records; a window of noise wide enough for its median to be known to a sixth
HALF = WINDOW // 2
NORMAL = 1.4826  # standard deviations of a normal distribution in a median absolute deviation
LEAST = 20  # records without which nothing is judged
INSIDE = 2.0  # a spike lasts while the z-score is above this
APART = 2  # records between two spikes that make them two
DIGITS = 0.001  # fairseq rounds losses and gradient norms to this


@dataclass(frozen=True)
class Spike:
    """A rise of `signal` from `before` to `value`, its highest, at update `peak`; updates are those of records.

    `first` and `last` are places in the curve; `back` is the first update after it, None where the log ends in it.
    """

    signal: str
    first: int
    last: int
    begin: int
    peak: int
    end: int
    back: int | None
    before: float
    value: float
    z: float

    @property
    def rise(self) -> float:
        """The rise in relation to the level before it: 0.5 is half as much again."""
        return self.value / self.before - 1


def rolling_median(values: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """The median around each value, (N,).

    At the start windows shrink evenly on both sides, so that a falling curve stays as it is; at the end they lose the
    side that is still to come, which puts the median of a falling curve above it: nothing is flagged for that.
    """
    from scipy.ndimage import median_filter

    half, count = window // 2, len(values)
    made = median_filter(values, size=window, mode="nearest")
    for i in range(max(count - half, 0), count):
        made[i] = np.median(values[max(i - half, 0) :])
    for i in range(min(half, count)):
        made[i] = np.median(values[: 2 * i + 1])
    return made


def noise(values: np.ndarray, course: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """The standard deviation around the course, robustly, (N,); at least `floor`, what rounding alone makes.

    Where a curve falls faster than its noise, each value is the median around it and nothing is left; so the distance
    of a value from the middle of its neighbours is measured too, which no slope changes. The larger one counts.
    """
    from scipy.ndimage import median_filter

    if len(values) < 3:
        return floor
    bend = np.zeros_like(values)
    bend[1:-1] = (values[1:-1] - (values[:-2] + values[2:]) / 2) / np.sqrt(1.5)
    bend[[0, -1]] = bend[[1, -2]]
    found = [median_filter(np.abs(left), size=2 * WINDOW - 1, mode="reflect") for left in (values - course, bend)]
    return np.maximum(NORMAL * np.maximum(*found), floor)


def find_spikes(signal: str, updates: np.ndarray, values: np.ndarray, threshold: float, levels: bool) -> list[Spike]:
    """The spikes of a curve: updates int64 (N,), values float64 (N,), finite and above 0.

    threshold: the z-score that makes a spike. levels: look for rises of the level too.
    """
    if len(values) < LEAST:
        return []
    logs = np.log(values)
    course = rolling_median(logs)
    scale = noise(logs, course, DIGITS / 2 / values)
    z = (logs - course) / scale
    found = [(first, last, course[first]) for first, last in _runs(z, threshold)]
    if levels:
        found += _raised(logs, scale, threshold / 2)
    return [_spike(signal, updates, values, logs, z, scale, *one) for one in _joined(found)]


def _runs(z: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """(first, last) of the stretches with z above INSIDE that reach the threshold."""
    above = np.flatnonzero(z > INSIDE)
    if not len(above):
        return []
    starts = np.flatnonzero(np.diff(above, prepend=above[0] - 2) > 1)
    peaks = np.maximum.reduceat(z[above], starts)
    ends = np.append(starts[1:], len(above)) - 1
    return [(int(above[starts[i]]), int(above[ends[i]])) for i in np.flatnonzero(peaks > threshold)]


def _raised(logs: np.ndarray, scale: np.ndarray, threshold: float) -> list[tuple[int, int, float]]:
    """(first, last, level before) where the level of half a window rises, to where it is back or the log ends.

    The median of half a window of noise varies by a quarter of it: half the threshold is as rare as a value of it.
    """
    from scipy.ndimage import median_filter

    if len(logs) < 2 * HALF:
        return []
    levels = median_filter(logs, size=HALF, mode="nearest")
    places = np.arange(HALF, len(logs) - HALF + 1)
    before, after = levels[places - HALF // 2 - 1], levels[places + HALF // 2]
    height = (after - before) / scale[places - HALF]
    found, i = [], 0
    smooth = median_filter(logs, size=5, mode="nearest")
    while len(rest := np.flatnonzero(height[i:] > threshold)):
        start = i + int(rest[0])
        high = height[start : start + HALF]
        begin = start + int(high.argmax())
        first, level = int(places[begin]), float(before[begin])
        quiet = scale[first - HALF]
        # Medians bear some records of the other side: the height is greatest about the place, not at it.
        risen = smooth > level + threshold * quiet
        first += int(risen[first : first + HALF].argmax())
        while risen[first - 1] and first > places[start] - HALF // 2:
            first -= 1
        back = np.flatnonzero(smooth[first + HALF // 2 :] < level + INSIDE * quiet)
        last = first + HALF // 2 + int(back[0]) - 1 if len(back) else len(logs) - 1
        found.append((first, last, level))
        i = max(begin + 1, last + 1 - HALF)
        if i >= len(height):
            break
    return found


def _joined(found: list[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    """Stretches in order, those that touch made one; the level before is that of the first."""
    joined: list[tuple[int, int, float]] = []
    for first, last, level in sorted(found):
        if joined and first - joined[-1][1] <= APART:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]), joined[-1][2])
        else:
            joined.append((first, last, level))
    return joined


def _spike(signal, updates, values, logs, z, scale, first: int, last: int, level: float) -> Spike:
    peak = first + int(values[first : last + 1].argmax())
    if first:  # the course around a long spike is part of it
        level = min(level, float(np.median(logs[max(first - HALF, 0) : first])))
    return Spike(
        signal=signal,
        first=first,
        last=last,
        begin=int(updates[first]),
        peak=int(updates[peak]),
        end=int(updates[last]),
        back=int(updates[last + 1]) if last + 1 < len(updates) else None,
        before=float(np.exp(level)),
        value=float(values[peak]),
        # Within a long spike the course is that of the spike: there its height over the level before it tells.
        z=float(max(z[first : last + 1].max(), (logs[peak] - level) / scale[max(first - HALF, 0)])),
    )
