"""The documents of a token stream: where they begin and end, and where those that are too long are cut.

A lone `</s>` (a blank line of the text) ends a document and is in none; in a corpus without any, a line is a document.
A document is one slice of the stream: its lines (paragraphs), each with the `</s>` it ends with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairseq_hebrew.data.document_kernels import cut, find
from fairseq_hebrew.data.token_file import TokenStream

NOTHING = np.empty(0, dtype=np.int64)
SHORTEST = 8  # no document is cut into pieces shorter than the room for one divided by this
TOGETHER = 1 << 16  # documents that are cut at a time


class Documents(NamedTuple):
    """Slices of a stream, in its order: where each begins and its tokens, (D,) int64 both, no `<s>` counted."""

    starts: np.ndarray
    sizes: np.ndarray

    def of_at_least(self, tokens: int) -> Documents:
        """Those of so many tokens or more."""
        kept = self.sizes >= tokens
        return Documents(self.starts[kept], self.sizes[kept])


def find_documents(stream: TokenStream) -> Documents:
    """All documents that have a token; a file's end ends one too. Reads the index alone."""
    separated = any(bool((file.sizes == 1).any()) for file in stream.files)
    counts = [find(file.sizes, separated, 0, NOTHING, NOTHING) for file in stream.files]
    found = Documents(*(np.empty(sum(counts), dtype=np.int64) for _ in Documents._fields))
    made = 0
    for file, at, count in zip(stream.files, stream.starts.tolist(), counts):
        find(file.sizes, separated, at, *(values[made : made + count] for values in found))
        made += count
    return found


def cut_documents(
    stream: TokenStream, documents: Documents, room: int, eos: int, sentence_ends: np.ndarray | None = None
) -> Documents:
    """Documents of at most `room` tokens: longer ones in pieces, all in the order of the stream, nothing left out.

    A piece is as long as it can be and end where a sentence does, by `sentence_ends` bool (V,) over the ids (without
    it: where a line does); where none ends beyond the first eighth of the room, it fills it. No piece is shorter than
    an eighth of the room: the last one, too, is left as much. Only documents longer than `room` are read, at their
    cuts.
    """
    if not (documents.sizes > room).any():
        return documents
    ends = np.zeros(eos + 1, dtype=np.bool_) if sentence_ends is None else np.array(sentence_ends, dtype=np.bool_)
    ends[eos] = True
    least = max(1, room // SHORTEST)
    pieces = []
    bounds = np.searchsorted(documents.starts, stream.starts).tolist()
    for file, at, first, last in zip(stream.files, stream.starts.tolist(), bounds, bounds[1:]):
        for low in range(first, last, TOGETHER):
            high = min(low + TOGETHER, last)
            starts, sizes = documents.starts[low:high] - at, documents.sizes[low:high]
            most = int(np.where(sizes > room, sizes // least, 1).sum())
            made = np.empty((2, most), dtype=np.int64)
            count = cut(file.tokens, file.shift, starts, sizes, room, least, ends, eos, made[0], made[1])
            pieces.append(made[:, :count] + np.array([[at], [0]]))
    return Documents(*np.concatenate(pieces, axis=1))
