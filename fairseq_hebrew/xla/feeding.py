"""Batches come to the device in the background, and each update is made of as many as any other.

fairseq reads batches ahead in a thread, below the counter that a checkpoint's position is taken from (its own loader
for TPUs reads ahead above it, so that a resumed run would leave out what was read and not trained on). That thread
also puts them on the device here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from fairseq.data import iterators
from torch import Tensor

from fairseq_hebrew.stage.errors import UserError

ONLY_HOST = ("src_lengths",)  # what no model computes with


class Placement:
    """Where the tensors of a batch go: those of net_input, the target, if it has one, and what else is named to the
    device, the rest stays on the host."""

    def __init__(
        self,
        move: Callable[[list[Tensor]], list[Tensor]],
        empty: Callable[[Mapping], dict] | None = None,
        at_the_end: Callable[[], None] = lambda: None,
        more: Sequence[str] = (),
    ):
        """empty: batch -> a batch of its shapes with nothing in it, for where one is missing; at_the_end: called when
        the updates of an epoch are made; more: names of tensors of a batch, beside those of net_input and the target.
        """
        self._move, self.at_the_end, self._more = move, at_the_end, more
        self._make_empty = empty
        self._empty: dict | None = None

    def place(self, batch: Mapping) -> Mapping:
        """A batch of the host; for an empty one, the share of a host that has none left, one that changes nothing."""
        if not batch:
            return self.empty()
        if self._empty is None and self._make_empty is not None:
            self._empty = self._placed(self._make_empty(batch))
        return self._placed(batch)

    def empty(self) -> dict:
        """A batch on the device that changes nothing; raises UserError before there was any other, or for a task that
        cannot make one.
        """
        if self._empty is None:
            raise UserError("fewer batches than hosts; use fewer hosts or a smaller --batch-size")
        return dict(self._empty)

    @property
    def fills_up(self) -> bool:
        return self._make_empty is not None

    def _placed(self, batch: Mapping) -> dict:
        inputs = batch["net_input"]
        names = [name for name, value in inputs.items() if torch.is_tensor(value) and name not in ONLY_HOST]
        others = [name for name in ("target", *self._more) if name in batch]
        moved = self._move([*(inputs[name] for name in names), *(batch[name] for name in others)])
        placed = {**inputs, **dict(zip(names, moved))}
        return {**batch, "net_input": placed, **dict(zip(others, moved[len(names) :]))}


class DeviceBuffer(iterators.BufferedIterator):
    """fairseq's buffer, filled with batches that are on the device."""

    placement: Placement  # of the run: set before the first is made

    def __init__(self, size: int, iterable):
        super().__init__(size, _Placed(iterable, self.placement))


class _Placed:
    def __init__(self, batches, placement: Placement):
        self._batches, self._placement = batches, placement

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Mapping]:
        return map(self._placement.place, self._batches)


def device_loader(batches):
    """In the place of fairseq's loader for TPUs: `batches` are on the device; an epoch's last update gets what it lacks
    of --update-freq batches as empty ones, for it would be another graph.
    """
    size, placement = getattr(batches, "chunk_size", None), DeviceBuffer.placement
    if size is None or not placement.fills_up:
        return batches

    def filled() -> Iterator[list]:
        for group in batches:
            yield group + [placement.empty() for _ in range(size - len(group))]

    return _Updates(filled(), batches, placement.at_the_end)


class _Updates(iterators.CountingIterator):
    """The groups of batches of an epoch; calls `at_the_end` when another one is asked for after the last."""

    def __init__(self, groups: Iterator[list], batches, at_the_end: Callable[[], None]):
        super().__init__(groups, start=batches.n, total=len(batches))
        self._at_the_end = at_the_end

    def __next__(self) -> list:
        if not self.has_next():
            self._at_the_end()
        return super().__next__()
