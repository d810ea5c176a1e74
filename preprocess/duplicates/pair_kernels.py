"""Candidate pairs out of buckets, and clusters out of pairs. Compiled.

A pair of documents a < b is one uint64: a in the upper half, b in the lower.
"""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

_HALF = np.uint64(32)
_LOWER = np.uint64(0xFFFFFFFF)


@kernel
def count_pairs(starts, first, budget, reach):
    """(last, pairs): buckets first..last-1 make at most `budget` pairs, unless the first alone makes more.

    Bucket n holds documents starts[n]..starts[n + 1]. Each is compared with the next `reach` around the bucket: with
    all others, where there are no more than 2 * reach of them.
    """
    total = 0
    last = first
    while last < len(starts) - 1:
        size = starts[last + 1] - starts[last]
        made = size * (size - 1) // 2 if size <= 2 * reach + 1 else size * reach
        if total + made > budget and last > first:
            break
        total += made
        last += 1
    return last, total


@kernel
def make_pairs(documents, starts, first, last, reach, out):
    """The pairs of buckets first..last-1 into `out` (uint64, as long as `count_pairs` says)."""
    count = 0
    for bucket in range(first, last):
        size = starts[bucket + 1] - starts[bucket]
        count += make_some_pairs(documents[starts[bucket] : starts[bucket + 1]], 0, size, reach, out[count:])


@kernel
def make_some_pairs(bucket, begin, end, reach, out):
    """The pairs of documents begin..end-1 of one bucket with those after them into `out`; how many."""
    size = len(bucket)
    whole = size <= 2 * reach + 1
    count = 0
    for index in range(begin, end):
        others = size - 1 - index if whole else reach
        for step in range(1, others + 1):
            a, b = np.uint64(bucket[index]), np.uint64(bucket[(index + step) % size])
            out[count] = min(a, b) << _HALF | max(a, b)
            count += 1
    return count


@kernel
def _root(parent, document):
    while parent[document] != document:
        # Path halving: every other document on the way is hung one higher.
        parent[document] = parent[parent[document]]
        document = np.int64(parent[document])
    return document


@kernel
def are_apart(parent, pairs, out):
    """out[pair] = whether the two documents are in different clusters so far. `parent`: uint32 [documents]."""
    for index in range(len(pairs)):
        left = _root(parent, np.int64(pairs[index] >> _HALF))
        out[index] = left != _root(parent, np.int64(pairs[index] & _LOWER))


@kernel
def join(parent, pairs, similar):
    """Join the clusters of the pairs that are similar; a cluster's root is its first document."""
    for index in range(len(pairs)):
        if similar[index]:
            left = _root(parent, np.int64(pairs[index] >> _HALF))
            right = _root(parent, np.int64(pairs[index] & _LOWER))
            parent[max(left, right)] = min(left, right)


@kernel
def find_roots(parent):
    """Replace every parent by the root of its cluster."""
    for document in range(len(parent)):
        parent[document] = _root(parent, document)
