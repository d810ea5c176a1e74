"""The long documents of a corpus, and no others."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.data.token_file import TokenStream


class LongDocuments:
    """The documents of a stream that have at least `least` tokens, one after another, read as a TokenStream is.

    A document's tokens are those of its lines, the `</s>` of each included. It ends with a lone `</s>`, which stays
    with it; where the stream has none, each line is a document. `sizes` (N,) int64 of the lines that are left, `tokens`
    how many ids. Nothing is copied: 16 bytes of memory for each run of long documents.
    """

    def __init__(self, stream: TokenStream, least: int):
        self._stream = stream
        sizes = np.asarray(stream.sizes, dtype=np.int64)
        ends = sizes == 1
        document = np.cumsum(ends) - ends if ends.any() else np.arange(len(sizes))  # (N,) of each line, from 0
        tokens = np.bincount(document, weights=np.where(ends, 0, sizes))
        kept = tokens[document] >= least
        edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]])))
        cuts = np.concatenate([[0], sizes.cumsum()])[edges]  # where runs of kept lines begin and end in the stream
        self._from = cuts[::2]
        self._starts = np.concatenate([[0], np.cumsum(cuts[1::2] - cuts[::2])])
        self.sizes = sizes[kept]

    @property
    def tokens(self) -> int:
        return int(self._starts[-1])

    def read(self, start: int, out: np.ndarray) -> None:
        """Fill `out` (n,) with the ids from `start` on. Raises ValueError beyond the end."""
        if start < 0 or start + len(out) > self.tokens:
            raise ValueError(f"tokens {start} to {start + len(out)} of a stream of {self.tokens}")
        run, at = int(np.searchsorted(self._starts, start, side="right")) - 1, 0
        while at < len(out):
            count = min(len(out) - at, int(self._starts[run + 1]) - start - at)
            self._stream.read(int(self._from[run]) + start + at - int(self._starts[run]), out[at : at + count])
            run, at = run + 1, at + count
