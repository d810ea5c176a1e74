"""The pictures of a run as data: which curves stand in which panel, thinned to what a picture can show."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from .curves import Curve, Log
from .spikes import JUDGED, LEAST, rolling_median

MOST = 2000  # points of a curve in a picture


@dataclass(frozen=True)
class Panel:
    """A picture of one quantity over updates: the first of its `signals` that is logged, of validation too or not."""

    title: str
    unit: str
    signals: tuple[str, ...]
    valid: bool = True

    def signal(self, curve: Curve) -> str | None:
        return next((name for name in self.signals if name in curve), None)


PERPLEXITY = "perplexity"
PANELS = (
    Panel("Loss", "bits a token", ("loss",)),
    Panel("Perplexity", "", (PERPLEXITY,)),
    Panel("Gradient norm", "", ("gnorm",), valid=False),
    Panel("Learning rate", "", ("lr",), valid=False),
    Panel("Masked accuracy", "%", ("masked_accuracy",)),
    Panel("Tokens a second", "", ("tokens_per_second", "wps"), valid=False),
    Panel("Padding", "% of the positions", ("padding_share",)),
    Panel("MFU", "% of the device's peak", ("mfu",), valid=False),
)


@dataclass(frozen=True)
class Line:
    """A curve as it is drawn: updates int64 (M,) and values float64 (M,), M at most MOST or little more.

    `course` float64 (M,) is the rolling median that spikes are measured from; None where there is none.
    """

    name: str
    updates: np.ndarray
    values: np.ndarray
    course: np.ndarray | None = None


def lines(log: Log, panel: Panel) -> list[Line]:
    """The curves of a panel: training first, then each validation set that has the quantity."""
    named = {"train": log.train, **(log.valid if panel.valid else {})}
    made = [_line(name, curve, panel) for name, curve in named.items() if len(curve)]
    return [line for line in made if line is not None]


def _line(name: str, curve: Curve, panel: Panel) -> Line | None:
    if panel.signals == (PERPLEXITY,):
        found = _line(name, curve, PANELS[0])
        # Of a loss of more bits no power fits a float; beyond 60 nobody reads it.
        if found is None:
            return None
        values, course = (
            None if bits is None else np.exp2(np.minimum(bits, 60.0)) for bits in (found.values, found.course)
        )
        return Line(name, found.updates, values, course)
    signal = panel.signal(curve)
    if signal is None:
        return None
    values = curve.column(signal)
    known = np.isfinite(values)
    if not known.any():
        return None
    updates, values = curve.updates[known], values[known]
    kept = thinned(values)
    course = rolling_median(values)[kept] if signal in JUDGED and name == "train" and len(values) >= LEAST else None
    return Line(name, updates[kept], values[kept], course)


def thinned(values: np.ndarray, most: int = MOST) -> np.ndarray:
    """Places, in order, of the lowest and the highest value of each of most / 2 equal parts, and of the ends.

    So no spike is lost.
    """
    if len(values) <= most:
        return np.arange(len(values))
    bounds = np.linspace(0, len(values), most // 2, dtype=np.int64)
    kept = {0, len(values) - 1}
    for first, last in itertools.pairwise(bounds):
        kept |= {first + int(values[first:last].argmin()), first + int(values[first:last].argmax())}
    return np.array(sorted(kept))
