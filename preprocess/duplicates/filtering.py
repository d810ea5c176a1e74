"""Copying the documents that are kept, as they are and in their order."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from fairseq_hebrew.stage.errors import UserError

from ..documents import BLOCK
from .exact import read_mask
from .signatures import LENGTH, Signatures


def filter_part(text: Path, signatures: Path, kept: Path, output: Path) -> int:
    """Write the documents of a text that are kept (uint8 flags, one a document) to another; their number."""
    with open(output, "wb") as file:
        return copy_kept(text, signatures, kept, file)


def copy_kept(text: Path, signatures: Path, kept: Path, output: IO[bytes]) -> int:
    """Append the documents of a text that are kept to an open file; their number."""
    flags = read_mask(kept)
    with open(text, "rb") as source:
        position = 0
        for first, (lengths,) in Signatures(signatures).groups(LENGTH):
            ends = position + np.cumsum(lengths, dtype=np.int64)
            starts = ends - lengths.astype(np.int64)
            mine = flags[first : first + len(lengths)] != 0
            # Runs of kept documents are copied as one.
            edges = np.flatnonzero(np.diff(np.concatenate([[False], mine, [False]]).astype(np.int8)))
            for start, end in zip(starts[edges[::2]].tolist(), ends[edges[1::2] - 1].tolist()):
                source.seek(start)
                while start < end:
                    block = source.read(min(BLOCK, end - start))
                    if not block:
                        raise UserError(f"{text}: changed while it was worked on; run again when nobody writes to it")
                    output.write(block)
                    start += len(block)
            position = int(ends[-1])
    return int(flags.sum())
