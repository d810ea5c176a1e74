"""The checkpoints of a run's folder, copied to another place while training goes on."""

from __future__ import annotations

import contextlib
import filecmp
import functools
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import write_text
from fairseq_hebrew.stage.remote_folder import PART, RemoteFolder

logger = logging.getLogger(__name__)

LAST = "checkpoint_last"
# fairseq's names: of an epoch, of (epoch, updates), the best and the last.
NAMES = r"checkpoint(?:(?P<epoch>\d+)|_\d+_(?P<updates>\d+)|_best|_last|\.best_.+)"
LINKS = ".mirror"  # in the run's folder: names of the files that are to be copied, which fairseq does not remove
RECORD = "mirrored.json"  # in the run's folder: what was copied, so that a run that goes on does not do it again


@dataclass(frozen=True)
class Snapshot:
    """Checkpoints as they were at one moment, under names of their own: a folder, and each one's (bytes, time)."""

    folder: Path
    files: dict[str, list[int]]


@dataclass(frozen=True)
class Keeps:
    """How many of the newest numbered checkpoints fairseq keeps; 0 or less: all. Those of a multiple of `pattern`
    updates stay, and are not counted (-1: none)."""

    updates: int = -1
    epochs: int = -1
    pattern: int = -1

    def outdated(self, numbers: dict[str, tuple[str, int]]) -> list[str]:
        """Of names with their (`epoch` or `updates`, number), those that fairseq would have removed."""
        found = []
        for kind, count in (("updates", self.updates), ("epoch", self.epochs)):
            newest = sorted((number, name) for name, (its, number) in numbers.items() if its == kind)[::-1]
            if kind == "updates" and self.pattern != -1:
                newest = [(number, name) for number, name in newest if number % self.pattern]
            found += [name for _, name in newest[count:]] if count > 0 else []
        return found


