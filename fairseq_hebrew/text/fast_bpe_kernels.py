"""The kernels of `fast_bpe`: byte-pair merges, and a cache of the words they were done for.

Numbers are packed: an id and the rank of a merge have BITS bits, a pair of ids is `left << BITS | right`, and an entry
of the table of merges is `pair << BITS | rank`. `made` has the id that each rank's pair becomes.
"""

from __future__ import annotations

import numpy as np

from ..stage.kernels import kernel

BITS = 20
ID = (1 << BITS) - 1
NEVER = 1 << BITS
EMPTY = -1
# Words up to this many bytes are merged by looking at all pairs each time, longer ones with a heap.
SHORT = 64

# A word's bytes are its key, 8 to a number, its length in the last byte. Rows of the two caches, in uint64:
SMALL_KEY, SMALL_IDS = 3, 3  # 23 bytes, then up to 3 ids
LARGE_KEY, LARGE_IDS = 8, 15  # 63 bytes, then up to 15 ids
SMALL_ROW = SMALL_KEY + 1
LARGE_ROW = LARGE_KEY + 5
WAYS = 4  # rows a word may stand in
AHEAD = 32  # words whose rows are fetched together

_FACTOR = 0x9E3779B97F4A7C15 - (1 << 64)  # as int64
_HASHES = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
# The first n bytes of 8.
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_ZERO, _ONE, _FULL = np.uint64(0), np.uint64(1), np.uint64(63)
_HALF, _LENGTH, _COUNT = np.uint64(32), np.uint64(56), np.uint64(60)
_ID_BITS, _TWO_IDS, _ID_MASK = np.uint64(BITS), np.uint64(2 * BITS), np.uint64(ID)


@kernel
def fill_merges(table, pairs):
    """Enter `pairs` int64 (M,) with their ranks into the empty `table`, int64 (2 ** k,)."""
    mask = len(table) - 1
    for rank in range(len(pairs)):
        slot = (pairs[rank] * _FACTOR >> 32) & mask
        while table[slot] != EMPTY and table[slot] >> BITS != pairs[rank]:
            slot = (slot + 1) & mask
        table[slot] = pairs[rank] << BITS | rank


@kernel
def _rank(table, left, right):
    """The rank of a pair's merge; NEVER if it has none."""
    pair = left << BITS | right
    mask = len(table) - 1
    slot = (pair * _FACTOR >> 32) & mask
    while True:
        found = table[slot]
        if found >> BITS == pair:
            return found & ID
        if found == EMPTY:
            return NEVER
        slot = (slot + 1) & mask


@kernel
def _merge_short(ids, waiting, following, before, count, table, made):
    """Merge `ids[:count]` in place, lowest rank first, leftmost first; how many are left.

    `waiting`, int32, has the merges by place: `rank << 6 | place`, so that the smallest is the next.
    """
    none = np.int32(NEVER << 6)
    # As many as fill the processor's vectors.
    looked_at = (count + 7) & -8
    for i in range(count - 1):
        waiting[i] = np.int32(_rank(table, ids[i], ids[i + 1]) << 6 | i)
        following[i], before[i + 1] = i + 1, i
    for i in range(count - 1, looked_at):
        waiting[i] = none
    following[count - 1], before[0] = count, -1
    while True:
        best = none
        for i in range(looked_at):
            best = min(best, waiting[i])
        if best >= none:
            break
        i = np.int64(best & 63)
        gone = following[i]
        ids[i] = made[best >> 6]
        after = following[gone]
        waiting[i] = waiting[gone] = none
        following[i] = after
        if after < count:
            before[after] = i
            waiting[i] = np.int32(_rank(table, ids[i], ids[after]) << 6 | i)
        i, after = before[i], i
        if i >= 0:
            waiting[i] = np.int32(_rank(table, ids[i], ids[after]) << 6 | i)
    left = i = 0
    while i < count:
        ids[left] = ids[i]
        left += 1
        i = following[i]
    return left


@kernel
def _push(heap, size, key):
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent] <= key:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = key


@kernel
def _pop(heap, size):
    """Take the smallest of `size` keys away."""
    last = heap[size - 1]
    parent, size = 0, size - 1
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[parent] = heap[child]
        parent = child
    heap[parent] = last


