"""The signature file of a text: for each document its length, its 128-bit hash, its grams and its band keys."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.parallel import ordered_map

from .banding import Banding
from .layout import document_bounds, read_blocks
from .words import classes

# Columns of uint64: bytes of the text with its blank line, the two halves of its blake2b hash, the number of its
# grams (0 where no signature was asked for), then a column for each band.
LENGTH, KEY_HIGH, KEY_LOW, GRAMS, FIRST_BAND = range(5)
# 128 bits: among 10^10 documents the chance of one false duplicate is about 1e-19.
KEY_BYTES = 16
# Documents written together, column by column: a reader of one column reads long runs, a writer holds a few MB.
GROUP = 1 << 16
_HEAD = struct.Struct("<8sQQ")  # magic, documents, columns
_MAGIC = b"HEBSIG1\0"


class SignatureWriter:
    """Writes columns of documents as they come; `close` completes the file."""

    def __init__(self, path: Path, columns: int) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - closed by __exit__
        self._held = np.empty((columns, GROUP), dtype=np.uint64)
        self._filled = self._documents = 0
        self._file.write(bytes(_HEAD.size))

    def add(self, columns: np.ndarray) -> None:
        """`columns`: uint64 [columns, documents]."""
        done = 0
        while done < columns.shape[1]:
            size = min(GROUP - self._filled, columns.shape[1] - done)
            self._held[:, self._filled : self._filled + size] = columns[:, done : done + size]
            self._filled += size
            done += size
            if self._filled == GROUP:
                self._flush()

    def _flush(self) -> None:
        self._file.write(np.ascontiguousarray(self._held[:, : self._filled]).data)
        self._documents += self._filled
        self._filled = 0

    def __enter__(self) -> SignatureWriter:
        return self

    def __exit__(self, kind, error, trace) -> None:
        with self._file as file:
            if kind is None:
                self._flush()
                file.seek(0)
                # Last: a file that was cut off has no head.
                file.write(_HEAD.pack(_MAGIC, self._documents, len(self._held)))


class Signatures:
    """Reads columns of a signature file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            magic, self.documents, self.columns = _HEAD.unpack(file.read(_HEAD.size))
        if magic != _MAGIC:
            raise ValueError(f"{path}: no signature file, or one that was cut off")

    def groups(self, *columns: int) -> Iterator[tuple[int, list[np.ndarray]]]:
        """(number of its first document, the columns as uint64 [documents]) of each group."""
        with open(self.path, "rb") as file:
            for first in range(0, self.documents, GROUP):
                size = min(GROUP, self.documents - first)
                found = []
                for column in columns:
                    file.seek(_HEAD.size + 8 * (first * self.columns + column * size))
                    found.append(np.fromfile(file, dtype=np.uint64, count=size))
                yield first, found


def column_of(files: Sequence[Signatures], column: int, documents: np.ndarray) -> np.ndarray:
    """A column for documents of the corpus given in ascending order, uint64 [documents]."""
    made = [np.empty(0, dtype=np.uint64)]
    start = 0
    for file in files:
        for first, (values,) in file.groups(column):
            low, high = np.searchsorted(documents, [start + first, start + first + len(values)])
            made.append(values[documents[low:high].astype(np.int64) - (start + first)])
        start += file.documents
    return np.concatenate(made)


def signature_part(
    text: Path,
    output: Path,
    banding: Banding | None,
    workers: int = 1,
    add: Callable[[int], None] | None = None,
) -> None:
    """The signature file of a text. Raises OtherLayout where the text is not laid out as a stage writes it.

    Without `banding` it has lengths and hashes only. `add` is told the bytes done.
    """
    columns = FIRST_BAND + (banding.bands if banding else 0)
    with SignatureWriter(output, columns) as writer:
        work = functools.partial(_sign_block, banding=banding, columns=columns)
        for made, size in ordered_map(work, read_blocks(text), workers, threads=True):
            writer.add(made)
            if add is not None:
                add(size)


def _sign_block(block: bytes, banding: Banding | None, columns: int) -> tuple[np.ndarray, int]:
    text, bounds = document_bounds(block)
    made = np.zeros((columns, len(bounds) - 1), dtype=np.uint64)
    made[LENGTH] = np.diff(bounds)
    view = memoryview(block)
    hashes = [
        blake2b(view[start:end], digest_size=KEY_BYTES).digest()
        for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist())
    ]
    made[KEY_HIGH], made[KEY_LOW] = np.frombuffer(b"".join(hashes), dtype=">u8").reshape(-1, 2).T
    if banding is not None:
        from .gram_kernels import sign

        counts = np.empty(made.shape[1], dtype=np.int64)
        sign(text, bounds, classes(), banding.ngram, banding.bands, banding.rows, counts, made[FIRST_BAND:])
        made[GRAMS] = counts
    return made, len(block)
