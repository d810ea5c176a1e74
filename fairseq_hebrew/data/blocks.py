"""Samples cut from the token stream as fairseq cuts them: blocks with `<s>` before each."""

from __future__ import annotations

import logging

import numpy as np
from fairseq.data import TokenBlockDataset

from fairseq_hebrew.data.samples import Sample

logger = logging.getLogger(__name__)


class Blocks:
    """A corpus cut into blocks of at most `block_size` tokens, and `<s>` before each (`Samples`).

    break_mode as fairseq's: "none" fills each block; "complete" and "complete_doc" end blocks where lines end, the
    second also where documents do; "eos" makes a block of each line. A line longer than a block is cut into several,
    where stock fairseq leaves the whole line out of training; blocks of a lone `</s>` are left out, they teach nothing.
    """

    def __init__(self, dataset, block_size: int, break_mode: str, bos: int, pad: int, eos: int):
        """dataset: fairseq's indexed dataset, lines of token ids with their sizes, at least one line."""
        self.bos = bos
        if break_mode == "eos":
            self.lines = dataset  # each line is a block already
            sizes = np.asarray(dataset.sizes, dtype=np.int64)
        else:
            self.lines = TokenBlockDataset(dataset, dataset.sizes, block_size, pad, eos, break_mode=break_mode)
            # not its .sizes: they are uint16, and a line may be longer
            ends = self.lines.slice_indices.astype(np.int64)
            sizes = ends[:, 1] - ends[:, 0]
        self.line, self.start = None, None
        if break_mode != "none":
            sizes = self._cut(sizes, block_size)
        self.sizes = sizes + 1

    def _cut(self, sizes: np.ndarray, block_size: int) -> np.ndarray:
        pieces = -(-sizes // block_size)
        line = np.repeat(np.arange(len(sizes)), pieces)
        start = (np.arange(len(line)) - np.repeat(pieces.cumsum() - pieces, pieces)) * block_size
        size = np.minimum(sizes[line] - start, block_size)
        kept = size > 1
        if len(line) > len(sizes):
            logger.info(f"cut {int((pieces > 1).sum()):,} lines longer than {block_size} tokens into pieces")
        if not kept.all():
            logger.info(f"left out {int((~kept).sum()):,} blocks of a single token")
        self.line, self.start = line[kept], start[kept]
        return size[kept]

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        size = int(self.sizes[index])
        tokens = np.empty(size, dtype=np.int64)
        tokens[0] = self.bos
        if self.line is None:
            tokens[1:] = self.lines[index].numpy()
        else:
            start = self.start[index]
            tokens[1:] = self.lines[self.line[index]].numpy()[start : start + size - 1]
        return Sample(tokens, (size,))

    @property
    def supports_prefetch(self) -> bool:
        return getattr(self.lines, "supports_prefetch", False)

    def prefetch(self, indices) -> None:
        """Read ahead, for the index formats of fairseq that need it."""
        self.lines.prefetch(indices if self.line is None else sorted({int(self.line[i]) for i in indices}))
