"""The pictures of a run as data: which curves stand in which panel, thinned to what a picture can show."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from .curves import Curve, Log

MOST = 2000  # points of a curve in a picture


@dataclass(frozen=True)
class Panel:
    """A picture of one quantity over updates; `signal` is its column, or the first of its columns that is there."""

    title: str
    unit: str
    signals: tuple[str, ...]

    def signal(self, curve: Curve) -> str | None:
        return next((name for name in self.signals if name in curve), None)


PERPLEXITY = "perplexity"
PANELS = (
    Panel("Loss", "bits a token", ("loss",)),
    Panel("Perplexity", "", (PERPLEXITY,)),
    Panel("Gradient norm", "", ("gnorm",)),
    Panel("Learning rate", "", ("lr",)),
    Panel("Masked accuracy", "%", ("masked_accuracy",)),
    Panel("Tokens a second", "", ("tokens_per_second", "wps")),
    Panel("Padding", "% of the positions", ("padding_share",)),
    Panel("MFU", "% of the device's peak", ("mfu",)),
)


@dataclass(frozen=True)
class Line:
    """A curve as it is drawn: updates int64 (M,) and values float64 (M,), M at most MOST."""

    name: str
    updates: np.ndarray
    values: np.ndarray


def lines(log: Log, panel: Panel) -> list[Line]:
    """The curves of a panel: training first, then each validation set that has the quantity."""
    named = {"train": log.train, **log.valid}
    made = [_line(name, curve, panel) for name, curve in named.items() if len(curve)]
    return [line for line in made if line is not None]


def _line(name: str, curve: Curve, panel: Panel) -> Line | None:
    if panel.signals == (PERPLEXITY,):
        found = _line(name, curve, PANELS[0])
        # Of a loss of more bits no power fits a float; beyond 60 nobody reads it.
        return found and Line(name, found.updates, np.exp2(np.minimum(found.values, 60.0)))
    signal = panel.signal(curve)
    if signal is None:
        return None
    values = curve.column(signal)
    known = np.isfinite(values)
    if not known.any():
        return None
    return Line(name, *thinned(curve.updates[known], values[known]))


def thinned(updates: np.ndarray, values: np.ndarray, most: int = MOST) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value of each of most / 2 equal parts, so that no spike is lost; ends are kept."""
    if len(values) <= most:
        return updates, values
    bounds = np.linspace(0, len(values), most // 2, dtype=np.int64)
    kept = {0, len(values) - 1}
    for first, last in itertools.pairwise(bounds):
        kept |= {first + int(values[first:last].argmin()), first + int(values[first:last].argmax())}
    places = np.array(sorted(kept))
    return updates[places], values[places]
