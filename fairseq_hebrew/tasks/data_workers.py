"""Data workers end with the epoch they read for, and not when the garbage collector comes by.

An epoch's iterator of fairseq refers to itself, so that a finished one waits for the collector with all its workers.
That finalizes the queues to the workers before what would tell them to end: for each it waits 5 seconds in vain, in
whatever thread it happens to run, and the signal that it sends then is one that workers are shielded from
(`preemption.py`). So they are told while everything is whole.
"""

from __future__ import annotations

import contextlib
import queue
import time
import weakref

from fairseq_hebrew.tasks.command_end import before_commands_end

PATIENCE = 30.0  # seconds in which whoever reads ahead has to get the batch it waits for
OF_TRAINING = "update_epoch_batch_itr"  # an argument that fairseq's trainer gives for training alone

_tasks: weakref.WeakSet[EndsDataWorkers] = weakref.WeakSet()  # whose trainings this process has begun


class EndsDataWorkers:
    """Mixin for tasks: in training, what reads for a split ends when the trainer asks for the split's next iterator.

    A validation that was left before its end is read no further once training goes on. Elsewhere than in a training
    iterators are their maker's affair. Stands before FairseqTask among the bases.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._training = None  # EpochBatchIterator
        self._validating = {}  # by dataset's id: EpochBatchIterator
        self._looked_at = []  # those of the validations since the last training step

    def get_batch_iterator(self, dataset, *args, **kwargs):
        made = super().get_batch_iterator(dataset, *args, **kwargs)
        if OF_TRAINING in kwargs:
            _tasks.add(self)
            before, self._training = self._training, made
        elif self._training is not None:
            before = self._validating.get(id(dataset))
            self._validating[id(dataset)] = made
            self._looked_at.append(made)
        else:
            return made
        if before is not None:
            end(before, workers=before is not made)
        return made

    def train_step(self, *args, **kwargs):
        while self._looked_at:
            end(self._looked_at.pop(), workers=False)
        return super().train_step(*args, **kwargs)

    def end_reading(self) -> None:
        """Training is over."""
        for iterator in (self._training, *self._validating.values()):
            if iterator is not None:
                end(iterator)
        self._training, self._validating, self._looked_at = None, {}, []


def end(iterator, workers: bool = True) -> None:
    """Of a fairseq EpochBatchIterator: no batch is read ahead any more, and its workers are gone.

    Without `workers` they wait for the next epoch; it can be read again either way.
    """
    for reading in (getattr(iterator, name, None) for name in ("_cur_epoch_itr", "_next_epoch_itr")):
        _stop_reading_ahead(getattr(reading, "_itr", None))
    loader = getattr(iterator, "dataloader", None)
    if workers and getattr(loader, "_iterator", None) is not None:
        _end_workers(loader._iterator)
        loader._iterator = None


def _stop_reading_ahead(buffer) -> None:
    """Of fairseq's BufferedIterator, whose thread waits for room when nobody takes what it has read."""
    thread = getattr(buffer, "_consumer", None)
    if thread is None:
        return
    thread._max_len = 0  # it looks after each batch
    until = time.monotonic() + PATIENCE
    while thread.is_alive() and time.monotonic() < until:
        with contextlib.suppress(queue.Empty):
            buffer._queue.get(timeout=0.05)
    with contextlib.suppress(queue.Empty):
        while True:  # batches it holds, on a device perhaps
            buffer._queue.get_nowait()


def _end_workers(reading) -> None:
    """Of torch's iterator over a DataLoader: in order, and by force those that do not."""
    reading._shutdown_workers()
    for worker in getattr(reading, "_workers", ()):
        if worker.is_alive():
            worker.kill()
            worker.join()


def end_all() -> None:
    """End what the trainings of this process still read."""
    for task in list(_tasks):
        task.end_reading()
    _tasks.clear()


def end_with_the_command() -> None:
    """Have fairseq's commands end what still reads; made when the plugin is imported, harmless when repeated."""
    before_commands_end("data workers", end_all)
