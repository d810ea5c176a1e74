"""A phase as a step of datatrove's: each rank runs its share of the tasks."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from datatrove.pipeline.base import PipelineStep
from loguru import logger

from fairseq_hebrew.stage.errors import clear_line_of

from .addresses import is_remote, join, local_path, open_file_system, read_bytes, remove, write_bytes
from .staging import Place, run_task
from .tasks import Task

_HEAD = struct.Struct("<Q")


def write_shares(address: str, shares: Sequence[Sequence[tuple[Task, str]]]) -> None:
    """Write what each rank has to do, (task, key) pairs, so that a rank reads its own share and no more.

    Layout: the number of ranks and the end of each share (uint64), then the shares, pickled.
    """
    pickled = [pickle.dumps(list(share)) for share in shares]
    ends, position = [], _HEAD.size * (len(pickled) + 1)
    for one in pickled:
        position += len(one)
        ends.append(position)
    head = b"".join(_HEAD.pack(number) for number in (len(pickled), *ends))
    write_bytes(address, head + b"".join(pickled))


def read_share(address: str, rank: int) -> list[tuple[Task, str]]:
    """The share of a rank."""
    (ranks,) = _HEAD.unpack(_read_range(address, 0, _HEAD.size))
    begin = rank * _HEAD.size
    start, end = struct.unpack("<QQ", _read_range(address, begin, begin + 2 * _HEAD.size))
    # The first share begins where the table of ends does.
    start = _HEAD.size * (ranks + 1) if rank == 0 else start
    return pickle.loads(_read_range(address, start, end))


def _read_range(address: str, start: int, end: int) -> bytes:
    if is_remote(address):
        system, path = open_file_system(address)
        return system.cat_file(path, start=start, end=end)
    with open(local_path(address), "rb") as file:
        file.seek(start)
        return file.read(end - start)


class PhaseStep(PipelineStep):
    """Rank r of a phase runs its share of tasks one after the other; datatrove marks it complete when all are done.

    What a failing task says is kept in `failures/RANK.json` of the phase's folder, for the user to be told: an
    executor may run elsewhere, and Ray's tells nobody.
    """

    type = "corpus"

    def __init__(self, name: str, folder: str, place: Place) -> None:
        self.name = name
        super().__init__()
        self.folder, self.place = folder, place

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        address = failure_address(self.folder, rank)
        with _logged():
            try:
                for task, key in read_share(join(self.folder, "shares"), rank):
                    logger.info(f"{task.name}: begins")
                    with self.track_time(unit="task"):
                        counts = run_task(task, key, self.place)
                    for label, value in counts.items():
                        if isinstance(value, int):
                            self.stat_update(label, value=value)
                    logger.info(f"{task.name}: done {counts}")
            except BaseException as error:
                line = clear_line_of(error) or f"{type(error).__name__}: {error}"
                write_bytes(address, json.dumps({"line": " ".join(line.split())}).encode())
                raise
        remove(address)


def failure_address(folder: str, rank: int) -> str:
    return join(folder, f"failures/{rank:05d}.json")


def failure_line(folder: str, rank: int) -> str | None:
    """What the last failure of a rank said, None when it never said a word."""
    content = read_bytes(failure_address(folder, rank))
    return json.loads(content)["line"] if content is not None else None


class _Lines(io.TextIOBase):
    """A text stream whose lines go to the log of the task."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).replace("\r", "\n").split("\n")
        for line in lines:
            if line.strip():
                logger.info(line.rstrip())
        return len(text)


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    """What stages say goes to the log of their task: many of them speak at once."""
    with contextlib.redirect_stderr(_Lines()), contextlib.redirect_stdout(_Lines()):
        yield
