"""The long documents of a corpus, and no others."""

from __future__ import annotations

import numpy as np
from torch import Tensor


class LongDocuments:
    """The lines of those documents that have at least `least` tokens, the `</s>` of each line included; a view.

    Documents end with a lone `</s>`, which stays with them; where there is none, each line is a document.
    """

    def __init__(self, lines, least: int):
        """lines: fairseq's indexed dataset, lines of token ids with their `sizes`."""
        self._lines = lines
        sizes = np.asarray(lines.sizes, dtype=np.int64)
        ends = sizes == 1
        document = np.cumsum(ends) - ends if ends.any() else np.arange(len(sizes))  # of each line, from 0
        tokens = np.bincount(document, weights=np.where(ends, 0, sizes))
        self._kept = np.flatnonzero(tokens[document] >= least)
        self.sizes = sizes[self._kept]

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Tensor:
        return self._lines[int(self._kept[index])]

    @property
    def supports_prefetch(self) -> bool:
        return getattr(self._lines, "supports_prefetch", False)

    def prefetch(self, indices) -> None:
        """Read ahead, for the index formats of fairseq that need it."""
        self._lines.prefetch([int(self._kept[index]) for index in indices])
