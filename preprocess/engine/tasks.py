"""What is run: tasks from named files to named files, and phases of tasks that do not wait for each other."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairseq_hebrew.stage.manifest import FORMAT
from fairseq_hebrew.stage.options import recorded

# Files under this folder are of use to later phases only, and removed at the end.
WORK = "work/"
# Small ones: numbers that tasks found. They stay, so that a later change does not begin with what they were found in.
FACTS = "facts/"


@dataclass(frozen=True)
class Source:
    """A file that was there before: its address, what tells its content (`records.identity`), its size and stamp."""

    address: str
    identity: str
    bytes: int
    stamp: str


@dataclass(frozen=True)
class Folder:
    """Files of one folder that belong together: the part is given the path of the folder."""

    name: str
    files: tuple[str, ...]


# What a task names: a source, the name of a file under the output folder, a folder of such files, or lists of these.
Named = Source | str | Folder | Sequence


@dataclass(frozen=True)
class Task:
    """One call of a part: `part(**inputs, **outputs, **settings, **resources)` with local paths for the files.

    `part` is a function of a module; it returns counts (a dict) or None. Names are relative to the output folder.
    What the outputs depend on stands in `settings`; `resources` (memory, workers) never change them.
    """

    name: str
    part: Callable[..., dict | None]
    inputs: Mapping[str, Named] = field(default_factory=dict)
    outputs: Mapping[str, Named] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)

    def input_files(self) -> Iterator[Source | str]:
        for named in self.inputs.values():
            yield from files_of(named)

    def output_files(self) -> list[str]:
        return [file for named in self.outputs.values() for file in files_of(named)]


@dataclass(frozen=True)
class Phase:
    """Tasks that can run at the same time; the phase after begins when all of them are done."""

    name: str
    tasks: list[Task]


def files_of(named: Named) -> Iterator[Source | str]:
    """The files behind what a task names, in order."""
    if isinstance(named, Folder):
        yield from (f"{named.name}/{file}" for file in named.files)
    elif isinstance(named, str | Source):
        yield named
    else:
        for one in named:
            yield from files_of(one)


def keys_of(phases: Sequence[Phase]) -> dict[str, str]:
    """The key of each task by its name: a hash of all its outputs depend on, back to the sources.

    Known before anything is run: what a task reads is told by the key of the task that makes it. Raises ValueError
    for a plan that cannot be run: a name given twice, an input that no earlier phase makes.
    """
    keys: dict[str, str] = {}
    makers: dict[str, str] = {}
    for phase in phases:
        made: dict[str, str] = {}
        for task in phase.tasks:
            if task.name in keys:
                raise ValueError(f"two tasks are named {task.name}")
            inputs = []
            for file in task.input_files():
                if isinstance(file, str) and file not in makers:
                    raise ValueError(f"{task.name}: nothing makes {file} before phase {phase.name}")
                inputs.append(file.identity if isinstance(file, Source) else f"{makers[file]} {file}")
            keys[task.name] = _hash(
                [
                    FORMAT,
                    f"{task.part.__module__}.{task.part.__qualname__}",
                    {key: len(list(files_of(named))) for key, named in task.inputs.items()},
                    inputs,
                    {key: list(files_of(named)) for key, named in task.outputs.items()},
                    plain(task.settings),
                ]
            )
            for file in task.output_files():
                if file in made or file in makers:
                    raise ValueError(f"{task.name}: {file} is made by another task too")
                made[file] = keys[task.name]
        makers.update(made)
    return keys


def plain(value: Any) -> Any:
    """Settings as JSON can hold them; of a settings dataclass, what the result depends on."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # A stage's settings have help texts, and say of each whether the result depends on it.
        is_stage = any("help" in one.metadata for one in dataclasses.fields(value))
        return plain(recorded(value) if is_stage else vars(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a task's settings are plain values, not {type(value).__name__}")


def _hash(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
