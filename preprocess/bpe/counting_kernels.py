"""The kernels that find lines and count words: loops over bytes, and a hash table of byte strings."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

# FNV-1a (Fowler, Noll, Vo) for long words, the multipliers of SplitMix64 (Steele, Lea, Flood 2014) to mix.
OFFSET, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x00000100000001B3)
MIX, MIX_AGAIN = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BYTE, HALF = np.uint64(8), np.uint64(32)

# Columns of a table's entries. Most words are of at most SHORT bytes and stand in their entry: eight bytes in HEAD, the
# rest in TAIL. Of a longer word HEAD is the hash and TAIL the place of its bytes in the table's arena.
HEAD, TAIL, LENGTH, COUNT = range(4)
SHORT = 16


@kernel
def find_lines(data, begin, strip):
    """The lines of data uint8 (N,) from `begin`: (their positions, starts, ends), each int64 (L,).

    A line ends with `\\n`. With `strip` its range is without the blanks around it, and blank lines are left out; else
    its line end is part of it.
    """
    count = 0
    for i in range(begin, len(data)):
        count += data[i] == 10
    positions = np.empty(count + 1, dtype=np.int64)
    starts, ends = np.empty(count + 1, dtype=np.int64), np.empty(count + 1, dtype=np.int64)
    found = 0
    start = begin
    while start < len(data):
        end = start
        while end < len(data) and data[end] != 10:
            end += 1
        after = min(end + 1, len(data))
        first, last = start, after
        if strip:
            while first < last and _blank(data, first, last):
                first += _blank(data, first, last)
            while last > first:
                width = 1
                while last - width > first and data[last - width] & 0xC0 == 0x80:
                    width += 1
                if _blank(data, last - width, last) != width:
                    break
                last -= width
        if last > first:
            positions[found], starts[found], ends[found] = start, first, last
            found += 1
        start = after
    return positions[:found], starts[:found], ends[:found]


@kernel
def _blank(data, i, end):
    """The bytes of the character at i if it is white space to Python's `str.isspace`, else 0."""
    a = data[i]
    if a < 0x80:
        return np.int64(a == 0x20 or 0x09 <= a <= 0x0D or 0x1C <= a <= 0x1F)
    if a == 0xC2 and i + 1 < end:
        return np.int64(2 * (data[i + 1] == 0x85 or data[i + 1] == 0xA0))
    if i + 2 >= end:
        return 0
    b, c = data[i + 1], data[i + 2]
    blank = (
        (a == 0xE1 and b == 0x9A and c == 0x80)
        or (a == 0xE2 and b == 0x80 and (c <= 0x8A or c == 0xA8 or c == 0xA9 or c == 0xAF))
        or (a == 0xE2 and b == 0x81 and c == 0x9F)
        or (a == 0xE3 and b == 0x80 and c == 0x80)
    )
    return np.int64(3 * blank)


@kernel
def add_words(data, starts, ends, begin, mask, slots, entries, n, arena, used):
    """Count the words data[starts[i]:ends[i]] from number `begin` on in a hash table.

    `slots` int32, a power of two, holds the number of an entry or -1; `entries` uint64 (E, 4) are described above; n
    entries and `used` bytes of the arena are in use. Words are equal when their bytes are. Returns (number of the
    first word not counted for want of room, n, used). `mask` is for tests: all ones leave hashes whole.
    """
    low = len(slots) - 1
    one = np.uint64(1)
    for i in range(begin, len(starts)):
        start, end = starts[i], ends[i]
        length = end - start
        size = np.uint64(length)
        head = tail = np.uint64(0)
        if length <= SHORT:
            middle = min(start + 8, end)
            for k in range(start, middle):
                head = (head << BYTE) | np.uint64(data[k])
            for k in range(middle, end):
                tail = (tail << BYTE) | np.uint64(data[k])
            hashed = _hash_short(head, tail, size) & mask
        else:
            hashed = head = _hash_long(data, start, end) & mask
        slot = np.int64(hashed >> HALF) & low
        while True:
            e = slots[slot]
            if e < 0:
                if n == len(entries) or (length > SHORT and used + length > len(arena)):
                    return i, n, used
                if length > SHORT:
                    tail = np.uint64(used)
                    for k in range(length):
                        arena[used + k] = data[start + k]
                    used += length
                slots[slot] = n
                entries[n, HEAD], entries[n, TAIL], entries[n, LENGTH], entries[n, COUNT] = head, tail, size, one
                n += 1
                break
            if entries[e, HEAD] == head and entries[e, LENGTH] == size:
                if length <= SHORT:
                    same = entries[e, TAIL] == tail
                else:
                    there = np.int64(entries[e, TAIL])
                    k = 0
                    while k < length and arena[there + k] == data[start + k]:
                        k += 1
                    same = k == length
                if same:
                    entries[e, COUNT] += one
                    break
            slot = (slot + 1) & low
    return len(starts), n, used