@kernel
def _wait(heap, size, ids, left, right, table):
    """Put the pair at two places on the heap, if it is ever merged; how many wait there now."""
    rank = _rank(table, ids[left], ids[right])
    if rank == NEVER:
        return size
    _push(heap, size, rank << 42 | left)
    return size + 1


@kernel
def _merge_long(ids, table, made):
    """As `_merge_short`, in n log n: the pairs wait in a heap by rank, then by place."""
    count = len(ids)
    following = np.arange(1, count + 1)
    before = np.arange(-1, count - 1)
    heap = np.empty(3 * count, np.int64)
    size = 0
    for i in range(count - 1):
        size = _wait(heap, size, ids, i, i + 1, table)
    while size:
        rank, i = heap[0] >> 42, heap[0] & ((1 << 42) - 1)
        _pop(heap, size)
        size -= 1
        gone = following[i]
        # What stood there when the pair was put on the heap may have been merged since.
        if ids[i] < 0 or gone >= count or _rank(table, ids[i], ids[gone]) != rank:
            continue
        ids[i], ids[gone] = made[rank], -1
        following[i] = following[gone]
        if following[i] < count:
            before[following[i]] = i
            size = _wait(heap, size, ids, i, following[i], table)
        if before[i] >= 0:
            size = _wait(heap, size, ids, before[i], i, table)
    left = 0
    for i in range(count):
        if ids[i] >= 0:
            ids[left] = ids[i]
            left += 1
    return left


@kernel
def _eight(blocks, at):
    """The 8 bytes at a place as a number, out of the aligned ones."""
    shift = np.uint64((at & 7) << 3)
    return blocks[at >> 3] >> shift | (blocks[(at >> 3) + 1] << _ONE) << (_FULL - shift)


@kernel
def _room(cache, row, last):
    """The row to write a new word to: an empty one of the WAYS, else the last, whose word makes room."""
    for way in range(row, row + WAYS - 1):
        if cache[way, last] == 0:
            return way
    return row + WAYS - 1


@kernel
def _forward(cache, row):
    """Change places with the row before: common words come first, the last of the WAYS is the one that makes room."""
    for column in range(cache.shape[1]):
        held = cache[row, column]
        cache[row, column] = cache[row - 1, column]
        cache[row - 1, column] = held


@kernel
def _find_large(large, key):
    """(the row that holds `key`, or -1; the first row it may stand in)."""
    hashed = np.uint64(0)
    for i in range(LARGE_KEY):
        hashed = (hashed ^ key[i]) * _HASHES[0]
        hashed ^= hashed >> _HALF
    first = np.int64(hashed) & (len(large) - 1) & -WAYS
    for row in range(first, first + WAYS):
        same = True
        for i in range(LARGE_KEY):
            same &= large[row, i] == key[i]
        if same:
            return row, first
    return -1, first


@kernel
def _look_ahead(blocks, starts, ends, small, keys, rows):
    """The keys of the next words and the rows they may stand in (-1: too long for the small cache).

    The rows are read too, to no end but that they are at hand when their turn comes: memory is slow, but not in
    fetching many rows at a time. There is no branch on the length either, which may be anything from word to word.
    """
    seen = _ZERO
    for i in range(len(starts)):
        start = starts[i]
        length = ends[i] - start
        key0 = _eight(blocks, start) & _MASKS[min(length, 8)]
        key1 = _eight(blocks, start + 8) & _MASKS[min(max(length - 8, 0), 8)]
        key2 = _eight(blocks, start + 16) & _MASKS[min(max(length - 16, 0), 8)] | np.uint64(length) << _LENGTH
        hashed = key0 * _HASHES[0] + key1 * _HASHES[1] + key2 * _HASHES[2]
        hashed = (hashed ^ hashed >> _HALF) * _HASHES[0]
        row = np.int64(hashed >> _HALF) & (len(small) - 1) & -WAYS
        keys[i, 0], keys[i, 1], keys[i, 2] = key0, key1, key2
        rows[i] = row if length < 8 * SMALL_KEY else -1
        seen ^= small[row, 0] ^ small[row + 2, 0]
    return seen


