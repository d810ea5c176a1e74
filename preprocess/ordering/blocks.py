"""Documents of plain text by the block: bytes and the places of the documents in them, found by kernels.

What is found is what `read_documents` finds. Other layouts, text with `\\r` and text that is no UTF-8 are left to it:
it is the one that says what is wrong, and where.
"""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.parallel import ordered_map

from .. import documents as plain
from ..documents import chunked, layout_of, read_documents

# Bytes of a block; a longer document makes a longer one.
BLOCK = 4 << 20
# One thread checks a block while another reads, writes or hashes.
THREADS = 2
BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Block:
    """Documents in a buffer: number i is `text[starts[i] : starts[i] + sizes[i]]`, its last line end included.

    `text` is uint8 (bytes,), `starts` and `sizes` int64 (documents,).
    """

    text: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def written(self) -> np.ndarray:
        """The bytes each document takes between the stages: it and the blank line after it. int64 (documents,)"""
        return self.sizes + 1


def read_blocks(path: Path, layout: str = "blank", room: np.ndarray | None = None) -> Iterator[Block]:
    """The documents of a file in order, by blocks of about BLOCK bytes. Raises UserError as `read_documents` does.

    With `room` (uint8, a multiple of eight) the file is read there, as far as it fits and is plain: the texts of its
    blocks are then this array, and stay.
    """
    layout = layout_of(path, layout)
    seen = 0
    if layout in ("blank", "lines"):
        by_line = layout == "lines"
        texts = _texts(path, by_line, room)
        for block in ordered_map(functools.partial(_find, by_line), texts, THREADS, threads=True):
            if block is None:
                break
            seen += len(block)
            if len(block):
                yield block
        else:
            return
    for chunk in chunked(itertools.islice(read_documents(path, layout), seen, None), BLOCK):
        yield packed([document.text for document in chunk])


def nothing_in(inputs: Sequence[Path]) -> UserError:
    """The error of input without a document."""
    return UserError(f"{inputs[0]}: holds blank lines only; give the file it should have been")


