"""Checkpoints that are whole or not there: a file takes its name when all of its bytes are on the disk."""

import contextlib
import errno
import os
import shutil

from .full_disk import whole_or_nothing

TEMPORARY = ".tmp"  # what fairseq puts behind the name of a checkpoint it is still writing
LAST, BEFORE = "checkpoint_last", "checkpoint_previous"
# What a file system says that has no fsync for this kind of file: then there is nothing to wait for.
CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR)


def write_whole(module) -> None:
    """Give fairseq's saving a PathManager whose renames and copies survive being killed, and a loss of power.

    checkpoint_last.pt is a copy, which stock writes over the one before; and no rename waits for the disk.
    """
    if not getattr(module.PathManager, "writes_whole", False):
        module.PathManager = _writing_whole(module.PathManager)


def _writing_whole(stock):
    class PathManager(stock):
        writes_whole = True

        @staticmethod
        def copy(src_path, dst_path, overwrite=False):
            if not (overwrite and stock.supports_rename(dst_path)):
                return stock.copy(src_path, dst_path, overwrite=overwrite)
            with whole_or_nothing(dst_path):
                copied = stock.copy(src_path, dst_path + TEMPORARY, overwrite=True)
                if copied:
                    put(dst_path + TEMPORARY, dst_path)
            return copied

        @staticmethod
        def rename(src, dst):
            """Only a checkpoint that was written, not copied, comes here: no other file holds what it replaces."""
            keep_before(dst)
            put(src, dst)

    return PathManager


def put(path: str, final: str) -> None:
    """Give a finished file its name; when this returns, both are on the disk."""
    to_disk(path)
    os.replace(path, final)
    to_disk(os.path.dirname(os.path.abspath(final)))


def to_disk(path: str) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk; raises OSError when they cannot be."""
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
    finally:
        os.close(place)


def keep_before(final: str) -> None:
    """Keep the last checkpoint under a name of its own when the one that replaces it is the only file of its state.

    A link where the file system has them: no byte is copied.
    """
    folder, name = os.path.split(final)
    if name.startswith(LAST) and os.path.isfile(final):
        same(final, os.path.join(folder, name.replace(LAST, BEFORE)))


def same(path: str, other: str) -> None:
    """Let `other` name the file `path`: a link, or a copy where there are no links. Whole at any moment."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(other + TEMPORARY)
    try:
        os.link(path, other + TEMPORARY)
    except OSError:
        with whole_or_nothing(other):
            shutil.copyfile(path, other + TEMPORARY)
    put(other + TEMPORARY, other)
