"""Samples cut from the token stream as fairseq cuts them: blocks with `<s>` before each."""

from __future__ import annotations

import logging

import numpy as np

from fairseq_hebrew.data.block_kernels import line_blocks
from fairseq_hebrew.data.samples import Sample
from fairseq_hebrew.data.token_file import TokenStream

logger = logging.getLogger(__name__)

BREAK_MODES = ("none", "complete", "complete_doc", "eos")
NOTHING = np.empty(0, dtype=np.int64)


class Blocks:
    """A corpus cut into blocks of at most `block_size` tokens, and `<s>` before each (`Samples`).

    break_mode as fairseq's: "none" fills each block; "complete" and "complete_doc" end blocks where lines end, the
    second also where documents do; "eos" makes a block of each line. A line longer than a block is cut into several,
    where stock fairseq leaves the whole line out of training; blocks of a lone `</s>` are left out, they teach nothing.
    A block is a slice of the stream: 16 bytes of memory each, and for "none" not even the index is read.
    """

    def __init__(self, stream: TokenStream, block_size: int, break_mode: str, bos: int):
        """Raises ValueError for another break_mode."""
        if break_mode not in BREAK_MODES:
            raise ValueError(f"break_mode {break_mode!r} is none of {', '.join(BREAK_MODES)}")
        self.stream = stream
        self.bos = bos
        if break_mode == "none":
            self.starts = np.arange(0, stream.tokens, block_size, dtype=np.int64)  # (N,)
            self.sizes = np.full(len(self.starts), block_size + 1, dtype=np.int64)  # (N,), with <s>
            self.sizes[-1:] = stream.tokens - self.starts[-1:] + 1
            return
        lines = (stream.sizes, block_size, break_mode == "eos", break_mode == "complete_doc")
        made, cut, left_out = line_blocks(*lines, NOTHING, NOTHING)
        self.starts, self.sizes = np.empty(made, dtype=np.int64), np.empty(made, dtype=np.int64)
        line_blocks(*lines, self.starts, self.sizes)
        self.sizes += 1
        if cut:
            logger.info(f"cut {cut:,} lines longer than {block_size} tokens into pieces")
        if left_out:
            logger.info(f"left out {left_out:,} blocks of a single token")

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        size = int(self.sizes[index])
        tokens = np.empty(size, dtype=np.int64)
        tokens[0] = self.bos
        self.stream.read(int(self.starts[index]), tokens[1:])
        return Sample(tokens, (size,))
