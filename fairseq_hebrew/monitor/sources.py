"""Finding the logs of a run and reading what is new in them."""

from __future__ import annotations

from pathlib import Path

from fairseq_hebrew.stage.errors import UserError

from .curves import Log
from .event_log import EventLogs, is_events
from .text_log import JSON, DamagedLineError, TextLog, parse

SUFFIXES = {"", ".log", ".json", ".jsonl", ".txt", ".out", ".err"}
HOW = "train with --log-format json --log-file train.log, or --tensorboard-logdir"


class NothingYetError(UserError):
    """A run whose logs hold no update, or that has no log."""


class Run:
    """The logs of a run, and what they hold so far in `log`.

    Of the text files of a folder its log files count (`--log-file`), else what was saved of fairseq's output, else
    TensorBoard's events. Several files are read in the order in which they were last written: runs that were resumed.
    """

    def __init__(self, path: Path) -> None:
        """path: a log, or the folder of a run. Raises UserError where there is neither."""
        if not path.exists():
            raise UserError(f"{path}: no such run; name a log of fairseq-train or the folder it is in")
        self.path = path
        self.log = Log()
        self._texts: dict[Path, TextLog] = {}
        self._events: EventLogs | None = None
        self._without: dict[Path, int] = {}  # files without a record, and how long they were

    @property
    def folder(self) -> Path:
        """Where the run's other files are looked for."""
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def files(self) -> list[Path]:
        """The logs that are read."""
        return [*self._texts, *(self._events.files if self._events is not None else [])]

    def read(self, growing: bool = False) -> int:
        """Read what was added since the last call; the number of new records. `growing`: more may come.

        Raises NothingYetError where a folder has no log, UserError where it has logs of several runs and for a
        damaged line.
        """
        if not self.files or self.path.is_dir():
            self._find()
        new = 0
        for text in self._texts.values():
            for record in text.read(growing):
                self.log.add(record)
                new += 1
        if self._events is not None:
            for record in self._events.read(growing):
                self.log.add(record)
                new += 1
        return new

    def _find(self) -> None:
        """Take up the logs that are not read yet."""
        if self.path.is_file():
            texts, events = ([], [self.path]) if is_events(self.path) else ([self.path], [])
        else:
            texts, events = _texts(self.path, self._without), []
            if not texts:
                events = sorted(path for path in self.path.rglob("*") if path.is_file() and is_events(path))
            if not texts and not events:
                texts = _below(self.path, self._without)
        if not texts and not events and not self.files:
            raise NothingYetError(f"{self.path}: no log of fairseq-train in it; {HOW}")
        for path in texts:
            self._texts.setdefault(path, TextLog(path))
        if events:
            if self._events is None:
                self._events = EventLogs()
            self._events.take(events)


def _texts(folder: Path, without: dict[Path, int]) -> list[Path]:
    """The text logs of a folder in the order they were last written: its log files, else saved outputs.

    without: what is known to have no record; added to.
    """
    kinds: dict[bool, list[Path]] = {True: [], False: []}
    for path in folder.iterdir():
        rotated = path.suffix[1:].isdigit() and ".log" in path.suffixes
        if path.is_file() and (path.suffix in SUFFIXES or rotated) and not is_events(path):
            size = path.stat().st_size
            bare = _begins_bare(path) if without.get(path) != size else None
            if bare is None:
                without[path] = size
            else:
                kinds[bare].append(path)
    return sorted(kinds[True] or kinds[False], key=lambda path: (path.stat().st_mtime_ns, path.name))


def _begins_bare(path: Path) -> bool | None:
    """Whether the first record of a file stands alone on its line; None for a file without a record."""
    with path.open("rb") as file:
        for line in file:
            try:
                record = parse(line)
            except DamagedLineError:
                record = None
            if record is not None:
                return line.startswith(JSON)
    return None


def _below(folder: Path, without: dict[Path, int]) -> list[Path]:
    """The text logs of the one folder inside `folder` that has any."""
    found = {inner: logs for inner in sorted(folder.iterdir()) if inner.is_dir() and (logs := _texts(inner, without))}
    if len(found) > 1:
        raise UserError(f"{folder}: logs of several runs in it; name one: {', '.join(map(str, found))}")
    return next(iter(found.values()), [])
