"""The documents of a token stream: where they begin and end, and where those that are too long may be cut.

A lone `</s>` (a blank line of the text) ends a document and is in none; in a corpus without any, a line is a document.
A document is one slice of the stream: its lines (paragraphs), each with the `</s>` it ends with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairseq_hebrew.data.document_kernels import cuts, find
from fairseq_hebrew.data.token_file import TokenStream

NOTHING = np.empty(0, dtype=np.int64)
TOGETHER = 1 << 12  # documents that are looked through at a time


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


class Cuts(NamedTuple):
    """Where documents may be cut: document d after bounds[firsts[d]:firsts[d + 1]] of its tokens, int64, the last of
    which is its size; firsts (D + 1,) int64."""

    firsts: np.ndarray
    bounds: np.ndarray


def find_cuts(stream: TokenStream, documents: Documents, eos: int, sentence_ends: np.ndarray | None = None) -> Cuts:
    """Where a line ends, and a sentence by `sentence_ends` bool (V,), the ids that end one. Reads these documents.

    Never before a `</s>`: it stays with the sentence before it.
    """
    ends = np.zeros(eos + 1, dtype=np.bool_) if sentence_ends is None else np.array(sentence_ends, dtype=np.bool_)
    ends[eos] = True
    firsts, bounds, made = [], [], 0
    edges = np.searchsorted(documents.starts, stream.starts).tolist()
    for file, at, first, last in zip(stream.files, stream.starts.tolist(), edges, edges[1:]):
        for low in range(first, last, TOGETHER):
            starts, sizes = (values[low : min(low + TOGETHER, last)] for values in documents)
            begins, found = np.empty(len(sizes) + 1, dtype=np.int64), np.empty(int(sizes.sum()), dtype=np.int64)
            count = cuts(file.tokens, file.shift, starts - at, sizes, ends, eos, begins, found)
            firsts.append(begins[:-1] + made)
            bounds.append(found[:count].copy())
            made += count
    return Cuts(np.concatenate([*firsts, [made]]), np.concatenate([*bounds, NOTHING]))
