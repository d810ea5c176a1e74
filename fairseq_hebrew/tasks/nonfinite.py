"""Updates whose loss or gradient is not finite: skipped, counted, written down, and the end of a run of many.

Stock fairseq ends the run at the first in fp32 and bf16. Its loss scales skip by themselves in fp16 and AMP, where
they look for the largest scale that does not overflow; those are left to it.
"""

import json
import logging
import math
import os
from dataclasses import dataclass, field

import torch
from fairseq.dataclass import FairseqDataclass
from omegaconf import II

from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.xla.guard import step_if_finite
from fairseq_hebrew.xla.start import begun

logger = logging.getLogger(__name__)

FILE = "nonfinite.jsonl"  # in --save-dir, a line an update


@dataclass
class NonFiniteOptions(FairseqDataclass):
    """Options of the tasks with the mixin. fairseq reads the annotations at run time."""

    stop_after_nonfinite: int = field(
        default=10,
        metadata={
            "help": "end training when so many updates in a row had a loss or gradient that is not finite; each is "
            f"skipped, its batches are named in {FILE} of --save-dir"
        },
    )
    save_dir: str = II("checkpoint.save_dir")


class UpdateSkipped(Exception):
    """Ends one update, on all processes; `skips_update` is what the compat package's hook in the trainer looks for."""

    skips_update = True


class SkipsNonFinite:
    """Mixin for tasks whose options are NonFiniteOptions. Stands before FairseqTask among the bases.

    A skipped update has a number like any other, and the learning rate's schedule moves on; weights and the
    optimizer's state are left as they are. Its loss is in no average.
    """

    def __init__(self, cfg, *args, **kwargs):
        if cfg.stop_after_nonfinite < 1:
            raise UserError(f"--stop-after-nonfinite {cfg.stop_after_nonfinite}: give at least 1")
        if begun() and not getattr(self, "on_xla", False):  # nobody would look back
            raise UserError(f"--task {cfg._name} does not train with --tpu; leave it out, on a CPU or a GPU")
        super().__init__(cfg, *args, **kwargs)
        self.skipped = 0  # updates since the process began
        self._skipped_in_a_row = 0
        self._epoch = 1
        self._batches = []  # of this update: ids (B,) and loss ()
        self._put_off = []  # (update, gradient norm, batches) that are on a device which is not asked yet
        self._watched = None

    def begin_epoch(self, epoch, model):
        self._epoch = epoch
        super().begin_epoch(epoch, model)

    def train_step(self, sample, model, criterion, optimizer, update_num, *args, **kwargs):
        if self._watched is not optimizer:
            self._watched = optimizer
            watch(optimizer, self._look_at)
        loss, sample_size, logging_output = super().train_step(
            sample, model, criterion, optimizer, update_num, *args, **kwargs
        )
        self._update = update_num + 1  # its number in the logs
        self._batches.append((sample["id"], loss.detach()))
        return loss, sample_size, logging_output

    def reduce_metrics(self, logging_outputs, criterion) -> None:
        from fairseq import metrics

        super().reduce_metrics(logging_outputs, criterion)
        if self.skipped:
            metrics.log_scalar("skipped", self.skipped, weight=0, round=0)

    def _look_at(self, norm) -> None:
        """The gradient's norm, the same on all processes; raises UpdateSkipped, or UserError at the limit."""
        batches, self._batches = self._batches, []
        if norm.device.type == "xla":
            self._put_off.append((self._update, norm, batches))
        elif not self._judge(self._update, norm, batches):
            raise UpdateSkipped(f"update {self._update}")

    def look_back(self, fetch) -> None:
        """At the updates on an XLA device since the last time, which has skipped by itself what it had to.

        `fetch`: tensors -> the same on the host. Raises UserError at the limit.
        """
        updates, self._put_off = self._put_off, []
        norms = fetch([norm for _, norm, _ in updates])
        for (update, _, batches), norm in zip(updates, norms):
            self._judge(update, norm, batches)

    def _judge(self, number: int, norm, batches: list) -> bool:
        """Whether the update of that number was finite; writes down one that was not. Raises UserError at the limit."""
        if bool(torch.isfinite(norm).all()):
            self._skipped_in_a_row = 0
            return True
        self.skipped += 1
        self._skipped_in_a_row += 1
        path = os.path.join(self.cfg.save_dir, FILE)
        first = self._write(path, number, float(norm), batches)
        which = f"update {number}"
        if self._skipped_in_a_row >= self.cfg.stop_after_nonfinite:
            many = f"{self._skipped_in_a_row} updates in a row" if self._skipped_in_a_row > 1 else "an update"
            problem = f"{many} had a loss or gradient that is not finite, up to {which}"
            raise at(path, None, problem, "look at the batches named there, or go on with a lower --lr or --clip-norm")
        if first:
            logger.warning(f"{which} is skipped: its loss or gradient is not finite (batches: {path})")
        return False

    def _write(self, path: str, update: int, norm: float, batches: list) -> bool:
        """Append the update to the file, with the batches of all processes; whether this is the first, which writes."""
        rank, ours = 0, [{"loss": readable(float(loss)), "ids": ids[ids >= 0].tolist()} for ids, loss in batches]
        everybodys = [ours]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank = torch.distributed.get_rank()
            everybodys = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(everybodys, ours)
        if rank == 0:
            line = {
                "update": update,
                "epoch": self._epoch,
                "gnorm": readable(norm),
                "in_a_row": self._skipped_in_a_row,
                "batches": [{"rank": rank, **batch} for rank, theirs in enumerate(everybodys) for batch in theirs],
            }
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return rank == 0


def readable(number: float) -> float | str:
    """A number as JSON has it; "nan", "inf" and "-inf" as texts, which JSON has no numbers for."""
    return number if math.isfinite(number) else str(number)


def watch(optimizer, look_at) -> None:
    """Call `look_at` with the norm of each update's gradient, before fairseq's trainer sees it.

    A loss that is not finite makes its gradient so, which processes share: they all come to the same end. Left alone
    are optimizers with a loss scale. On XLA, whose tensors cannot be looked at without waiting for them, the device
    itself leaves weights and state as they are (`xla/guard.py`).
    """
    if getattr(optimizer, "scaler", None) is not None:
        return
    backward, clip = optimizer.backward, optimizer.clip_grad_norm

    def backward_of_finite(loss):
        factor = torch.where(torch.isfinite(loss.detach()), 1.0, math.nan)
        backward(loss * factor.to(loss.dtype))

    def clip_grad_norm(*args, **kwargs):
        norm = clip(*args, **kwargs)
        try:
            look_at(norm)
        except UpdateSkipped:
            if hasattr(optimizer, "_multiply_factor"):  # of half precision, which is taken back when it steps
                optimizer._multiply_factor = 1.0
            raise
        return norm

    optimizer.backward, optimizer.clip_grad_norm = backward_of_finite, clip_grad_norm
    if next(iter(optimizer.params)).device.type == "xla":
        step_if_finite(optimizer)
