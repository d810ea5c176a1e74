"""The kernels of `learn` that read all words in order: the first merges, and a count of the symbols in the end."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

# The first merges join a large part of all symbols each (a Hebrew letter is two bytes): reading every word in order is
# then quicker than a list of words, and needs no memory. So it is done for at most this many merges, and as long as
# one joins more than one symbol in RARE.
COMMON, RARE = 128, 50


@kernel
def join_common(symbols, starts, lengths, counts, merges, base, least):
    """Learn the first merges into `merges` int32 (M, 2), the words changed in place; how many.

    symbols int32 (N,), starts int64 (W,), lengths int32 (W,), counts int64 (W,): words of bytes, the symbols `base` to
    `base` + 255. Merge number i makes the symbol `base` + 256 + i.
    """
    most = min(COMMON, len(merges))
    sums = np.zeros((256 + most, 256 + most), dtype=np.int64)
    left_over = 0
    for w in range(len(starts)):
        left_over += lengths[w]
        for i in range(starts[w], starts[w] + lengths[w] - 1):
            sums[symbols[i] - base, symbols[i + 1] - base] += counts[w]
    for done in range(most):
        best = a = b = 0
        x = 256 + done
        for left in range(x):
            for right in range(x):
                if sums[left, right] > best:
                    best, a, b = sums[left, right], left, right
        if best < least:
            return done
        merges[done, 0], merges[done, 1] = a + base, b + base
        joined = 0
        for w in range(len(starts)):
            start, end, count = starts[w], starts[w] + lengths[w], counts[w]
            i = start
            while i + 1 < end and (symbols[i] != a + base or symbols[i + 1] != b + base):
                i += 1
            if i + 1 >= end:
                continue
            write = i
            while i < end:
                if symbols[i] != a + base or i + 1 == end or symbols[i + 1] != b + base:
                    symbols[write] = symbols[i]
                    write += 1
                    i += 1
                    continue
                if write > start:
                    left = symbols[write - 1] - base
                    sums[left, a] -= count
                    sums[left, x] += count
                if i + 2 < end:
                    right = symbols[i + 2] - base
                    sums[b, right] -= count
                    sums[x, right] += count
                symbols[write] = x + base
                write += 1
                i += 2
                joined += 1
            lengths[w] = write - start
        # The pair is gone, whatever its neighbours in a run ("aaa") took from it.
        sums[a, b] = 0
        left_over -= joined
        if joined * RARE < left_over:
            return done + 1
    return most


@kernel
def count_symbols(symbols, starts, lengths, counts, size):
    """int64 (size,): how often each symbol stands in the words, each word counted as often as it occurred."""
    totals = np.zeros(size, dtype=np.int64)
    for w in range(len(starts)):
        for i in range(starts[w], starts[w] + lengths[w]):
            totals[symbols[i]] += counts[w]
    return totals
