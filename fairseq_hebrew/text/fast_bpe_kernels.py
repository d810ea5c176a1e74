"""The kernels of `fast_bpe`: byte-pair merges, and a cache of the words they were done for.

Numbers are packed: an id has BITS bits, a pair of ids is `left << BITS | right`, and what a pair becomes is
`rank << BITS | new id`, so that the smaller one is the merge that comes first.
"""

from __future__ import annotations

import numpy as np

from ..stage.kernels import kernel

BITS = 20
ID = (1 << BITS) - 1
NO_MERGE = 1 << 62
EMPTY = -1
# Words up to this many bytes are merged by looking at all pairs each time, longer ones with a heap.
SHORT = 64

# A word's bytes are its key, 8 to a number, its length in the last byte. Rows of the two caches, in uint64:
SMALL_KEY, SMALL_IDS = 3, 3  # 23 bytes, then up to 3 ids
LARGE_KEY, LARGE_IDS = 8, 15  # 63 bytes, then up to 15 ids
SMALL_ROW = SMALL_KEY + 1
LARGE_ROW = LARGE_KEY + 5
WAYS = 4  # rows a word may stand in

_FACTOR = 0x9E3779B97F4A7C15 - (1 << 64)  # as int64
_HASHES = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
# The first n bytes of 8.
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_ZERO, _ONE, _FULL = np.uint64(0), np.uint64(1), np.uint64(63)
_HALF, _LENGTH, _COUNT = np.uint64(32), np.uint64(56), np.uint64(60)
_ID_BITS, _TWO_IDS, _ID_MASK = np.uint64(BITS), np.uint64(2 * BITS), np.uint64(ID)


@kernel
def fill_merges(table, pairs, made):
    """Enter `pairs` int64 (M,) and what they become, int64 (M,), into the empty `table` int64 (2 ** k, 2)."""
    mask = len(table) - 1
    for i in range(len(pairs)):
        slot = (pairs[i] * _FACTOR >> 32) & mask
        while table[slot, 0] != EMPTY and table[slot, 0] != pairs[i]:
            slot = (slot + 1) & mask
        table[slot, 0] = pairs[i]
        table[slot, 1] = made[i]


@kernel
def _made_of(table, left, right):
    """`rank << BITS | new id` of a pair; NO_MERGE if it is never merged."""
    pair = left << BITS | right
    mask = len(table) - 1
    slot = (pair * _FACTOR >> 32) & mask
    while True:
        found = table[slot, 0]
        if found == pair:
            return table[slot, 1]
        if found == EMPTY:
            return NO_MERGE
        slot = (slot + 1) & mask


@kernel
def _merge_short(ids, made, count, table):
    """Merge `ids[:count]` in place, lowest rank first, leftmost first; how many are left."""
    for i in range(count - 1):
        made[i] = _made_of(table, ids[i], ids[i + 1])
    while count > 1:
        best, where = NO_MERGE, 0
        for i in range(count - 1):
            if made[i] < best:
                best, where = made[i], i
        if best == NO_MERGE:
            break
        ids[where] = best & ID
        count -= 1
        for i in range(where + 1, count):
            ids[i] = ids[i + 1]
            made[i] = made[i + 1]
        if where + 1 < count:
            made[where] = _made_of(table, ids[where], ids[where + 1])
        if where > 0:
            made[where - 1] = _made_of(table, ids[where - 1], ids[where])
    return count


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
def _merge_long(ids, table):
    """As `_merge_short`, in n log n: the pairs wait in a heap by rank, then by place."""
    count = len(ids)
    following = np.arange(1, count + 1)
    before = np.arange(-1, count - 1)
    heap = np.empty(3 * count, np.int64)
    size = 0
    for i in range(count - 1):
        made = _made_of(table, ids[i], ids[i + 1])
        if made != NO_MERGE:
            _push(heap, size, (made >> BITS) << 42 | i)
            size += 1
    while size:
        rank, i = heap[0] >> 42, heap[0] & ((1 << 42) - 1)
        _pop(heap, size)
        size -= 1
        if ids[i] < 0 or following[i] >= count:
            continue
        made = _made_of(table, ids[i], ids[following[i]])
        # What stood at this place when it was pushed may have been merged since.
        if made == NO_MERGE or made >> BITS != rank:
            continue
        ids[i] = made & ID
        gone = following[i]
        ids[gone] = -1
        following[i] = following[gone]
        if following[i] < count:
            before[following[i]] = i
            made = _made_of(table, ids[i], ids[following[i]])
            if made != NO_MERGE:
                _push(heap, size, (made >> BITS) << 42 | i)
                size += 1
        if before[i] >= 0:
            made = _made_of(table, ids[before[i]], ids[i])
            if made != NO_MERGE:
                _push(heap, size, (made >> BITS) << 42 | before[i])
                size += 1
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
def encode_words(
    data, blocks, starts, ends, first_word, alphabet, merges, table, small, large, line_end, tokens, sizes
):
    """The ids of each line's words and `line_end` after them into `tokens`, how many into `sizes`; their sum.

    `blocks` are the same bytes as `data`, 8 to a number; both go on for 16 bytes and more after the last word.
    """
    ids, made = np.empty(SHORT, np.int64), np.empty(SHORT, np.int64)
    key = np.empty(LARGE_KEY, np.uint64)
    written = 0
    for line in range(len(first_word) - 1):
        began = written
        for word in range(first_word[line], first_word[line + 1]):
            start = starts[word]
            length = ends[word] - start
            row = large_row = -1
            k0, k1, k2 = _ZERO, _ZERO, _ZERO
            if length <= 8 * SMALL_KEY - 1:
                # No branch on the length: it is anything from word to word.
                k0 = _eight(blocks, start) & _MASKS[min(length, 8)]
                k1 = _eight(blocks, start + 8) & _MASKS[min(max(length - 8, 0), 8)]
                k2 = _eight(blocks, start + 16) & _MASKS[max(length - 16, 0)]
                k2 |= np.uint64(length) << _LENGTH
                hashed = k0 * _HASHES[0] + k1 * _HASHES[1] + k2 * _HASHES[2]
                hashed = (hashed ^ hashed >> _HALF) * _HASHES[0]
                row = np.int64(hashed >> _HALF) & (len(small) - 1) & -WAYS
                hit = -1
                for way in range(row, row + WAYS):
                    if small[way, 0] == k0 and small[way, 1] == k1 and small[way, 2] == k2:
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
            if length <= 8 * LARGE_KEY - 1:
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
                count = _merge_short(ids, made, length, merges)
                of_word = ids
            else:
                of_word = alphabet[data[start : start + length]]
                count = _merge_long(of_word, merges)
            for i in range(count):
                tokens[written + i] = table[of_word[i]]
            if row >= 0 and count <= SMALL_IDS:
                row = _room(small, row, SMALL_KEY - 1)
                small[row, 0], small[row, 1], small[row, 2] = k0, k1, k2
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
        tokens[written] = line_end
        written += 1
        sizes[line] = written - began
    return written


@kernel
def _packed(tokens, first, count):
    """Up to 3 ids in one number."""
    packed = _ZERO
    for i in range(count):
        packed |= np.uint64(tokens[first + i]) << _ID_BITS * np.uint64(i)
    return packed