class CheckpointMirror:
    """Copies the checkpoints of `folder` to `there`, one set at a time, in the background.

    `offer()` says that there are new ones; while others are on their way the newest set waits, and takes the place of
    one that waited before. What was removed here is removed there, and what `keeps` has no room for, which this folder
    may never have held. Failures are warnings: the next offer tries again.
    """

    def __init__(self, folder: Path, there: RemoteFolder, suffix: str = "", keeps: Keeps | None = None) -> None:
        """`suffix`: what stands between name and `.pt` where several processes write."""
        self.folder, self.there = folder, there
        self._is_one, self._numbered = (functools.partial(rule, suffix=suffix) for rule in (is_one, numbered))
        self._keeps = keeps or Keeps()
        self._record_path = folder / f"{Path(RECORD).stem}{suffix}.json"
        self._links = folder / f"{LINKS}{suffix}"
        self._changed = threading.Condition()
        self._waiting: Snapshot | None = None
        self._busy = False
        self._failed = False
        self._count = 0
        shutil.rmtree(self._links, ignore_errors=True)  # what a kill left

    def offer(self) -> None:
        """Copy what is there now; returns at once."""
        try:
            taken = self._snapshot()
        except OSError as error:
            self._failed = True
            logger.warning(f"the checkpoints are not copied: {error}; tried again with the next one")
            return
        with self._changed:
            waited, self._waiting = self._waiting, taken
            begin, self._busy = not self._busy, True
        if waited is not None:
            shutil.rmtree(waited.folder, ignore_errors=True)
        if begin:
            threading.Thread(target=self._work, name="checkpoint mirror", daemon=True).start()

    def finish(self) -> None:
        """Wait for what is on its way or waits; what could not be copied is tried once more."""
        if self._busy:
            logger.info(f"waiting for the copy of the checkpoints to {self.there.address}")
        if not self._all_there():
            self.offer()
            if not self._all_there():
                logger.warning(f"{self.there.address} does not have the last checkpoints of {self.folder}")
        with contextlib.suppress(OSError):
            self._links.rmdir()

    def _all_there(self) -> bool:
        """Wait for the end of the work; whether the newest set was copied."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
            failed, self._failed = self._failed, False
        return not failed

    def check(self) -> dict[str, int]:
        """The checkpoints that are there: bytes by name; raises UserError where nothing can be read or written."""
        found = self._there()
        probe = self.folder / f".{RECORD}"
        write_text(probe, "")
        try:
            self.there.put(probe, ".writable")
            self.there.remove(".writable")
        finally:
            probe.unlink()
        return found

    def _there(self) -> dict[str, int]:
        return {name: size for name, size in self.there.sizes().items() if self._is_one(name)}

    def _snapshot(self) -> Snapshot:
        self._count += 1
        folder = self._links / str(self._count)
        folder.mkdir(parents=True)
        files = {}
        for name in sorted(os.listdir(self.folder)):
            if self._is_one(name):
                link_or_copy(self.folder / name, folder / name)
                facts = (folder / name).stat()
                files[name] = [facts.st_size, facts.st_mtime_ns]
        return Snapshot(folder, files)

    def _work(self) -> None:
        while True:
            with self._changed:
                snapshot, self._waiting = self._waiting, None
                if snapshot is None:
                    self._busy = False
                    self._changed.notify_all()
                    return
            try:
                self._copy(snapshot)
                self._failed = False
            except Exception as error:  # whatever a driver raises: training goes on
                self._failed = True
                said = str(error) if isinstance(error, UserError | OSError) else repr(error)
                logger.warning(f"the checkpoints are not copied: {said}; tried again with the next one")
            finally:
                shutil.rmtree(snapshot.folder, ignore_errors=True)

    def _copy(self, snapshot: Snapshot) -> None:
        there, record = self.there.sizes(), self._read_record()
        fresh = []
        # The last one first: it is what another machine would go on from.
        for name in sorted(snapshot.files, key=lambda name: (not name.startswith(LAST), name)):
            facts = snapshot.files[name]
            if record.get(name) == facts and there.get(name) == facts[0]:
                continue
            path = snapshot.folder / name
            same = next((other for other in fresh if filecmp.cmp(path, snapshot.folder / other, shallow=False)), None)
            if same is None:
                self.there.put(path, name)
            else:
                self.there.copy(same, name)
            fresh.append(name)
            record[name] = facts
            self._write_record(record)
        for name in self._outdated(set(there) | set(fresh), record, snapshot.files):
            self.there.remove(name)
        self._write_record({name: facts for name, facts in record.items() if name in snapshot.files})
        if fresh:
            logger.info(f"copied to {self.there.address}: {', '.join(fresh)}")

    def _outdated(self, there: Iterable[str], copied: Iterable[str], here: Iterable[str]) -> list[str]:
        """Of the files that are there: those removed here, those not kept, and unfinished parts of our own."""
        gone = set(copied) - set(here)
        gone |= set(self._keeps.outdated({name: number for name in there if (number := self._numbered(name))}))
        gone |= {name for name in there if name.endswith(PART) and self._is_one(name.removesuffix(PART))}
        return sorted((gone & set(there)) - set(here))

    def _read_record(self) -> dict[str, list[int]]:
        """What was copied to this address; nothing where that cannot be read."""
        try:
            told = json.loads(self._record_path.read_text(encoding="utf-8"))
            return dict(told["files"]) if told["address"] == self.there.address else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _write_record(self, files: dict[str, list[int]]) -> None:
        write_text(self._record_path, json.dumps({"address": self.there.address, "files": files}, indent=1) + "\n")


def link_or_copy(path: Path, other: Path) -> None:
    """Another name for a file; a copy where the file system has no links."""
    with contextlib.suppress(OSError):
        os.link(path, other)
        return
    shutil.copy2(path, other)


def is_one(name: str, suffix: str = "") -> bool:
    """Whether this is the name of a checkpoint that a run can go on from."""
    return _match(name, suffix) is not None


def numbered(name: str, suffix: str = "") -> tuple[str, int] | None:
    """(`epoch` or `updates`, the number) of a numbered checkpoint; None for any other name."""
    match = _match(name, suffix)
    found = match.groupdict() if match else {}
    return next(((kind, int(number)) for kind, number in found.items() if number), None)


def newest_first(names: Iterable[str], suffix: str = "") -> list[str]:
    """The checkpoints among the names: the last one, then by their updates, then by their epoch, then the best."""

    def rank(name: str) -> tuple[int, int]:
        kind, number = numbered(name, suffix) or ("", 0)
        return (3 if name.startswith(LAST) else {"updates": 2, "epoch": 1, "": 0}[kind]), number

    return sorted((name for name in names if is_one(name, suffix)), key=rank, reverse=True)


def _match(name: str, suffix: str) -> re.Match | None:
    return re.fullmatch(NAMES + re.escape(suffix) + r"\.pt", name)