@kernel
def encode_words(
    data, blocks, starts, ends, first_word, alphabet, merges, made, table, small, large, line_end, tokens, sizes
):
    """The ids of each line's words and `line_end` after them into `tokens`, how many into `sizes`; their sum.

    `blocks` are the same bytes as `data`, 8 to a number; both go on for 32 bytes and more after the last word.
    """
    ids, waiting = np.empty(SHORT, np.int64), np.empty(SHORT, np.int32)
    following, before = np.empty(SHORT, np.int64), np.empty(SHORT, np.int64)
    keys, rows = np.empty((AHEAD, SMALL_KEY), np.uint64), np.empty(AHEAD, np.int64)
    key = np.empty(LARGE_KEY, np.uint64)
    written = began = line = 0
    seen = _ZERO
    for word in range(len(starts)):
        while first_word[line + 1] == word:
            tokens[written] = line_end
            written += 1
            sizes[line] = written - began
            began = written
            line += 1
        at = word % AHEAD
        if at == 0:
            seen ^= _look_ahead(blocks, starts[word : word + AHEAD], ends[word : word + AHEAD], small, keys, rows)
        row = rows[at]
        if row >= 0:
            hit = -1
            for way in range(row, row + WAYS):
                if small[way, 0] == keys[at, 0] and small[way, 1] == keys[at, 1] and small[way, 2] == keys[at, 2]:
                    hit = way
                    break
            if hit >= 0:
                # All three are written whether they are there or not: what comes next writes over them.
                packed = small[hit, SMALL_KEY]
                tokens[written] = np.int32(packed & _ID_MASK)
                tokens[written + 1] = np.int32(packed >> _ID_BITS & _ID_MASK)
                tokens[written + 2] = np.int32(packed >> _TWO_IDS & _ID_MASK)
                written += np.int64(packed >> _COUNT)
                if hit > row:
                    _forward(small, hit)
                continue
        start = starts[word]
        length = ends[word] - start
        large_row = -1
        if length < 8 * LARGE_KEY:
            for i in range(LARGE_KEY):
                rest = min(length - 8 * i, 8)
                key[i] = _eight(blocks, start + 8 * i) & _MASKS[rest] if rest > 0 else _ZERO
            key[LARGE_KEY - 1] |= np.uint64(length) << _LENGTH
            hit, large_row = _find_large(large, key)
            if hit >= 0:
                for i in range(large[hit, LARGE_KEY] >> _COUNT):
                    packed = large[hit, LARGE_KEY + i // SMALL_IDS] >> _ID_BITS * np.uint64(i % SMALL_IDS)
                    tokens[written] = np.int32(packed & _ID_MASK)
                    written += 1
                if hit > large_row:
                    _forward(large, hit)
                continue
        if length <= SHORT:
            for i in range(length):
                ids[i] = alphabet[data[start + i]]
            count = _merge_short(ids, waiting, following, before, length, merges, made)
            of_word = ids
        else:
            of_word = alphabet[data[start : start + length]]
            count = _merge_long(of_word, merges, made)
        for i in range(count):
            tokens[written + i] = table[of_word[i]]
        if row >= 0 and count <= SMALL_IDS:
            row = _room(small, row, SMALL_KEY - 1)
            for i in range(SMALL_KEY):
                small[row, i] = keys[at, i]
            small[row, SMALL_KEY] = _packed(tokens, written, count) | np.uint64(count) << _COUNT
        elif large_row >= 0 and count <= LARGE_IDS:
            row = _room(large, large_row, LARGE_KEY - 1)
            for i in range(LARGE_KEY):
                large[row, i] = key[i]
            for i in range(0, count, SMALL_IDS):
                packed = _packed(tokens, written + i, min(count - i, SMALL_IDS))
                large[row, LARGE_KEY + i // SMALL_IDS] = packed
            large[row, LARGE_KEY] |= np.uint64(count) << _COUNT
        written += count
    while line < len(sizes):
        tokens[written] = line_end
        written += 1
        sizes[line] = written - began
        began = written
        line += 1
    # What was read ahead is returned too: if nobody asked for it, the compiler would leave the reading out.
    return written, seen


@kernel
def _packed(tokens, first, count):
    """Up to 3 ids in one number."""
    packed = _ZERO
    for i in range(count):
        packed |= np.uint64(tokens[first + i]) << _ID_BITS * np.uint64(i)
    return packed
