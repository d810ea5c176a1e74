"""The end of a run: early and in order when its task asks for it, and no update later when there is none left.

A task asks with an attribute `stop_status`: None, or the exit status the command is to end with. It is looked at after
every update and after every batch of a validation, where it has to be the same on all processes.
"""

import functools
import logging
import sys

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """A validation was left because the task asked for the end."""


_run = {"status": None}


def stop_when_asked(module) -> None:
    """Let fairseq's training loop save and stop, without validating, when its task asks for it."""
    if not hasattr(module, "validate_and_save") or hasattr(module.validate_and_save, "__wrapped__"):
        return
    module.validate_and_save = _save_and_stop(module.validate_and_save, module)
    module.train = _if_any_is_left(module.train)
    module.main = _end_with_status(module.main)


def stop_when_asked_by_command(module) -> None:
    """The same for a command whose own import is what imported torch, and with it this package."""
    call = module.call_main
    if getattr(call, "lets_tasks_stop", False):
        return

    @functools.wraps(call)
    def call_main(cfg, main, **options):
        program = sys.modules.get(main.__module__)
        stop_when_asked(program)
        return call(cfg, getattr(program, main.__name__, main), **options)

    call_main.lets_tasks_stop = True
    module.call_main = call_main


def _asked(task) -> int | None:
    return getattr(task, "stop_status", None)


def _save_and_stop(stock, module):
    @functools.wraps(stock)
    def validate_and_save(cfg, trainer, task, epoch_itr, valid_subsets, end_of_epoch):
        if _asked(task) is None:
            try:
                return stock(cfg, trainer, task, epoch_itr, valid_subsets, end_of_epoch)
            except _Stopped:
                pass
        _run["status"] = _asked(task)
        module.checkpoint_utils.save_checkpoint(cfg.checkpoint, trainer, epoch_itr, None)
        return [None], True

    return validate_and_save


def _if_any_is_left(stock):
    @functools.wraps(stock)
    def train(cfg, trainer, task, epoch_itr):
        updates, wanted = trainer.get_num_updates(), cfg.optimization.max_update
        if wanted and updates >= wanted:
            logger.info("nothing is left to train: %s of --max-update %s updates are done", updates, wanted)
            return [None], True
        return stock(cfg, trainer, task, epoch_itr)

    return train


def _end_with_status(stock):
    @functools.wraps(stock)
    def main(*args, **options):
        _run["status"] = None
        stock(*args, **options)
        if _run["status"] is not None:
            _wait_for_others()
            raise SystemExit(_run["status"])

    return main


def _wait_for_others() -> None:
    """Whoever ends first makes a launcher end the others: one of them may still be writing."""
    import torch
    from fairseq.distributed import utils

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier(utils.get_global_group())


def leave_validation_when_asked(module) -> None:
    """Let fairseq's trainer leave a validation, which can take longer than a job is given to end."""
    step = module.Trainer.valid_step
    if hasattr(step, "__wrapped__") and getattr(step, "leaves_when_asked", False):
        return

    @functools.wraps(step)
    def valid_step(self, *args, **options):
        output = step(self, *args, **options)
        if _asked(self.task) is not None:
            raise _Stopped
        return output

    valid_step.leaves_when_asked = True
    module.Trainer.valid_step = valid_step
