"""Whole outputs or none: everything is written under a temporary name and renamed when it is complete."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from .errors import UserError

# Bytes that small writes are gathered to.
BUFFER = 1 << 18


def partial_name(path: Path) -> Path:
    """The temporary name of an output: in the same folder, so that the final rename is atomic."""
    return path.with_name(f".{path.name}.part")


class HashedFile(io.FileIO):
    """A file that is hashed as it is written, so that nobody has to read it again for its manifest.

    `digest` (sha256, hex) is None once it was written in another way than from its first byte to its last.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb")
        self._hash = hashlib.sha256()
        self._in_order = True

    @property
    def digest(self) -> str | None:
        return self._hash.hexdigest() if self._in_order else None

    def write(self, data) -> int:
        written = super().write(data)
        self._hash.update(memoryview(data).cast("B")[:written])
        return written

    def seek(self, *place: int) -> int:
        self._in_order = False
        return super().seek(*place)

    def truncate(self, size: int | None = None) -> int:
        self._in_order = False
        return super().truncate(size)

    def fileno(self) -> int:
        # Who asks for the number may write through it.
        self._in_order = False
        return super().fileno()


class Outputs:
    """A set of files that appear together.

    `path(final)` gives the temporary name to write to; leaving the `with` block cleanly renames all of them in the
    order they were asked for, leaving it by an exception removes them. A killed process leaves `.NAME.part` files
    only, which the next run overwrites. A file of `inputs` is never overwritten.
    """

    def __init__(self, inputs: Sequence[Path] = ()) -> None:
        self._inputs = inputs
        self._finals: list[Path] = []
        self._hashed: dict[Path, HashedFile] = {}

    def __enter__(self) -> Outputs:
        return self

    def path(self, final: Path) -> Path:
        make_folder(final.parent)
        if final not in self._finals:
            _check_final(final, self._inputs)
            self._finals.append(final)
        return partial_name(final)

    @contextlib.contextmanager
    def open(self, final: Path) -> Iterator[IO[bytes]]:
        """The temporary file of `final`, opened for binary writing."""
        self._hashed[final] = HashedFile(self.path(final))
        with io.BufferedWriter(self._hashed[final], BUFFER) as file:
            yield file

    def digest(self, final: Path) -> str | None:
        """The sha256 (hex) of a file written through `open`; None if it has to be read to know it."""
        return self._hashed[final].digest if final in self._hashed else None

    def __exit__(self, kind, error, trace) -> None:
        if kind is None:
            # Being killed between two renames must not leave files of two runs side by side.
            for final in self._finals[1:]:
                final.unlink(missing_ok=True)
            for final in self._finals:
                os.replace(partial_name(final), final)
            return
        for final in self._finals:
            partial_name(final).unlink(missing_ok=True)
        # ENOSPC raised by a write carries no file name: the line the user reads should.
        if isinstance(error, OSError) and error.filename is None and self._finals:
            error.filename = str(self._finals[0])


def write_text(path: Path, text: str, inputs: Sequence[Path] = ()) -> None:
    """Write a small text file whole, and never over one of `inputs`."""
    with Outputs(inputs) as outputs, outputs.open(path) as file:
        file.write(text.encode("utf-8"))


@contextlib.contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A folder for intermediate files beside an output; removed at the end, and emptied first if a kill left it."""
    import shutil

    folder = beside.with_name(f".{beside.name}.scratch")
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_final(final: Path, inputs: Sequence[Path]) -> None:
    if final.is_dir():
        raise UserError(f"{final}: a folder stands where the output file should be; choose another output")
    if final.exists() and any(final.samefile(path) for path in inputs if path.exists()):
        raise UserError(f"{final}: is also an input and would be overwritten; choose another output")


def make_folder(folder: Path) -> None:
    """Make an output folder and those above it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{folder}: a file stands where the output folder should be; choose another output") from None
