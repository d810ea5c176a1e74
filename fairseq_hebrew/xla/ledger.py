"""What updates tell is added up on the device and fetched when it is logged: telling does not make the host wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


class Ledger:
    """Sums of logging outputs, of all batches since they were last taken.

    Tensors are summed on their device, and begin there as zeros sent from the host: adding to nothing would be another
    graph. With `spread`, numbers of the host are of its share of a batch alone: it puts them on the device, (B, n) from
    (n,), so that their sum is that of all hosts.
    """

    def __init__(self, send: Callable[[list[Tensor]], list[Tensor]], spread: Callable[[Tensor], Tensor] | None = None):
        self._send = send
        self._spread = spread
        self._numbers: dict[str, float] = {}
        self._tensors: dict[str, Tensor] = {}

    def add(self, output: Mapping[str, float | Tensor]) -> None:
        """Add a batch's logging output; its names and types are the same each time."""
        tensors = {name: value.detach() for name, value in output.items() if torch.is_tensor(value)}
        numbers = {name: float(value) for name, value in output.items() if not torch.is_tensor(value)}
        if self._spread is not None and numbers:
            tensors["numbers"] = self._spread(torch.tensor(list(numbers.values()))).sum(0)
            self._names = list(numbers)
        else:
            for name, value in numbers.items():
                self._numbers[name] = self._numbers.get(name, 0.0) + value
        if not self._tensors:
            zeros = self._send([torch.zeros(value.shape, dtype=value.dtype) for value in tensors.values()])
            self._tensors = dict(zip(tensors, zeros))
        for name, value in tensors.items():
            self._tensors[name] = self._tensors[name] + value

    def tensors(self) -> list[Tensor]:
        """What has to be fetched for `take`."""
        return list(self._tensors.values())

    def take(self, fetched: list[Tensor]) -> dict[str, float]:
        """The sums as numbers, from `tensors()` on the host; begins anew."""
        total = dict(self._numbers)
        for name, value in zip(self._tensors, fetched):
            if name == "numbers":
                total.update(zip(self._names, value.tolist()))
            else:
                total[name] = value.item()
        self._numbers, self._tensors = {}, {}
        return total
