"""The long documents of a corpus, and no others."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.data.documents import find_documents
from fairseq_hebrew.data.token_file import TokenStream


class LongDocuments:
    """The documents of a stream that have at least `least` tokens, one after another, read as a TokenStream is.

    What a document is says `find_documents`; the lone `</s>` after one stays with it, and does not count. `sizes` (N,)
    int64 of the lines that are left, `tokens` how many ids. Nothing is copied: 16 bytes of memory for each document.
    """

    def __init__(self, stream: TokenStream, least: int):
        self._stream = stream
        sizes = np.asarray(stream.sizes, dtype=np.int64)
        begins = np.concatenate([[0], sizes.cumsum()])  # (N + 1,) of each line in the stream, then its end
        documents = find_documents(stream).of_at_least(least)
        first = np.searchsorted(begins, documents.starts)  # lines
        after = np.searchsorted(begins, documents.starts + documents.sizes)
        after += np.append(sizes, 0)[after] == 1
        self._from = begins[first]  # (D,) in the stream
        self._starts = np.concatenate([[0], np.cumsum(begins[after] - self._from)])  # (D + 1,) here
        left = np.zeros(len(begins), dtype=np.int64)
        left[first] += 1
        left[after] -= 1
        self.sizes = sizes[left.cumsum()[:-1] > 0]

    @property
    def tokens(self) -> int:
        return int(self._starts[-1])

    def read(self, start: int, out: np.ndarray) -> None:
        """Fill `out` (n,) with the ids from `start` on. Raises ValueError beyond the end."""
        if start < 0 or start + len(out) > self.tokens:
            raise ValueError(f"tokens {start} to {start + len(out)} of a stream of {self.tokens}")
        document = int(np.searchsorted(self._starts, start, side="right")) - 1
        at = 0
        while at < len(out):
            within = start + at - int(self._starts[document])
            count = min(len(out) - at, int(self._starts[document + 1] - self._starts[document]) - within)
            self._stream.read(int(self._from[document]) + within, out[at : at + count])
            document, at = document + 1, at + count
