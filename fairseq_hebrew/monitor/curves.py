"""What the log of a run holds: a curve for training and one for each validation set."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

TRAIN = "train"
EPOCH = "epoch"  # the averages fairseq tells at the end of an epoch


class Record(NamedTuple):
    """One record of a log: of `split` TRAIN, EPOCH or the name of a validation set, after `update` updates."""

    split: str
    update: int
    values: Mapping[str, float]


class Curve:
    """Records of one split in the order of their updates; every column is float64 (N,), nan where it was not told."""

    def __init__(self) -> None:
        self._updates = array("q")
        self._columns: dict[str, array] = {}

    def __len__(self) -> int:
        return len(self._updates)

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    @property
    def updates(self) -> np.ndarray:
        """int64 (N,), growing."""
        return np.array(self._updates, dtype=np.int64)

    @property
    def last(self) -> int:
        """The last update; -1 before the first."""
        return self._updates[-1] if self._updates else -1

    @property
    def names(self) -> list[str]:
        return list(self._columns)

    def column(self, name: str) -> np.ndarray:
        return np.array(self._columns[name]) if name in self._columns else np.full(len(self), np.nan)

    def rows(self) -> list[dict[str, float]]:
        """The records as they were told, in order."""
        names, columns = list(self._columns), self._columns.values()
        return [{name: value for name, value in zip(names, row) if value == value} for row in zip(*columns)]

    def add(self, update: int, values: Mapping[str, float]) -> None:
        """Append a record; an update that is not after the last replaces what stands from there on."""
        if update <= self.last:
            self.cut(bisect_left(self._updates, update))
        before = len(self._updates)
        self._updates.append(update)
        for name, value in values.items():
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = array("d", [np.nan]) * before
            column.append(value)
        for column in self._columns.values():
            if len(column) == before:
                column.append(np.nan)

    def cut(self, length: int) -> None:
        """Forget all records but the first `length`."""
        del self._updates[length:]
        for column in self._columns.values():
            del column[length:]

    def cut_after(self, update: int) -> None:
        """Forget the records of later updates than `update`."""
        self.cut(bisect_right(self._updates, update))


class Log:
    """The curves of a run. A run that was stopped and resumed tells some updates twice: the later telling counts.

    `resumed` holds (last update before, first update after) for each time training went back.
    """

    def __init__(self) -> None:
        self.steps = Curve()
        self.epochs = Curve()
        self.valid: dict[str, Curve] = {}
        self.resumed: list[tuple[int, int]] = []

    @property
    def train(self) -> Curve:
        """The records of `--log-interval`; the averages of whole epochs where there are none."""
        return self.steps if len(self.steps) else self.epochs

    @property
    def last(self) -> int:
        """The last update that any curve knows; -1 before the first."""
        return max(curve.last for curve in (self.steps, self.epochs, *self.valid.values()))

    def add(self, record: Record) -> None:
        if record.split == TRAIN:
            if record.update < self.steps.last:
                self._go_back(record.update)
            self.steps.add(record.update, record.values)
        elif record.split == EPOCH:
            self.epochs.add(record.update, record.values)
        else:
            self.valid.setdefault(record.split, Curve()).add(record.update, record.values)

    def _go_back(self, update: int) -> None:
        """What was told of the updates from `update` on belongs to a branch that was given up."""
        self.resumed.append((self.steps.last, update))
        for curve in (self.epochs, *self.valid.values()):
            curve.cut_after(update - 1)
