"""A damaged checkpoint is told from a whole one before a run goes on from it; a run's last one has others behind it."""

import contextlib
import functools
import logging
import os
import pickle
import re
import zipfile

from .checkpoints import LEGACY, REMEDY, ZIP
from .errors import CheckpointUnreadable
from .whole_files import same

logger = logging.getLogger(__name__)

# Every name fairseq, or the cure of its writing, gives to a checkpoint a run can go on from.
NAMES = r"checkpoint(\d+|_\d+_\d+|_best|_last|_previous|\.best_.+)"
# zipfile passes over this attribute of a record; torch's reader then finds a folder there, and gives what memory holds.
FOLDER = 0x10
DAMAGED = ".damaged"  # behind the name of a last checkpoint that was put aside


def fall_back(module) -> None:
    """Let fairseq's trainer read whole checkpoints alone: torch's reader looks at no checksum.

    For a damaged last checkpoint of --save-dir the newest whole one of that folder is read, and takes its place.
    """
    load = module.Trainer.load_checkpoint
    if getattr(load, "reads_whole", False):
        return

    @functools.wraps(load)
    def load_checkpoint(self, filename, *args, **options):
        return load(self, _agreed(self, filename, module.distributed_utils), *args, **options)

    load_checkpoint.reads_whole = True
    module.Trainer.load_checkpoint = load_checkpoint


def _agreed(trainer, filename: str, distributed) -> str:
    """The checkpoint to read, the same for all processes; raises CheckpointUnreadable on all of them."""
    own = (trainer.is_fsdp and trainer.cfg.distributed_training.use_sharded_state) or trainer.tpu
    apart = own or trainer.data_parallel_world_size == 1
    choice = None
    if apart or trainer.data_parallel_rank == 0:
        choice = choose(filename, trainer.cfg.checkpoint.save_dir, trainer.checkpoint_suffix or "", repair=not own)
    if not apart:
        group = trainer.data_parallel_process_group
        choice = distributed.broadcast_object(choice, src_rank=0, group=group, dist_device=trainer.device)
    path, problem = choice
    if problem:
        raise CheckpointUnreadable(problem)
    return path


def choose(filename: str, save_dir: str, suffix: str = "", repair: bool = True) -> tuple[str, str]:
    """(the checkpoint to read in the place of `filename`, why there is none: an empty text if there is one).

    A missing file is its own choice: what that means is for others to say.
    """
    problem = what_is_wrong(filename) if os.path.isfile(filename) else None
    if problem is None:
        return filename, ""
    problem = f"{filename}: {problem} ({os.path.getsize(filename):,} bytes)"
    last = os.path.join(save_dir, f"checkpoint_last{suffix}.pt")
    if not repair or os.path.normpath(filename) != os.path.normpath(last):
        return filename, f"{problem}; {REMEDY}"
    for updates, path in others(save_dir, suffix, last):
        wrong = what_is_wrong(path)
        if wrong is None:
            logger.warning("%s; going on from %s (%s updates)", problem, path, f"{updates:,}")
            with contextlib.suppress(OSError):
                same(last, last + DAMAGED)
                same(path, last)
            return path, ""
        logger.warning("%s: %s, passed over", path, wrong)
    return filename, f"{problem}, and no other checkpoint in {save_dir} is whole; {REMEDY}"


def others(save_dir: str, suffix: str, last: str) -> list[tuple[int, str]]:
    """(updates, path) of a folder's checkpoints but the last one, the newest first; those not readable left out."""
    pattern = re.compile(NAMES + re.escape(suffix) + r"\.pt")
    paths = [os.path.join(save_dir, name) for name in sorted(os.listdir(save_dir)) if pattern.fullmatch(name)]
    found = [(updates_of(path), path) for path in paths if path != last]
    return sorted((entry for entry in found if entry[0] is not None), key=lambda entry: -entry[0])


def updates_of(path: str) -> int | None:
    """The number of updates a checkpoint was saved after; None if the file does not say, or holds no optimizer.

    Tensors are mapped and not read.
    """
    import torch

    try:
        with open(path, "rb") as file:
            mapped = file.read(len(ZIP)) == ZIP
        state = torch.load(path, map_location="cpu", mmap=mapped, weights_only=True)
        return int(state["optimizer_history"][-1]["num_updates"]) if state.get("last_optimizer_state") else None
    except Exception:  # whatever a damaged file makes of torch's reader
        return None


def what_is_wrong(path: str) -> str | None:
    """Why a file is no whole checkpoint; None if it is one. Reads every byte: torch's files hold a CRC-32 a record.

    Of the format before torch 1.6, which has no checksums, only the beginning is looked at.
    """
    with open(path, "rb") as file:
        start = file.read(len(ZIP))
    if not start:
        return "the file is empty, no checkpoint"
    if start.startswith(LEGACY):
        return None
    if start != ZIP:
        return "not a checkpoint"
    try:
        with zipfile.ZipFile(path) as file:
            if any(info.external_attr & FOLDER for info in file.infolist()):
                return "the checkpoint is damaged"
            record = file.testzip()
    except zipfile.BadZipFile:
        return "the checkpoint is truncated, its end is missing"
    except Exception:  # a flipped bit can make a record look compressed, encrypted, or of an impossible size
        return "the checkpoint is damaged"
    if record is not None:
        return f"the checkpoint is damaged (its record {record})"
    return None if _is_read_by_torch(path) else "the checkpoint is damaged"


def _is_read_by_torch(path: str) -> bool:
    """Whether torch finds the records of a file, by headers that zipfile does not look at. Tensors are not read."""
    import torch

    try:
        torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except RuntimeError as error:
        return "PytorchStreamReader" not in str(error)
    except (OSError, pickle.UnpicklingError):  # what cannot be mapped, or a class that is refused: no damage
        return True
    except Exception:  # a name or a number that is none
        return False
    return True
