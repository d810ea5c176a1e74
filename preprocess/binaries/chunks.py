"""Text read as blocks of bytes that end where a line ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.fast_bpe import padded

# Bytes of text handed to a worker at a time; a longer line is a chunk of its own.
CHUNK = 1 << 20
# A longer line is a file whose line ends are missing: its ids would not fit the memory.
LONGEST_LINE = 64 << 20
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file, bytes `start` to `end`; `blank_before`: a blank line of the file stands before them."""

    path: Path
    start: int
    end: int
    blank_before: bool = False


@dataclass(frozen=True)
class Chunk:
    """Whole lines: `data[begin:end]`, uint8 with zeros after it.

    They come from the piece of this number; data[0] is byte `offset` of its file.
    """

    data: np.ndarray
    begin: int
    end: int
    piece: int
    offset: int


def whole(path: Path) -> Piece:
    """A whole file as one piece."""
    return Piece(path, 0, path.stat().st_size)


def read_chunks(pieces: Sequence[Piece]) -> Iterator[Chunk]:
    """The pieces in order, in chunks of about CHUNK bytes; a BOM at the start of a file is stepped over.

    Raises UserError for a line that is longer than LONGEST_LINE and for a file that is shorter than it was.
    """
    for number, piece in enumerate(pieces):
        offset, left = piece.start, piece.end - piece.start
        held: list[bytes] = []
        size = 0
        with open(piece.path, "rb") as file:
            file.seek(offset)
            while left:
                block = file.read(min(CHUNK, left))
                if not block:
                    raise UserError(f"{piece.path}: became shorter while it was read; run again when it is whole")
                left -= len(block)
                cut = block.rfind(b"\n") + 1 if left else len(block)
                if not cut:
                    held.append(block)
                    size += len(block)
                    if size > LONGEST_LINE:
                        raise UserError(
                            f"{piece.path}: a line of more than {LONGEST_LINE >> 20} MB begins at byte {offset:,}; "
                            "give text that has line ends"
                        )
                    continue
                text = b"".join([*held, block[:cut]])
                begin = len(BOM) if offset == 0 and text.startswith(BOM) else 0
                yield Chunk(padded(text), begin, len(text), number, offset)
                offset += len(text)
                held, size = [block[cut:]], len(block) - cut


def lines_of(chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines of a chunk start and end in its data, int64 (L,), without their line ends.

    A blank line starts where it ends; a run of blank lines is one.
    """
    from fairseq_hebrew.text.line_kernels import NEWLINE, find_lines

    most = int(np.count_nonzero(chunk.data[chunk.begin : chunk.end] == NEWLINE)) + 1
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = find_lines(chunk.data, chunk.begin, chunk.end, starts, ends)
    return starts[:count], ends[:count]
