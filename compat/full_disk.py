"""Saving a checkpoint where there is no room for it: one clear line, and no half-written file left behind."""

import contextlib
import errno
import functools
import os
import shutil

from .errors import CheckpointNotSaved, ClearLineError

# What a system says when a file cannot grow, and what a user can do about it.
NO_ROOM = {
    errno.ENOSPC: ("no space left on the disk", "free some there, or write to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some there, or write to another disk"),
    errno.EFBIG: ("larger than a file may be here", "raise `ulimit -f`, or write to another file system"),
}
FEWER = "--no-epoch-checkpoints or --keep-last-epochs N keep fewer checkpoints"
# torch tells of a zip file it could not write in a RuntimeError of its own, which need not come from an OSError.
ZIP_WRITER = ("inline_container.cc", "PytorchStreamWriter")
FULL = 1 << 20  # with fewer bytes free than this, a zip file that could not be written is put down to the disk


def no_room(error: BaseException | None, path: str) -> int | None:
    """The errno that says why `path` could not grow, of an error or of any it came from; None if that is not why."""
    seen, zip_failed = set(), False
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return error.errno
        zip_failed = zip_failed or (isinstance(error, RuntimeError) and any(name in str(error) for name in ZIP_WRITER))
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return errno.ENOSPC if zip_failed and _is_full(path) else None


def _is_full(path: str) -> bool:
    """Whether hardly a byte is free where a file was to be written."""
    try:
        return shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free < FULL
    except OSError:
        return False


def tell_of_full_disks(module) -> None:
    """Let fairseq's saving end in one clear line when the disk is full, without a .tmp file or a cut checkpoint."""
    save = module.torch_persistent_save
    if hasattr(save, "__wrapped__"):
        return

    @functools.wraps(save)
    def torch_persistent_save(obj, filename, *args, **options):
        with whole_or_nothing(filename):
            return save(obj, filename, *args, **options)

    module.torch_persistent_save = torch_persistent_save
    module._torch_persistent_save = _without_hope(module, module._torch_persistent_save)


@contextlib.contextmanager
def whole_or_nothing(path):
    """Remove `path`.tmp when writing it fails, and tell of a full disk in one line that names `path`."""
    try:
        yield
    except BaseException as error:
        if not isinstance(path, str):
            raise
        reason = no_room(error, path)  # before the file is removed: it is what fills the disk
        with contextlib.suppress(OSError):
            os.remove(path + ".tmp")
        if reason is None or isinstance(error, ClearLineError):
            raise
        problem, remedy = NO_ROOM[reason]
        raise CheckpointNotSaved(f"{path}: the checkpoint was not saved, {problem}; {remedy} ({FEWER})") from error


def _without_hope(module, stock):
    """fairseq's three attempts to write a checkpoint, each from the file's beginning; only one where there is no room.

    Stock lets an attempt go on where the one before broke off, and would give the result the checkpoint's name.
    """

    @functools.wraps(stock)
    def _torch_persistent_save(obj, file):
        if isinstance(file, str):
            return stock(obj, file)
        for attempt in range(3):
            file.seek(0)
            file.truncate()
            try:
                return module.torch.save(obj, file)
            except Exception as error:
                if attempt == 2 or no_room(error, getattr(file, "name", "")) is not None:
                    raise

    return _torch_persistent_save
