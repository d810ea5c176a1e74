"""Runs one task: brings what it reads, lets it write beside, and moves what it wrote, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq_hebrew.stage.address import Address
from fairseq_hebrew.stage.errors import UserError, clear_line_of

from .addresses import download, is_remote, join, local_path, read_bytes, sha256, short_hash, state, upload
from .records import ENGINE, forget, write_record
from .tasks import Folder, Named, Source, Task

# Under the output folder: which run may write to it.
CURRENT = f"{ENGINE}/run"


@dataclass(frozen=True)
class Place:
    """Where tasks run: the output folder, the folder for scratch (None: the system's), and the run they belong to."""

    root: str
    run: str
    scratch: str | None = None

    @property
    def above(self) -> Path:
        """The folder of all scratch of this output folder on this machine."""
        if is_remote(self.root):
            return Path(self.scratch or tempfile.gettempdir()) / f"fairseq-hebrew-{short_hash(self.root)}"
        # On the disk of the outputs, so that they can be renamed to their place.
        return local_path(self.root) / ENGINE / "scratch"

    def folder(self, task: Task) -> Path:
        """The scratch folder of a task; folders that killed runs left beside it are removed."""
        if self.above.is_dir():
            for left in self.above.iterdir():
                if left.name != self.run:
                    shutil.rmtree(left, ignore_errors=True)
        return self.above / self.run / task.name.replace("/", "-")

    def clear(self) -> None:
        """Remove what any run left on this machine."""
        shutil.rmtree(self.above, ignore_errors=True)

    def check_current(self) -> None:
        """Raise UserError when a later run works on the same output folder."""
        if read_bytes(join(self.root, CURRENT)) != self.run.encode():
            raise UserError(f"{self.root}: another run has begun on this output folder, so this one ends")


class TaskFailed(UserError):
    """A part of a task failed; the line says which and why."""


def run_task(task: Task, key: str, place: Place) -> dict:
    """Run a task; its counts. Files of the output folder's own disk are read where they are."""
    place.check_current()
    started, cpu = time.monotonic(), time.process_time()
    folder = place.folder(task)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    brought: dict[str, str] = {}
    try:
        forget(place.root, task)
        inputs = {name: _bring(named, place.root, folder, brought) for name, named in task.inputs.items()}
        outputs = {name: _beside(named, folder / "out") for name, named in task.outputs.items()}
        counts = task.part(**inputs, **outputs, **task.settings, **task.resources) or {}
        _check_sources(task)
        place.check_current()
        moved = [_move(folder / "out", name, place.root) for name in task.output_files()]
        seconds = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - cpu}
        write_record(place.root, task, key, moved, counts, seconds)
        return counts
    except Exception as error:
        line = clear_line_of(error)
        if line is None:
            raise
        for path, address in brought.items():
            line = line.replace(path, address)
        raise TaskFailed(f"{task.name}: {line.replace(f'{folder}/out', place.root)}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_sources(task: Task) -> None:
    for file in task.input_files():
        if isinstance(file, Source) and state(file.address) != {"bytes": file.bytes, "stamp": file.stamp}:
            raise UserError(f"{file.address}: changed while the corpus was being prepared; run the same command again")


def _bring(named: Named, root: str, folder: Path, brought: dict[str, str]) -> Any:
    """The local path of what a task reads, downloaded unless it is local; of a folder, one of links."""
    if isinstance(named, Source):
        return _local(named.address, folder / "in" / str(len(brought)), brought)
    if isinstance(named, str):
        return _local(join(root, named), folder / "in" / str(len(brought)), brought)
    if isinstance(named, Folder):
        # These files alone: what an earlier plan left among them is removed at the end only.
        below = folder / "in" / str(len(brought))
        for file in named.files:
            path = _local(join(root, f"{named.name}/{file}"), below, brought)
            if path.parent != below:
                below.mkdir(parents=True, exist_ok=True)
                (below / file).symlink_to(os.path.abspath(path))
        brought[f"{below}/"] = f"{join(root, named.name)}/"
        return below
    return [_bring(one, root, folder, brought) for one in named]


def _local(address: str, folder: Path, brought: dict[str, str]) -> Path:
    if not is_remote(address):
        return local_path(address)
    # Under its own name: its ending says what is in it.
    path = folder / Address(address).name
    download(address, path)
    brought[str(path)] = address
    return path


def _beside(named: Named, folder: Path) -> Any:
    """The scratch path of what a task writes, its folder made."""
    if isinstance(named, str):
        (folder / named).parent.mkdir(parents=True, exist_ok=True)
        return folder / named
    if isinstance(named, Folder):
        (folder / named.name).mkdir(parents=True, exist_ok=True)
        return folder / named.name
    return [_beside(one, folder) for one in named]


def _move(folder: Path, name: str, root: str) -> Mapping[str, Any]:
    """Move one output to its place; what its record says of it."""
    path, address = folder / name, join(root, name)
    told = {"name": name, "sha256": sha256(path)}
    if is_remote(address):
        upload(path, address)
    else:
        final = local_path(address)
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, final)
    found = state(address)
    if found is None:
        raise UserError(f"{address}: is not there after it was written; check the store and run the command again")
    return {**told, **found}
