"""Progress of long stages: a bar with rates on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

# Seconds between two log lines where no terminal is there to draw a bar on.
LOG_EVERY = 30.0


def log(text: str) -> None:
    """One plain line on stderr; stdout is kept for results that are piped on."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Counts units of work (`unit` such as `B`, `documents`) towards `total` (None when it is not known)."""

    def __init__(self, name: str, total: int | None, unit: str = "B") -> None:
        self._name, self._total, self._unit = name, total, unit
        self._done, self._started = 0, time.monotonic()
        self._next_line = self._started + LOG_EVERY
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total, unit=unit, unit_scale=True, desc=name, leave=False)

    def add(self, amount: int) -> None:
        self._done += amount
        if self._bar is not None:
            self._bar.update(amount)
        elif (now := time.monotonic()) >= self._next_line:
            self._next_line = now + LOG_EVERY
            share = f" of {self._amount(self._total)}" if self._total else ""
            rate = self._done / (now - self._started)
            log(f"{self._name}: {self._amount(self._done)}{share}, {self._amount(rate)}/s")

    def _amount(self, number: float) -> str:
        if self._unit == "B":
            return f"{number / 1e6:,.1f} MB"
        return f"{number:,.0f} {self._unit}"

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
