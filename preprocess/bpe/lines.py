"""The lines of a text as ranges of bytes, block by block: what words are counted in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.text.lines import invalid_utf8, line_number

from .sample import Sample

# Bytes read together; a longer line is read whole.
BLOCK = 1 << 21
BOM = b"\xef\xbb\xbf"


@dataclass
class Block:
    """Whole lines of a file; `begin` is the position of the first byte in the file."""

    path: Path
    begin: int
    text: bytes


def read_blocks(path: Path) -> Iterator[Block]:
    """A file in blocks that end where a line ends."""
    begin, carried = 0, []
    with open(path, "rb") as file:
        while read := file.read(BLOCK):
            cut = read.rfind(b"\n") + 1
            if not cut:
                carried.append(read)
                continue
            text = b"".join([*carried, read[:cut]])
            carried = [read[cut:]]
            yield Block(path, begin, text)
            begin += len(text)
    if text := b"".join(carried):
        yield Block(path, begin, text)


def line_ranges(
    block: Block, keep_line_ends: bool, sample: Sample, first_byte: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(data uint8 (N,), starts int64 (L,), ends int64 (L,)) of the lines of a block that are in the sample.

    By default lines are stripped as `str.strip` does it, and those that are blank are left out. `first_byte` is the
    position of the file's first byte in the whole text. Raises UserError naming file and line for invalid UTF-8.
    """
    from .counting_kernels import find_lines

    try:
        block.text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = line_number(block.path, block.begin + error.start)
        raise invalid_utf8(block.path, line, block.text[error.start]) from None
    data = np.frombuffer(block.text, dtype=np.uint8)
    begin = len(BOM) if block.begin == 0 and block.text.startswith(BOM) else 0
    positions, starts, ends = find_lines(data, begin, not keep_line_ends)
    taken = sample.takes(positions + (first_byte + block.begin))
    if taken is not None:
        starts, ends = starts[taken], ends[taken]
    return data, starts, ends
