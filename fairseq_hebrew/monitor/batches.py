"""The samples behind a spike: which were in the batches of its updates.

Nothing has to be written down in training for it: the order of batches follows from the settings, which a checkpoint
holds, and from the epoch. The data is opened again as fairseq-train opens it, and the epoch's batches are dealt out to
updates as its trainer does. Where the log says otherwise (an overflow of fp16 used up a batch and no update, or the
run went on with other settings within the epoch), the batches named are marked as not exact.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import Outputs

from .curves import Log
from .spikes import Spike

PLUGIN = Path(__file__).parents[1]


@dataclass(frozen=True)
class Update:
    """An update and the ids of the samples each of its batches has: (process, ids) for every batch."""

    update: int
    epoch: int
    batches: list[tuple[int, list[int]]]
    exact: bool


class BatchOrder:
    """The order in which a run reads its training data, from the settings in one of its checkpoints."""

    def __init__(self, checkpoint: Path) -> None:
        """Raises UserError where the file is no checkpoint of fairseq-train; its task, where there is no data."""
        from fairseq import tasks, utils
        from fairseq.checkpoint_utils import load_checkpoint_to_cpu

        if not checkpoint.is_file():
            raise UserError(f"{checkpoint}: no such checkpoint; name one of the run with --batches")
        utils.import_user_module(argparse.Namespace(user_dir=str(PLUGIN)))
        try:
            state = load_checkpoint_to_cpu(str(checkpoint))
            self._cfg = state["cfg"]
            user_dir = self._cfg.common.user_dir
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{checkpoint}: not a checkpoint of fairseq-train; name one it wrote") from error
        if user_dir and Path(user_dir).name != PLUGIN.name:
            utils.import_user_module(argparse.Namespace(user_dir=user_dir))
        self._task = tasks.setup_task(self._cfg.task)
        self._task.load_state_dict(state.get("task_state") or {})  # such as the length of its samples
        self._epoch: tuple[int, list[list[list[int]]]] | None = None

    def batches(self, epoch: int) -> list[list[list[int]]]:
        """For each process the batches of an epoch in order, each a list of ids; empty ones fill up the last."""
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._read(epoch)
        return self._epoch[1]

    def _read(self, epoch: int) -> list[list[list[int]]]:
        from fairseq import utils

        dataset, cfg = self._cfg.dataset, self._cfg
        self._task.load_dataset(dataset.train_subset, epoch=epoch, combine=True)
        processes = cfg.distributed_training.distributed_world_size
        found = []
        for process in range(processes):
            iterator = self._task.get_batch_iterator(
                dataset=self._task.dataset(dataset.train_subset),
                max_tokens=dataset.max_tokens,
                max_sentences=dataset.batch_size,
                # No sample is longer than the model's positions: the task sees to it.
                max_positions=utils.resolve_max_positions(self._task.max_positions(), dataset.max_tokens),
                ignore_invalid_inputs=True,
                required_batch_size_multiple=dataset.required_batch_size_multiple,
                seed=cfg.common.seed + epoch if dataset.update_ordered_indices_seed else cfg.common.seed,
                num_shards=processes,
                shard_id=process,
                epoch=epoch,
                disable_iterator_cache=True,
                skip_remainder_batch=cfg.optimization.skip_remainder_batch,
                grouped_shuffling=dataset.grouped_shuffling,
            )
            fixed = cfg.distributed_training.fix_batches_to_gpus
            batches = iterator.ordered_batches(epoch, fixed, shuffle=epoch > dataset.curriculum)
            if cfg.optimization.skip_remainder_batch:
                batches = batches[:-1]
            found.append([[int(i) for i in batch] for batch in batches])
        return found

    def groups(self, epoch: int, before: int) -> list[tuple[int, int]]:
        """(first, last + 1) of the batches of each update of an epoch, as every process counts them.

        before: the updates made before the epoch, on which the size of a batch that warms up depends.
        """
        frequencies = self._cfg.optimization.update_freq
        full = int(frequencies[min(epoch, len(frequencies)) - 1])
        warmup = self._task.batch_warmup() if hasattr(self._task, "batch_warmup") else None
        count = len(self.batches(epoch)[0])
        bounds, read = [], 0
        while read < count:
            size = full if warmup is None else warmup.size(before + len(bounds), full)
            if self._cfg.optimization.skip_remainder_batch and read + size > count:
                break
            bounds.append((read, min(read + size, count)))
            read += size
        return bounds

    def updates(self, log: Log, first: int, last: int) -> Iterator[Update]:
        """The updates `first` ... `last`, in order; raises UserError where the log does not tell their epoch."""
        epoch, before = self._epoch_of(log, first)
        update = first
        while update <= last:
            groups = self.groups(epoch, before)
            after = _ends(log).get(epoch)
            whole = after is not None and len(groups) == after - before
            exact = whole or _agrees(log, epoch, before, len(groups))
            for place in range(update - before - 1, min(last - before, len(groups))):
                start, stop = groups[place]
                named = [
                    (process, batch)
                    for process, batches in enumerate(self.batches(epoch))
                    for batch in batches[start:stop]
                    if batch
                ]
                yield Update(before + place + 1, epoch, named, exact)
            before = after if after is not None else before + len(groups)
            update, epoch = max(update, before + 1), epoch + 1

    def _epoch_of(self, log: Log, update: int) -> tuple[int, int]:
        """(the epoch an update is of, the updates before that epoch)."""
        known = {0: 0, **_ends(log)}
        epoch = max((epoch for epoch, end in known.items() if end < update), default=0)
        before = known[epoch]
        # Epochs whose end the log does not tell are as long as their batches make them.
        while (count := len(self.groups(epoch + 1, before))) + before < update and epoch + 1 not in known:
            if not count:
                raise UserError(f"update {update:,} is in no epoch of the data; name a checkpoint of this run")
            epoch, before = epoch + 1, before + count
        return epoch + 1, before


def _ends(log: Log) -> dict[int, int]:
    """{epoch: updates at its end} as fairseq tells them; an epoch that went on after a stop within it is left out."""
    epochs, steps = log.epochs, log.steps
    told = zip(epochs.column("epoch"), epochs.updates)
    ends = {int(epoch): int(end) for epoch, end in told if epoch == epoch}
    last = {int(epoch): int(update) for epoch, update in zip(steps.column("epoch"), steps.updates) if epoch == epoch}
    return {epoch: end for epoch, end in ends.items() if last.get(epoch, 0) <= end}


def _agrees(log: Log, epoch: int, before: int, count: int) -> bool:
    """Whether the records of an epoch that is not over stand where their updates are: fairseq tells the share of the
    epoch to a thousandth."""
    if "update" not in log.steps or not count:
        return False
    of_it = log.steps.column("epoch") == epoch
    share = log.steps.column("update")[of_it] - (epoch - 1)
    return bool((abs(share - (log.steps.updates[of_it] - before) / count) < 0.00051).all())


def updates_behind(log: Log, spike: Spike) -> tuple[int, int]:
    """The updates that may have begun a spike: those its first record is the average of, and the one before them, as
    a loss is measured before its update changes the weights."""
    train = log.train.updates
    return (int(train[spike.first - 1]) if spike.first else 1), int(train[spike.first])


def write_batches(path: Path, checkpoint: Path, log: Log, spikes: Sequence[Spike]) -> tuple[int, bool]:
    """Write the updates behind the spikes as JSON lines; (how many, whether all are exact)."""
    order = BatchOrder(checkpoint)
    count, all_exact = 0, True
    with Outputs() as outputs, outputs.open(path) as file:
        for spike in spikes:
            for one in order.updates(log, *updates_behind(log, spike)):
                batches = [{"rank": process, "ids": ids} for process, ids in one.batches]
                line = {"signal": spike.signal, "spike": spike.begin, "update": one.update, "epoch": one.epoch}
                file.write(json.dumps({**line, "exact": one.exact, "batches": batches}).encode() + b"\n")
                count, all_exact = count + 1, all_exact and one.exact
    return count, all_exact
