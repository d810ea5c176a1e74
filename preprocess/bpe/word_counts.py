"""Word counts on disk: files of distinct words in one order, merged as streams.

A file is a header and blocks. Header: the magic, the words, their bytes, their occurrences (each `<Q`), the name of
the pre-tokenizer (16 bytes, padded with zeros). Block: its words and bytes (`<QQ`), then of all its words the hashes
(`<u8`), counts (`<i8`), lengths (`<i8`), and the bytes. Words are in the order of their hashes, then of their bytes.
Where a block ends depends on the words alone, so the same words give the same file however they were counted.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import Outputs

MAGIC = b"WORDS\x00\x00\x01"
HEADER = struct.Struct("<8sQQQ16s")
BLOCK = struct.Struct("<QQ")
# A block ends with the word that makes it this large.
BLOCK_WORDS, BLOCK_BYTES = 1 << 14, 1 << 20
# What a block of short words holds in memory while it is merged, generously.
BLOCK_MEMORY = 4 << 20


@dataclass
class Part:
    """Words in order: hashes uint64 (W,), counts int64 (W,), lengths int64 (W,), their bytes uint8 (N,)."""

    hashes: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray
    data: np.ndarray

    def __len__(self) -> int:
        return len(self.hashes)

    def cut(self, words: int) -> tuple[Part, Part]:
        """The first words and the rest."""
        at = int(self.lengths[:words].sum())
        fields = (self.hashes, self.counts, self.lengths)
        return Part(*(a[:words] for a in fields), self.data[:at]), Part(*(a[words:] for a in fields), self.data[at:])

    def where(self, kept: np.ndarray) -> Part:
        """The words for which `kept`, bool (W,), is true."""
        fields = (self.hashes, self.counts, self.lengths)
        return Part(*(a[kept] for a in fields), self.data[np.repeat(kept, self.lengths)])


@dataclass(frozen=True)
class Totals:
    """What the header of a file says."""

    words: int
    bytes: int
    occurrences: int
    pre_tokenizer: str


def joined(parts: Sequence[Part]) -> Part:
    """Parts one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Part(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("hashes", "counts", "lengths", "data")))


def in_order(part: Part) -> Part:
    """Any words, equal ones with their counts added up, in the order of files."""
    from .counting_kernels import combine, gather

    order = np.argsort(part.hashes, kind="stable")
    starts = np.cumsum(part.lengths) - part.lengths
    picks, counts = combine(order, part.hashes, starts, part.lengths, part.counts, part.data)
    return Part(part.hashes[picks], counts, part.lengths[picks], gather(part.data, starts, part.lengths, picks))


def write_words(path: Path, parts: Iterable[Part], pre_tokenizer: str) -> Totals:
    """Write a file of words that come in order; its totals."""
    words = size = occurrences = 0
    with Outputs() as outputs, outputs.open(path) as file:
        file.write(bytes(HEADER.size))
        for block in _blocks(parts):
            words, size = words + len(block), size + len(block.data)
            occurrences += int(block.counts.sum())
            file.write(BLOCK.pack(len(block), len(block.data)))
            for array in (block.hashes, block.counts, block.lengths, block.data):
                file.write(np.ascontiguousarray(array).data)
        file.seek(0)
        file.write(HEADER.pack(MAGIC, words, size, occurrences, pre_tokenizer.encode()))
    return Totals(words, size, occurrences, pre_tokenizer)


def _blocks(parts: Iterable[Part]) -> Iterator[Part]:
    """The same words in parts of the size of blocks."""
    held: list[Part] = []
    for part in itertools.chain(parts, [None]):
        if part is not None:
            held.append(part)
            if sum(map(len, held)) < BLOCK_WORDS and sum(len(p.data) for p in held) < BLOCK_BYTES:
                continue
        if not held:
            return
        rest = joined(held)
        while len(rest):
            words = min(BLOCK_WORDS, int(np.searchsorted(np.cumsum(rest.lengths[:BLOCK_WORDS]), BLOCK_BYTES)) + 1)
            if part is not None and len(rest) < words:
                break
            block, rest = rest.cut(words)
            yield block
        held = [rest] if len(rest) else []


