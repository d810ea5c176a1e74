"""How many graphs XLA has compiled, and which shapes of a batch made it compile another."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import torch

logger = logging.getLogger(__name__)

Signature = tuple[tuple[str, tuple[int, ...]], ...]


def compiled() -> tuple[int, float]:
    """(graphs compiled since the process began, seconds that took)."""
    import torch_xla.debug.metrics

    data = torch_xla.debug.metrics.metric_data("CompileTime")
    return (0, 0.0) if data is None else (data[0], data[1] / 1e9)


def signature(sample: Mapping) -> Signature:
    """The shapes that a graph is compiled for: of the model's inputs and the target, by name."""
    tensors = {**sample.get("net_input", {}), "target": sample.get("target")}
    return tuple((name, tuple(value.shape)) for name, value in tensors.items() if torch.is_tensor(value))


class CompileWatch:
    """Looks after each step at whether XLA compiled, and what for. `warn`: a line for each time but a kind's first."""

    def __init__(self, warn: bool = False):
        self.warn = warn
        self.count, self._seconds = 0, 0.0
        self._seen: dict[str, set[tuple[Signature, ...]]] = {}  # by kind of step

    def look(self, step: str, signatures: Iterable[Signature]) -> str | None:
        """After a `step` ("update 7", "validation") with batches of these signatures; returns the warning, if any."""
        count, seconds = compiled()
        new, took = count - self.count, seconds - self._seconds
        self.count, self._seconds = count, seconds
        group = tuple(signatures)
        seen = self._seen.setdefault(step.split()[0], set())
        first, why = not seen, _why(group, seen)
        seen.add(group)
        if not new:
            return None
        told = f"{step}: XLA compiled {new} graph{'s' * (new > 1)} in {took:.1f} s, {count} in all"
        if first or not self.warn:
            logger.info(told)
            return None
        logger.warning(f"{told}; {why}")
        return f"{told}; {why}"


def _why(group: tuple[Signature, ...], seen: set[tuple[Signature, ...]]) -> str:
    known = {one for before in seen for one in before}
    fresh = [one for one in dict.fromkeys(group) if one not in known]
    if fresh:
        return "new shapes: " + "; ".join(described(one) for one in fresh)
    if group not in seen:
        return f"shapes were seen before, but not {len(group)} batches of them in one update"
    return "all shapes were seen before: something else changed, as a number that is part of the graph"


def described(one: Signature) -> str:
    return ", ".join(f"{name} {' x '.join(map(str, shape)) or 'scalar'}" for name, shape in one)
