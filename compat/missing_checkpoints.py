"""A checkpoint to start from that is not there: stock trains from scratch, or ends in a traceback."""

import functools
import os

from .errors import CheckpointNotFound

DEFAULT = "checkpoint_last.pt"  # of --restore-file: go on from --save-dir's last checkpoint, if there is one
REMEDY = "give the path of a checkpoint, or leave {} out"


def ask_for_them(module) -> None:
    """Let fairseq's training look for the checkpoint it was told to start from before it starts."""
    load = module.load_checkpoint
    if hasattr(load, "__wrapped__"):
        return

    @functools.wraps(load)
    def load_checkpoint(cfg, trainer, *args, **options):
        option, path = _wanted(cfg, trainer.checkpoint_suffix, module.PathManager)
        if path is not None and not module.PathManager.isfile(path):
            problem = "a folder, no checkpoint" if os.path.isdir(path) else "no such checkpoint"
            raise CheckpointNotFound(f"{path}: {problem} ({option}); {REMEDY.format(option)}")
        return load(cfg, trainer, *args, **options)

    module.load_checkpoint = load_checkpoint


def _wanted(cfg, suffix, files) -> tuple[str, str | None]:
    """The option that names the checkpoint stock will start from, and its path; no path when none has to be there.

    As stock has it, the last checkpoint in --save-dir goes before the one to fine-tune: that one may be gone by then.
    """
    if cfg.restore_file != DEFAULT:
        return "--restore-file", cfg.restore_file.replace(".pt", f"{suffix or ''}.pt")
    last = os.path.join(cfg.save_dir, DEFAULT.replace(".pt", f"{suffix or ''}.pt"))
    if getattr(cfg, "continue_once", None) is not None or files.exists(last):
        return "", None
    return "--finetune-from-model", cfg.finetune_from_model
