"""Where a run goes on within an epoch: also with --skip-remainder-batch, other processes or another --update-freq."""

import functools
import itertools
import logging

logger = logging.getLogger(__name__)


def keep_position(module) -> None:
    """Let fairseq's iterators go on at the batch that comes next, whoever read the ones before.

    Stock counts a process's own batches and takes the number for its own when there are more or fewer processes. It
    takes --skip-remainder-batch for a part of an epoch as for a whole one, and ends that epoch early; a position that
    is no multiple of --update-freq makes it leave batches over, and train the epoch again.
    """
    iterator = module.EpochBatchIterator
    if getattr(iterator, "keeps_position", False):
        return
    iterator.keeps_position = True
    iterator.before = None  # (epoch, processes that shuffled it, its batches read before this iterator began) if any
    iterator.state_dict = _telling(iterator.state_dict)
    iterator.load_state_dict = _resuming(iterator.load_state_dict)
    iterator.ordered_batches = _going_on(iterator.ordered_batches, module.ShardedIterator)
    iterator._get_iterator_for_epoch = _leaving_out_one(iterator._get_iterator_for_epoch)
    module.GroupedIterator = _grouping_what_is_left(module.GroupedIterator)


def _telling(stock):
    @functools.wraps(stock)
    def state_dict(self):
        """Stock's, with the number of processes, and what was read of the epoch before they shared it out."""
        state = {**stock(self), "num_shards": self.num_shards}
        if self.before is not None and self.before[0] == state["epoch"]:
            state["before"] = list(self.before)
        return state

    return state_dict


def _resuming(stock):
    @functools.wraps(stock)
    def load_state_dict(self, state):
        saved = state.get("num_shards", self.num_shards)  # stock checkpoints do not say
        epoch, shuffled, read = state.get("before", (state["epoch"], saved, 0))
        count = state.get("iterations_in_epoch", 0)
        if saved != self.num_shards and count:
            logger.info("%s processes shared the data, now %s do", saved, self.num_shards)
            read += count * saved  # batches of the whole epoch
            count = 0
            if shuffled == saved and not read % self.num_shards and not self.grouped_shuffling:
                read, count = 0, read // self.num_shards  # as if there had never been others
        self.before = (epoch, shuffled, read) if read else None
        stock(self, {**state, "iterations_in_epoch": count})

    return load_state_dict


def _going_on(stock, share):
    @functools.wraps(stock)
    def ordered_batches(self, epoch, fix_batches_to_gpus, shuffle):
        if self.before is None or self.before[0] != epoch:
            return stock(self, epoch, fix_batches_to_gpus, shuffle)
        now = self.num_shards, self.shard_id
        parts = []
        try:
            # batches are shuffled in groups of as many as there are processes, if they are to be
            self.num_shards = self.before[1] if self.grouped_shuffling else 1
            for shard in range(self.num_shards):
                self.shard_id = shard
                parts.append(stock(self, epoch, fix_batches_to_gpus, shuffle))
        finally:
            self.num_shards, self.shard_id = now
        batches = [batch for batch in itertools.chain.from_iterable(zip(*parts)) if len(batch)]
        return list(share(batches[self.before[2] :], *now, fill_value=[]))

    return ordered_batches


def _leaving_out_one(stock):
    @functools.wraps(stock)
    def _get_iterator_for_epoch(self, epoch, shuffle, fix_batches_to_gpus=False, offset=0):
        skip, self.skip_remainder_batch = self.skip_remainder_batch, False
        try:
            made = stock(self, epoch, shuffle, fix_batches_to_gpus, offset)
        finally:
            self.skip_remainder_batch = skip
        if skip and made is not None:
            made.take(offset + len(self.batch_sampler) - 1)
        return made

    return _get_iterator_for_epoch


def _grouping_what_is_left(stock):
    class GroupedIterator(stock):
        def __init__(self, iterable, chunk_size, skip_remainder_batch=False):
            read = getattr(iterable, "n", 0)
            left = len(iterable) - read
            if skip_remainder_batch:
                left -= left % chunk_size
                iterable.take(read + left)
            super().__init__(iterable, chunk_size)  # nothing remains to be skipped
            self.total = self.n + -(-left // chunk_size)

    return functools.wraps(stock, updated=())(GroupedIterator)
