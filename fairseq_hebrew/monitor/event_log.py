"""Reading TensorBoard's event files, as fairseq-train writes them with `--tensorboard-logdir`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError

from .curves import EPOCH, TRAIN, Record

# The folder fairseq writes a kind of records to: every other is named by its validation set.
SPLITS = {"train_inner": TRAIN, "train": EPOCH}


def is_events(path: Path) -> bool:
    return "tfevents" in path.name


class EventLogs:
    """Event files of one run, read together; they may still grow."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self._files: list[_EventFile] = []

    def take(self, files: Sequence[Path]) -> None:
        """Read these files too, where they are not read yet; raises UserError when they are of several runs."""
        folders = sorted({path.parent.parent for path in (*self.files, *files)})
        if len(folders) > 1:
            raise UserError(f"TensorBoard's events of several runs; name one: {', '.join(map(str, folders))}")
        for path in files:
            if path not in self.files:
                self.files.append(path)
                self._files.append(_EventFile(path))

    def read(self, growing: bool = False) -> Iterator[Record]:
        """The new records of all files in the order in which they were written."""
        found = [record for file in self._files for record in file.read(growing)]
        yield from (record for _, record in sorted(found, key=lambda one: one[0]))


class _EventFile:
    """One file: the scalars of a step, written one by one, are a record."""

    def __init__(self, path: Path) -> None:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

        self._split = SPLITS.get(path.parent.name, path.parent.name)
        self._loader = EventFileLoader(str(path))
        self._step, self._time, self._values = -1, 0.0, {}

    def read(self, growing: bool) -> Iterator[tuple[float, Record]]:
        """(seconds since 1970, record); the last step is held back while more of its scalars may come."""
        from tensorboard.util.tensor_util import make_ndarray

        for event in self._loader.Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name not in ("scalars", ""):
                    continue
                if event.step != self._step:
                    yield from self._whole()
                    self._step, self._time = event.step, event.wall_time
                self._values[value.tag] = float(make_ndarray(value.tensor))
        if not growing:
            yield from self._whole()

    def _whole(self) -> Iterator[tuple[float, Record]]:
        if "loss" in self._values:
            yield self._time, Record(self._split, int(self._step), {**self._values, "num_updates": float(self._step)})
        self._values = {}