def read_totals(path: Path) -> Totals:
    """The header of a file of word counts. Raises UserError for any other file."""
    with open(path, "rb") as file:
        return _totals(path, file)


def _totals(path: Path, file: IO[bytes]) -> Totals:
    read = file.read(HEADER.size)
    if len(read) < HEADER.size or not read.startswith(MAGIC):
        raise UserError(f"{path}: not a file of word counts; count the text again")
    _, words, size, occurrences, name = HEADER.unpack(read)
    return Totals(words, size, occurrences, name.rstrip(b"\x00").decode())


def read_words(path: Path) -> Iterator[Part]:
    """The words of a file block by block. Raises UserError for a file that is no whole file of word counts."""
    with open(path, "rb") as file:
        left = _totals(path, file).words
        while left > 0:
            words, size = BLOCK.unpack(_read(path, file, BLOCK.size, "u1"))
            if not 0 < words <= left:
                raise _damaged(path)
            hashes, counts, lengths = (_read(path, file, words, kind) for kind in ("<u8", "<i8", "<i8"))
            if lengths.min() < 1 or lengths.sum() != size:
                raise _damaged(path)
            left -= words
            yield Part(hashes, counts, lengths, _read(path, file, size, "u1"))


def _read(path: Path, file: IO[bytes], items: int, kind: str) -> np.ndarray:
    left = path.stat().st_size - file.tell()
    if items * np.dtype(kind).itemsize > left:
        raise _damaged(path)
    array = np.empty(items, dtype=kind)
    file.readinto(array.data)
    return array


def _damaged(path: Path) -> UserError:
    return UserError(f"{path}: damaged word counts; count the text again")


def merge_files(paths: Sequence[Path], target: Path, scratch: Path, memory: int, pre_tokenizer: str) -> Totals:
    """Merge files of word counts into one, in about `memory` bytes: files that are too many by several rounds.

    Raises UserError for a file that was counted with another pre-tokenizer.
    """
    for path in paths:
        if (kind := read_totals(path).pre_tokenizer) != pre_tokenizer:
            raise UserError(f"{path}: counted with the pre-tokenizer {kind}, not {pre_tokenizer}; count the text again")
    at_once = max(2, memory // BLOCK_MEMORY)
    files, made = list(paths), 0
    while len(files) > at_once:
        group, files = files[:at_once], files[at_once:]
        files.append(scratch / f"merged-{made:06d}.words")
        made += 1
        write_words(files[-1], _merged(group), pre_tokenizer)
        for path in group:
            if path.parent == scratch:
                path.unlink()
    if len(files) == 1 and files[0].parent == scratch:
        files[0].replace(target)
        return read_totals(target)
    return write_words(target, _merged(files), pre_tokenizer)


def _merged(paths: Sequence[Path]) -> Iterator[Part]:
    """The words of all files in order, a batch at a time."""
    streams = [read_words(path) for path in paths]
    held: list[Part] = [part for stream in streams if (part := next(stream, None)) is not None]
    streams = [stream for stream, path in zip(streams, paths) if read_totals(path).words]
    while held:
        # Up to the earliest end of a block, once no more of that last hash can come, all words are at hand.
        until = min(part.hashes[-1] for part in held)
        batch = []
        for i, stream in enumerate(streams):
            while held[i].hashes[-1] == until and (more := next(stream, None)) is not None:
                held[i] = joined([held[i], more])
            part, held[i] = held[i].cut(int(np.searchsorted(held[i].hashes, until, side="right")))
            batch.append(part)
        alive = [i for i, part in enumerate(held) if len(part)]
        held, streams = [held[i] for i in alive], [streams[i] for i in alive]
        yield in_order(joined(batch))