@kernel
def _hash_short(head, tail, size):
    hashed = (head ^ (tail * MIX_AGAIN) ^ size) * MIX
    return (hashed ^ (hashed >> HALF)) * MIX_AGAIN


@kernel
def _hash_long(data, start, end):
    hashed = OFFSET
    for k in range(start, end):
        hashed = (hashed ^ np.uint64(data[k])) * PRIME
    return (hashed ^ (hashed >> HALF)) * MIX


@kernel
def _hash_of(entries, e, mask):
    """The hash of the word of an entry."""
    if entries[e, LENGTH] > np.uint64(SHORT):
        return entries[e, HEAD]
    return _hash_short(entries[e, HEAD], entries[e, TAIL], entries[e, LENGTH]) & mask


@kernel
def fill_slots(entries, n, mask, slots):
    """Enter n entries of distinct words into a fresh hash table."""
    low = len(slots) - 1
    for e in range(n):
        slot = np.int64(_hash_of(entries, e, mask) >> HALF) & low
        while slots[slot] >= 0:
            slot = (slot + 1) & low
        slots[slot] = e


@kernel
def unpack(entries, n, mask, arena):
    """The words of n entries: (hashes uint64 (n,), counts int64 (n,), lengths int64 (n,), their bytes uint8)."""
    hashes = np.empty(n, dtype=np.uint64)
    counts, lengths = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    total = 0
    for e in range(n):
        hashes[e] = _hash_of(entries, e, mask)
        counts[e], lengths[e] = np.int64(entries[e, COUNT]), np.int64(entries[e, LENGTH])
        total += lengths[e]
    data = np.empty(total, dtype=np.uint8)
    used = 0
    for e in range(n):
        length = lengths[e]
        if length > SHORT:
            there = np.int64(entries[e, TAIL])
            for k in range(length):
                data[used + k] = arena[there + k]
        else:
            head, tail = entries[e, HEAD], entries[e, TAIL]
            for k in range(length - 1, 7, -1):
                data[used + k] = np.uint8(tail & np.uint64(0xFF))
                tail >>= BYTE
            for k in range(min(length, 8) - 1, -1, -1):
                data[used + k] = np.uint8(head & np.uint64(0xFF))
                head >>= BYTE
        used += length
    return hashes, counts, lengths, data


@kernel
def combine(order, hashes, starts, lengths, counts, data):
    """Words in the order of their hashes, then of their bytes, equal ones together.

    `order` int64 (W,) sorts hashes uint64 (W,); word i is data[starts[i]:starts[i] + lengths[i]], int64. Returns the
    numbers of distinct words int64 (D,) and their summed counts int64 (D,).
    """
    picks, sums = np.empty(len(order), dtype=np.int64), np.empty(len(order), dtype=np.int64)
    n = group = compared = 0
    for k in range(len(order)):
        word = order[k]
        if n and hashes[picks[n - 1]] != hashes[word]:
            group = n
        # The distinct words of one hash, nearly always one, are kept in order.
        i = n
        while i > group:
            compared = _compare(data, starts[picks[i - 1]], lengths[picks[i - 1]], starts[word], lengths[word])
            if compared <= 0:
                break
            i -= 1
        if i > group and compared == 0:
            sums[i - 1] += counts[word]
            continue
        for j in range(n, i, -1):
            picks[j], sums[j] = picks[j - 1], sums[j - 1]
        picks[i], sums[i] = word, counts[word]
        n += 1
    return picks[:n], sums[:n]


@kernel
def _compare(data, start_a, length_a, start_b, length_b):
    """Below, at or above 0 as word a comes before, is, or comes after word b in the order of bytes."""
    for k in range(min(length_a, length_b)):
        if data[start_a + k] != data[start_b + k]:
            return np.int64(data[start_a + k]) - np.int64(data[start_b + k])
    return length_a - length_b


@kernel
def gather(data, starts, lengths, picks):
    """The bytes of the picked words, one after the other."""
    total = 0
    for k in range(len(picks)):
        total += lengths[picks[k]]
    gathered = np.empty(total, dtype=np.uint8)
    used = 0
    for k in range(len(picks)):
        start = starts[picks[k]]
        for i in range(lengths[picks[k]]):
            gathered[used + i] = data[start + i]
        used += lengths[picks[k]]
    return gathered
