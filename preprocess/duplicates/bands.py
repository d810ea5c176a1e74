"""Candidate pairs: documents that share a band key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from fairseq_hebrew.stage.errors import UserError

from .banding import Banding
from .exact import read_mask
from .signatures import FIRST_BAND, KEY_HIGH, Signatures, column_of

# Documents of one bucket a document is compared with at most: a bucket of thousands (boilerplate with little else)
# would make millions of pairs. Beyond it, each is compared with half as many on either side in an order drawn from
# the contents anew for each band.
MOST_COMPARED = 128
# Bytes a band key takes while its bucket is looked for: key and document, as they are gathered, sorted and copied.
BYTES_A_KEY = 56
# Document numbers take half of a pair's 64 bits.
MOST_DOCUMENTS = 1 << 32
_KEYS = 1 << 64


def band_part(
    signatures: Sequence[Path],
    alive: Path,
    partition: int,
    partitions: int,
    output: Path,
    banding: Banding,
    memory: int,
) -> dict[str, int]:
    """Write the candidate pairs of one of `partitions` parts of all band keys: uint64, in no order, some repeated.

    The keys of all bands, one band after the other, are cut into `partitions` equal ranges; the pairs of all ranges
    together do not depend on their number. With as many partitions as bands each reads one column of the signatures.
    Counts: the buckets that were too large to compare all pairs of, and the pairs that were not compared for it.
    """
    files = [Signatures(path) for path in signatures]
    living = read_mask(alive)
    if len(living) > MOST_DOCUMENTS:
        raise UserError(f"{len(living):,} documents: at most {MOST_DOCUMENTS:,} can be compared; divide the corpus")
    counts = {"buckets_cut": 0, "pairs_left_out": 0}
    low, high = (banding.bands * _KEYS * number // partitions for number in (partition, partition + 1))
    passes = max(1, -(-len(living) * BYTES_A_KEY // memory))
    with open(output, "wb") as file:
        for band in range(low // _KEYS, -(-high // _KEYS)):
            start, end = max(low - band * _KEYS, 0), min(high - band * _KEYS, _KEYS)
            for number in range(passes):
                cut = [start + (end - start) * n // passes for n in (number, number + 1)]
                _write_pairs(files, living, band, cut[0], cut[1], file, memory, counts)
    return counts


def _write_pairs(
    files: Sequence[Signatures],
    alive: np.ndarray,
    band: int,
    low: int,
    high: int,
    output: IO[bytes],
    memory: int,
    counts: dict[str, int],
) -> None:
    from .pair_kernels import count_pairs, make_pairs, make_some_pairs

    documents, starts = _buckets(*_keys_between(files, alive, band, low, high))
    reach = MOST_COMPARED // 2
    sizes = np.diff(starts)
    large = np.flatnonzero(sizes > MOST_COMPARED + 1)
    if len(large):
        sizes = sizes[large]
        counts["buckets_cut"] += len(large)
        counts["pairs_left_out"] += int((sizes * (sizes - 1) // 2 - sizes * reach).sum())
        _order_by_content(files, documents, starts, large, band)
    # At least those of the largest bucket that is compared whole.
    most = max(memory // 8, reach * (2 * reach + 1))
    first = 0
    while first < len(starts) - 1:
        last, total = count_pairs(starts, first, most, reach)
        if total <= most:
            pairs = np.empty(total, dtype=np.uint64)
            make_pairs(documents, starts, first, last, reach, pairs)
            output.write(pairs.data)
        else:
            # One large bucket, some of its documents at a time.
            bucket, step = documents[starts[first] : starts[last]], most // reach
            for begin in range(0, len(bucket), step):
                end = min(begin + step, len(bucket))
                pairs = np.empty((end - begin) * reach, dtype=np.uint64)
                make_some_pairs(bucket, begin, end, reach, pairs)
                output.write(pairs.data)
        first = last


def _keys_between(
    files: Sequence[Signatures], alive: np.ndarray, band: int, low: int, high: int
) -> tuple[np.ndarray, np.ndarray]:
    """(keys, documents as uint32) of the documents alive with a key of the band in low..high-1; key 0 is no key."""
    keys, documents = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
    start = 0
    for file in files:
        for first, (found,) in file.groups(FIRST_BAND + band):
            mine = (alive[start + first : start + first + len(found)] != 0) & (found != 0)
            mine &= (found >= np.uint64(low)) & (found <= np.uint64(high - 1))
            where = np.flatnonzero(mine)
            keys.append(found[where])
            documents.append((where + (start + first)).astype(np.uint32))
        start += file.documents
    return np.concatenate(keys), np.concatenate(documents)


def _buckets(keys: np.ndarray, documents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(documents of all buckets of two or more, int64 starts of the buckets in them and their end)."""
    order = np.argsort(keys)
    keys = keys[order]
    same = keys[1:] == keys[:-1]
    # A key is in a bucket if it equals the one before or the one after.
    shared = np.zeros(len(keys), dtype=bool)
    shared[1:] |= same
    shared[:-1] |= same
    keys = keys[shared]
    borders = np.flatnonzero(keys[1:] != keys[:-1]) + 1 if len(keys) else np.empty(0, np.int64)
    starts = np.concatenate([[0], borders, [len(keys)]] if len(keys) else [[0]]).astype(np.int64)
    return documents[order[shared]], starts


def _order_by_content(
    files: Sequence[Signatures], documents: np.ndarray, starts: np.ndarray, large: np.ndarray, band: int
) -> None:
    """Order the documents of the large buckets by their hashes, drawn anew for each band: in place."""
    wanted = np.sort(np.concatenate([documents[starts[n] : starts[n + 1]] for n in large]))
    hashes = column_of(files, KEY_HIGH, wanted) * np.uint64(
        0x9E3779B97F4A7C15 + 2 * 0x632BE59BD9B4E019 * band & _KEYS - 1
    )
    for bucket in large:
        mine = documents[starts[bucket] : starts[bucket + 1]]
        mine.sort()
        mine[:] = mine[np.argsort(hashes[np.searchsorted(wanted, mine)], kind="stable")]


def read_pairs(paths: Sequence[Path], block: int) -> Iterator[np.ndarray]:
    """The pairs of files as uint64 arrays of at most `block` pairs."""
    for path in paths:
        with open(path, "rb") as file:
            while len(pairs := np.fromfile(file, dtype=np.uint64, count=block)):
                yield pairs
