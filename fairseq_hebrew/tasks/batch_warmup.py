"""Batch-size warm-up: the first updates are made of fewer micro-batches, so that the global batch grows.

GPT-3 grew its batch linearly with the tokens seen (arXiv 2005.14165, appendix B); here it grows linearly with the
updates made, as the learning rate's warm-up does. Its unit is one micro-batch on every process: where that is coarse, a
smaller --batch-size with a larger --update-freq makes it finer and leaves the full batch as it was.
"""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from fairseq.data import iterators
from fairseq.dataclass import FairseqDataclass

from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)


@dataclass
class BatchWarmupConfig(FairseqDataclass):
    """Options for the config of a task. fairseq reads the annotations at run time."""

    batch_warmup_updates: int = field(
        default=0,
        metadata={
            "help": "updates in which the batch grows linearly from --batch-warmup-from to --update-freq micro-batches "
            "a process; 0: all updates are made of --update-freq"
        },
    )
    batch_warmup_from: int = field(
        default=1, metadata={"help": "micro-batches a process in the first update of --batch-warmup-updates"}
    )


@dataclass(frozen=True)
class BatchWarmup:
    """From `start` micro-batches a process to the full number, within `updates` updates."""

    updates: int
    start: int

    def size(self, done: int, full: int) -> int:
        """Micro-batches a process of the update after `done` ones; `full`: the present --update-freq."""
        if done >= self.updates:
            return full
        return self.start + (full - self.start) * done // self.updates


class WarmsBatchUp:
    """Mixin for tasks whose config is a BatchWarmupConfig. Stands before FairseqTask among the bases."""

    def build_model(self, cfg, from_checkpoint=False):
        """FairseqTask's; raises UserError for impossible settings. From then on fairseq groups as they say."""
        self.batch_warmup()
        give_trainers_the_warmup()
        return super().build_model(cfg, from_checkpoint)

    def batch_warmup(self) -> BatchWarmup | None:
        """What the options ask for; None for a batch of one size."""
        updates, start = self.cfg.batch_warmup_updates, self.cfg.batch_warmup_from
        if updates < 0:
            raise UserError(f"--batch-warmup-updates {updates} is less than 0; give 0 for no warm-up of the batch")
        if start < 1:
            raise UserError(f"--batch-warmup-from {start} is less than one micro-batch; give at least 1")
        return BatchWarmup(updates, start) if updates else None


@dataclass(frozen=True)
class Growth:
    """What the grouping of micro-batches has to know: the plan, and how many updates the trainer has made by now."""

    warmup: BatchWarmup
    updates_made: Callable[[], int]


class GrowingGroups(iterators.GroupedIterator):
    """fairseq's grouping of micro-batches into updates, with groups that grow when its iterable has a `growth`.

    An epoch's place is counted in micro-batches, by the iterable. So a run that goes on from any update finds its
    place, and the size of its next group from the updates made: the same as in a run never stopped. An update that is
    not made (fp16 overflow) does not count, as for the learning rate.
    """

    def __init__(self, iterable, chunk_size: int, skip_remainder_batch: bool = False):
        """Raises UserError when the batch has no room to grow."""
        self.growth = getattr(iterable, "growth", None)
        if self.growth is None:
            super().__init__(iterable, chunk_size, skip_remainder_batch)
            return
        warmup = self.growth.warmup
        if warmup.start >= chunk_size and self.growth.updates_made() < warmup.updates:
            raise UserError(
                f"--batch-warmup-from {warmup.start} is not less than --update-freq {chunk_size}, to which the batch "
                "grows; give a smaller --batch-size and a larger --update-freq, or no --batch-warmup-updates"
            )
        self.iterable, self.chunk_size, self.skip_remainder_batch = iterable, chunk_size, skip_remainder_batch
        before, after = self._count()
        iterators.CountingIterator.__init__(self, self._groups(), start=before, total=before + after)
        logger.info(f"grouped total_num_itrs = {self.total}, the next of {self._next_size()} micro-batches a process")

    def has_next(self) -> bool:
        """Whether there is another update in this epoch."""
        if self.growth is None:
            return super().has_next()
        if self.skip_remainder_batch and self.iterable.total - self.iterable.n < self._next_size():
            self.iterable.take(self.iterable.n)  # the epoch ends here for fairseq too
        return self.iterable.has_next()

    def _next_size(self) -> int:
        return self.growth.warmup.size(self.growth.updates_made(), self.chunk_size)

    def _groups(self):
        while self.iterable.has_next():
            size = self._next_size()
            group = []
            while len(group) < size and self.iterable.has_next():
                group.append(next(self.iterable))
            yield group

    def _count(self) -> tuple[int, int]:
        """Updates in this epoch before now, and from now on if each of them is made: what the progress bar shows."""
        done, full = self.growth.updates_made(), self.chunk_size
        size = functools.partial(self.growth.warmup.size, full=full)
        before, read = 0, self.iterable.n
        while read > 0:
            before += 1
            read -= size(max(done - before, 0))
        after, left = 0, self.iterable.total - self.iterable.n
        while left >= (size(done + after) if self.skip_remainder_batch else 1):
            left -= size(done + after)
            after += 1
        return before, after


def give_trainers_the_warmup() -> None:
    """Make fairseq's trainer hand the plan of a WarmsBatchUp task to the grouping; once, harmless when repeated.

    fairseq groups by --update-freq alone and asks no hook. Tasks without the option are grouped by fairseq's own code.
    """
    from fairseq.trainer import Trainer

    stock = Trainer.get_train_iterator
    if getattr(stock, "gives_the_warmup", False):
        return

    @functools.wraps(stock)
    def get_train_iterator(self, *args, **kwargs):
        epoch_itr = stock(self, *args, **kwargs)
        warmup = self.task.batch_warmup() if isinstance(self.task, WarmsBatchUp) else None
        if warmup is not None:
            if self.tpu:
                raise UserError(
                    "with --tpu all updates are of --update-freq batches, others would compile anew; leave out "
                    "--batch-warmup-updates"
                )
            _mark(epoch_itr, Growth(warmup, self.get_num_updates))
        return epoch_itr

    get_train_iterator.gives_the_warmup = True
    Trainer.get_train_iterator = get_train_iterator
    iterators.GroupedIterator = GrowingGroups


def _mark(epoch_itr, growth: Growth) -> None:
    """Give the iterator of each epoch that `epoch_itr` makes the attribute `growth`."""
    stock = epoch_itr.next_epoch_itr

    @functools.wraps(stock)
    def next_epoch_itr(*args, **kwargs):
        itr = stock(*args, **kwargs)
        itr.growth = growth
        return itr

    epoch_itr.next_epoch_itr = next_epoch_itr