def packed(texts: Sequence[bytes]) -> Block:
    """A block of documents given one by one."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    text = np.frombuffer(bytearray(b"".join(texts)), np.uint8)
    return Block(text, np.cumsum(sizes) - sizes, sizes)


class Gathered:
    """Blocks put behind each other in one buffer, with room for so many bytes at first."""

    def __init__(self, room: int) -> None:
        self._text = np.empty(_eights(room), np.uint8)
        self._starts: list[np.ndarray] = []
        self._sizes: list[np.ndarray] = []
        self.documents = self.bytes = 0

    @staticmethod
    def room_of(sizes: Iterable[int]) -> int:
        """The room for files of these sizes, so that `room` can be had for each."""
        return sum(_eights(size + 8) for size in sizes)

    def room(self, size: int) -> np.ndarray:
        """The place to read a file of this size to: its blocks need not be copied then."""
        begin = _eights(self.bytes)
        return self._text[begin : begin + _eights(size + 8)]

    def add(self, block: Block) -> None:
        if not len(block):
            return
        begin, end = int(block.starts[0]), int(block.starts[-1] + block.sizes[-1])
        if block.text.base is self._text:
            place = block.text.ctypes.data - self._text.ctypes.data + begin
        else:
            place = self.bytes
            self._grow(place + end - begin)
            self._text[place : place + end - begin] = block.text[begin:end]
        self._starts.append(block.starts + (place - begin))
        self._sizes.append(block.sizes)
        self.bytes, self.documents = place + end - begin, self.documents + len(block)

    def _grow(self, length: int) -> None:
        if length > len(self._text):
            larger = np.empty(_eights(max(length, 2 * len(self._text))), np.uint8)
            larger[: self.bytes] = self._text[: self.bytes]
            self._text = larger

    def block(self) -> Block:
        """All that was added; nothing can be added after."""
        none = np.empty(0, np.int64)
        starts, self._starts = np.concatenate([none, *self._starts]), []
        sizes, self._sizes = np.concatenate([none, *self._sizes]), []
        return Block(self._text, starts, sizes)


def written(block: Block, order: np.ndarray, size: int = BLOCK) -> Iterator[memoryview]:
    """The bytes of documents in this order as they stand between the stages, about `size` at a time.

    `order` is int64: numbers of documents. Threads copy the next bytes while the caller writes the last; each piece is
    good until the next is asked for.
    """
    used: deque[np.ndarray] = deque()
    copied = ordered_map(functools.partial(_copied, used), _runs(block, order, size), THREADS, threads=True)
    for out, length in copied:
        yield memoryview(out)[:length]
        # What the caller has written is written over: new memory has to be cleared first.
        used.append(out)


def _runs(block: Block, order: np.ndarray, size: int) -> Iterator[tuple]:
    # By parts: sizes in order of all documents at once would be one more array of their number.
    count = -(-size // 8)
    for first in range(0, len(order), count):
        part = order[first : first + count]
        starts, sizes = block.starts[part], block.sizes[part]
        ends = np.cumsum(sizes + 1)
        begin = done = 0
        while begin < len(part):
            end = max(begin + 1, int(np.searchsorted(ends, done + size, side="right")))
            yield block.text, starts[begin:end], sizes[begin:end], int(ends[end - 1]) - done
            begin, done = end, int(ends[end - 1])


def _copied(used: deque, run: tuple) -> tuple[np.ndarray, int]:
    from .block_kernels import copy_documents

    text, starts, sizes, length = run
    try:
        out = used.pop()
    except IndexError:
        out = np.empty(0, np.uint8)
    if len(out) < length:
        out = np.empty(length, np.uint8)
    copy_documents(text, starts, sizes, out)
    return out, length


def _texts(path: Path, by_line: bool, room: np.ndarray | None) -> Iterator[tuple[np.ndarray, int, int] | None]:
    """(buffer, begin, end) of texts that end where a document ends; None for a text that finds no end.

    A buffer is a multiple of eight bytes. Texts follow each other in `room`, and stand in buffers of their own where
    there is none.
    """
    from .block_kernels import last_break

    buffer = np.empty(0, np.uint8) if room is None else room
    begin = filled = 0
    first = True
    with open(path, "rb", buffering=0) as file:
        final = False
        while not final:
            held = filled - begin
            if held > plain.LONGEST:
                yield None
                return
            # Twice as much each time: a long document is not copied once a block.
            more = max(BLOCK, held)
            # A byte is left for the end of a last line without one.
            if filled + 1 >= len(buffer):
                larger = np.empty(_eights(held + more + 1), np.uint8)
                larger[:held] = buffer[begin:filled]
                buffer, begin, filled = larger, 0, held
            wanted = min(filled + more, len(buffer) - 1)
            filled = _fill(file, buffer, filled, wanted)
            final = filled < wanted
            if first and filled - begin >= len(BOM):
                begin += len(BOM) * (buffer[begin : begin + len(BOM)].tobytes() == BOM)
                first = False
            if final and filled > begin and buffer[filled - 1] != 10:
                buffer[filled] = 10
                filled += 1
            end = filled if final else int(last_break(buffer, begin, filled, by_line))
            if end > begin:
                first = False
                yield buffer, begin, end
            begin = end


def _fill(file: FileIO, buffer: np.ndarray, begin: int, end: int) -> int:
    """Read into `buffer[begin:end]`; the position after what was read, less than `end` at the end of the file."""
    view = memoryview(buffer)
    while begin < end and (count := file.readinto(view[begin:end])):
        begin += count
    return begin


def _eights(length: int) -> int:
    return -(-length // 8) * 8


def _find(by_line: bool, text: tuple[np.ndarray, int, int] | None) -> Block | None:
    """The documents of a text; None where the plain reader has to look."""
    from .block_kernels import find_documents

    if text is None:
        return None
    buffer, begin, end = text
    # Documents of 64 bytes on average, else as many as there can be: what is not used has to be cleared, too.
    for most in ((end - begin) // 64 + 16, (end - begin) // 2 + 2):
        starts, sizes = np.empty(most, np.int64), np.empty(most, np.int64)
        found, sound = find_documents(buffer.view(np.uint64), buffer, begin, end, by_line, starts, sizes)
        if found >= 0:
            break
    return Block(buffer, starts[:found].copy(), sizes[:found].copy()) if sound else None
