"""--mirror-checkpoints: each checkpoint is copied to another place, from which a machine without it goes on."""

import functools
import logging
import multiprocessing.util
from dataclasses import dataclass, field
from pathlib import Path

from fairseq.dataclass import FairseqDataclass
from omegaconf import II

from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.stage.remote_folder import RemoteFolder
from fairseq_hebrew.tasks.checkpoint_mirror import LAST, CheckpointMirror, Keeps, newest_first, numbered
from fairseq_hebrew.tasks.command_end import before_commands_end
from fairseq_hebrew.xla import mesh

logger = logging.getLogger(__name__)

DEFAULT = "checkpoint_last.pt"  # of --restore-file


@dataclass
class MirrorOptions(FairseqDataclass):
    """Options of the tasks with the mixin. fairseq reads the annotations at run time."""

    mirror_checkpoints: str = field(
        default="",
        metadata={
            "help": "copy each checkpoint to this folder in the background (gs://BUCKET/RUN, s3://..., a path); a run "
            "whose --save-dir has no checkpoint_last.pt goes on from the newest one there"
        },
    )
    tpu: bool = II("common.tpu")


class MirrorsCheckpoints:
    """Mixin for tasks whose options are MirrorOptions. Stands before FairseqTask among the bases.

    fairseq has no hook where a checkpoint is saved or looked for: `hook_in` makes both ask the trainer's task.
    """

    mirror: CheckpointMirror | None = None  # of a process that writes checkpoints

    def build_model(self, cfg, from_checkpoint=False):
        """FairseqTask's. From then on fairseq asks the task when it saves and loads."""
        hook_in()
        return super().build_model(cfg, from_checkpoint)

    def before_loading(self, cfg, trainer) -> None:
        """Fetch the checkpoint to go on from, where it is not here. `cfg`: fairseq's CheckpointConfig.

        Raises UserError where the place cannot be read or written, or has another state than what is here.
        """
        address = self.cfg.mirror_checkpoints
        if not address:
            return
        if cfg.write_checkpoints_asynchronously:
            raise UserError("--mirror-checkpoints and --write-checkpoints-asynchronously: give one of them")
        there, folder, suffix = RemoteFolder(address), Path(cfg.save_dir), trainer.checkpoint_suffix or ""
        if not there.address.is_remote and Path(there.address).resolve() == folder.resolve():
            raise UserError(f"--mirror-checkpoints {address} is --save-dir itself; name another place")
        if trainer.should_save_checkpoint_on_current_rank and not cfg.no_save:
            folder.mkdir(parents=True, exist_ok=True)
            keeps = Keeps(cfg.keep_interval_updates, cfg.keep_last_epochs, cfg.keep_interval_updates_pattern)
            self.mirror = CheckpointMirror(folder, there, suffix, keeps)
            self.mirror.check()
        # Of processes that share a folder one fetches for all.
        if cfg.restore_file == DEFAULT and (suffix or self.cfg.tpu or trainer.cfg.distributed_training.device_id == 0):
            host, hosts = mesh.processes() if self.cfg.tpu else (0, 1)
            fetch_last(there, folder, suffix, host, hosts)
        _wait_for_others()

    def after_loading(self, trainer) -> None:
        """For tasks that look at what the trainer has loaded, or that it has found nothing to load."""

    def before_saving(self) -> None:
        """For tasks that have something to do before each checkpoint."""

    def after_saving(self) -> None:
        if self.mirror is not None:
            self.mirror.offer()


