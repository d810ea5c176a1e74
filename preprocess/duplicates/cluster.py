"""Clusters of near-duplicates, and the one document that is kept of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .banding import Banding
from .bands import read_pairs
from .exact import read_mask
from .signatures import KEY_HIGH, KEY_LOW, Signatures, column_of
from .sorting import sorted_distinct
from .verify import Corpus, verify

# Pairs that are looked at together: those whose documents are in one cluster by then are skipped. It is no matter of
# memory, so that the counts do not depend on it.
ROUND = 1 << 16
# Bytes a pair takes while those of a range of documents are gathered and sorted.
BYTES_A_PAIR = 32
# Equal ranges of documents that pairs are counted in: a pass takes as many ranges as fit the memory.
_RANGES = 4096
# Pairs read at a time.
_BLOCK = 1 << 17
_HALF = np.uint64(32)


def cluster_part(
    signatures: Sequence[Path],
    alive: Path,
    pairs: Sequence[Path],
    texts: Sequence[Path],
    outputs: Sequence[Path],
    banding: Banding | None,
    memory: int,
    workers: int = 1,
) -> dict[str, int]:
    """Write which documents of each text are kept: uint8 [documents], one file a text; the counts.

    A candidate pair is a near-duplicate if the Jaccard of its gram sets reaches the threshold. Near-duplicates of
    near-duplicates are one cluster; of a cluster the longest document is kept (in bytes; of equally long ones that with
    the least hash). All that depends on the contents alone. Without `pairs` those alive are kept.

    Arrays held: 21 bytes a document (uint32 parents, flags, and 16 in `Corpus`), and `memory` bytes for pairs, texts
    and gram sets. Choosing takes 44 bytes for each document that has a near-duplicate, after the pairs are gone.
    """
    kept = read_mask(alive)
    counts: Counter = Counter()
    firsts = np.cumsum([0, *(Signatures(path).documents for path in signatures)])
    if banding is not None:
        from .pair_kernels import are_apart, find_roots, join

        corpus = Corpus(texts, signatures)
        parent = np.arange(len(kept), dtype=np.uint32)
        counts.update(candidate_pairs=0, compared_pairs=0, verified_pairs=0)
        for candidates in _rounds(pairs, len(kept), memory // 2, counts):
            apart = np.empty(len(candidates), dtype=np.bool_)
            are_apart(parent, candidates, apart)
            candidates = candidates[apart]
            left, right = (candidates >> _HALF).astype(np.int64), (candidates & np.uint64(0xFFFFFFFF)).astype(np.int64)
            similar = verify(corpus, left, right, banding, memory // 2, workers)
            join(parent, candidates, similar)
            counts["compared_pairs"] += len(candidates)
            counts["verified_pairs"] += int(similar.sum())
        find_roots(parent)
        dropped, counts["clusters"] = _dropped(parent, corpus.lengths, signatures)
        kept[dropped] = 0
        counts["near_duplicates"] = len(dropped)
    for output, first, last in zip(outputs, firsts[:-1], firsts[1:]):
        with open(output, "wb") as file:
            file.write(kept[first:last].data)
    return dict(counts)


def _rounds(paths: Sequence[Path], documents: int, memory: int, counts: Counter) -> Iterator[np.ndarray]:
    """The distinct pairs of all files in ascending order, ROUND at a time."""
    carried = np.empty(0, dtype=np.uint64)
    for found in _sorted_pairs(paths, documents, memory):
        counts["candidate_pairs"] += len(found)
        carried = np.concatenate([carried, found])
        whole = len(carried) // ROUND * ROUND
        for start in range(0, whole, ROUND):
            yield carried[start : start + ROUND]
        carried = carried[whole:].copy()
    if len(carried):
        yield carried


def _sorted_pairs(paths: Sequence[Path], documents: int, memory: int) -> Iterator[np.ndarray]:
    """The distinct pairs by ranges of their first documents, each in one pass over the files."""
    width = -(-documents // _RANGES)
    sizes = np.zeros(_RANGES, dtype=np.int64)
    for found in read_pairs(paths, _BLOCK):
        sizes += np.bincount((found >> _HALF).astype(np.int64) // width, minlength=_RANGES)
    most = max(memory // BYTES_A_PAIR, 1)
    first = 0
    while first < _RANGES:
        last, held = first, 0
        while last < _RANGES and (last == first or held + sizes[last] <= most):
            held += int(sizes[last])
            last += 1
        if held:
            low, high = (np.uint64(number * width) for number in (first, last))
            mine = [found[(found >> _HALF >= low) & (found >> _HALF < high)] for found in read_pairs(paths, _BLOCK)]
            yield sorted_distinct(np.concatenate(mine))
        first = last


def _dropped(parent: np.ndarray, lengths: np.ndarray, signatures: Sequence[Path]) -> tuple[np.ndarray, int]:
    """(documents that are not kept of their clusters, the number of clusters of two or more)."""
    joined = np.flatnonzero(parent != np.arange(len(parent), dtype=np.uint32))
    roots = sorted_distinct(parent[joined])
    members = np.concatenate([joined, roots.astype(np.int64)])
    members.sort()
    files = [Signatures(path) for path in signatures]
    highs, lows = (column_of(files, column, members) for column in (KEY_HIGH, KEY_LOW))
    cluster = parent[members]
    # Ascending by cluster, then the longest first, then by hash: no two documents alive have the same hash.
    order = np.lexsort((lows, highs, -lengths[members].astype(np.int64), cluster))
    best = np.ones(len(order), dtype=bool)
    best[1:] = cluster[order][1:] != cluster[order][:-1]
    return members[order[~best]], len(roots)
