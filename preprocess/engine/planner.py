"""Collects the tasks of all phases of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from .backends import Backend
from .phases import PHASES
from .tasks import Phase, Task


class Planner:
    """Tasks are added in any order, to the phases they belong to."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._tasks: dict[str, list[tuple]] = {}

    def add(
        self,
        phase: str,
        part: Callable,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        uses: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        """A task of a phase. `uses` names what it is given: `workers`, `memory` (MB), or `bytes` (memory in bytes)."""
        self._tasks.setdefault(phase, []).append((part, inputs, outputs, uses, settings))

    def phases(self) -> list[Phase]:
        made = []
        for phase in PHASES:
            if (added := self._tasks.get(phase)) is None:
                continue
            workers, memory = (size(phase, len(added)) for size in (self._backend.workers, self._backend.memory))
            found = {"workers": workers, "memory": memory, "bytes": memory << 20}
            tasks = []
            for number, (part, inputs, outputs, uses, settings) in enumerate(added):
                name = f"{phase}/{number:05d}" if len(added) > 1 else phase
                resources = {("memory" if use == "bytes" else use): found[use] for use in uses}
                settings = {key: _resized(value, workers, memory) for key, value in settings.items()}
                tasks.append(Task(name, part, inputs, outputs, settings, resources))
            made.append(Phase(phase, tasks))
        return made


def names(number: int) -> list[str]:
    """Names of files that stand in their order when they are sorted."""
    return [f"{one:05d}" for one in range(number)]


def _resized(value: Any, workers: int, memory: int) -> Any:
    """The settings of a stage with the workers and the memory a task has."""
    if not is_dataclass(value):
        return value
    known = {field.name for field in fields(value)}
    return replace(value, **{key: one for key, one in (("workers", workers), ("memory", memory)) if key in known})