def fetch_last(there: RemoteFolder, folder: Path, suffix: str = "", host: int = 0, hosts: int = 1) -> None:
    """Make the newest whole checkpoint of `there` the last one of `folder`, if that has none.

    One of several hosts writes checkpoints, and each reads its own folder: there the place decides, so that all begin
    alike. Raises UserError where that cannot be, and where the place is ahead of the folder.
    """
    last = folder / f"{LAST}{suffix}.pt"
    names = newest_first(there.sizes(), suffix)
    if hosts == 1 and last.exists():
        _check_ahead(there, names, suffix, last)
        return
    if not names:
        if last.exists():
            remedy = "copy it there, or remove it to begin anew"
            raise at(last, None, f"{hosts} hosts go on from what {there.address} has, which is nothing", remedy)
        logger.info(f"no checkpoint is in {there.address} yet")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        fetched = last.with_name(f"{last.name}.fetched{host}")  # they may all read one folder
        there.fetch(name, fetched)
        wrong = _what_is_wrong(fetched)
        if wrong is None:
            fetched.replace(last)
            logger.info(f"fetched {there.address}/{name} as {last}")
            return
        fetched.unlink()
        logger.warning(f"{there.address}/{name}: {wrong}, passed over")
    raise UserError(f"{there.address}: no checkpoint is whole; remove them to begin anew, or name another place")


def _check_ahead(there: RemoteFolder, names: list[str], suffix: str, last: Path) -> None:
    """Raises UserError where a numbered checkpoint there has more updates than the last one here: it would be lost."""
    found = [numbered(name, suffix) or ("", 0) for name in names]
    numbers = [number for kind, number in found if kind == "updates"]
    here = _updates_of(last) if numbers else None
    if here is not None and max(numbers) > here:
        problem = f"made after {here:,} updates, and {there.address} has one made after {max(numbers):,}"
        raise at(last, None, problem, "move it away to go on from there, or name another --mirror-checkpoints")


def _what_is_wrong(path: Path) -> str | None:
    """Why a file is no whole checkpoint; None if it is one, or the package that can tell is not installed."""
    try:
        from fairseq_hebrew_compat.damaged_checkpoints import what_is_wrong
    except ImportError:
        return None
    return what_is_wrong(str(path))


def _updates_of(path: Path) -> int | None:
    try:
        from fairseq_hebrew_compat.damaged_checkpoints import updates_of
    except ImportError:
        return None
    return updates_of(str(path))


def _wait_for_others() -> None:
    import torch
    from fairseq.distributed import utils

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier(utils.get_global_group())


_mirrors: list[CheckpointMirror] = []  # of this process


def hook_in() -> None:
    """Make fairseq's saving and loading ask the trainer's task; once, harmless when repeated."""
    from fairseq import checkpoint_utils

    save, load = checkpoint_utils.save_checkpoint, checkpoint_utils.load_checkpoint
    if getattr(save, "asks_the_task", False):
        return

    @functools.wraps(save)
    def save_checkpoint(cfg, trainer, *args, **options):
        ours = isinstance(trainer.task, MirrorsCheckpoints)
        if ours:
            trainer.task.before_saving()
        save(cfg, trainer, *args, **options)
        if ours:
            trainer.task.after_saving()

    @functools.wraps(load)
    def load_checkpoint(cfg, trainer, *args, **options):
        ours = isinstance(trainer.task, MirrorsCheckpoints)
        if ours:
            trainer.task.before_loading(cfg, trainer)
            if trainer.task.mirror is not None:
                wait_for(trainer.task.mirror)
        loaded = load(cfg, trainer, *args, **options)
        if ours:
            trainer.task.after_loading(trainer)
        return loaded

    save_checkpoint.asks_the_task = True
    checkpoint_utils.save_checkpoint, checkpoint_utils.load_checkpoint = save_checkpoint, load_checkpoint


def wait_for(mirror: CheckpointMirror) -> None:
    """Let this process end when its copies are made."""
    if not _mirrors:  # processes that fairseq starts by itself end without coming back to its command
        multiprocessing.util.Finalize(None, finish_all, exitpriority=100)
    _mirrors.append(mirror)


def finish_all() -> None:
    """Wait for the copies of this process."""
    while _mirrors:
        _mirrors.pop().finish()


def wait_at_the_end() -> None:
    """Have fairseq's commands wait for the copies before they end; made when the plugin is imported.

    It has to be before the interpreter ends: from then on drivers cannot start threads of their own.
    """
    before_commands_end("copies", finish_all)
