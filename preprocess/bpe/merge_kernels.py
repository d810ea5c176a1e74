"""The kernels of `learn`: the loop that picks the most frequent pair and joins it in every word that has it.

What a pair is found by, where it stands and when it is next are kept so that a merge costs what it changes:

- A word is a run of int32 symbols that shrinks in place; its count is added to a pair's for each place it stands in.
- A pair only comes to be when the later of its two symbols does, all its places at once. So its list of words (a
  segment of `places`) is written once, and afterwards its count only falls. A list may name words that have lost the
  pair since; they are looked at in vain.
- Therefore a heap whose entries hold the count of some earlier time is right: an entry that is too high is put back
  with the count of now, and none is too low.
- What a merge of (a, b) to x changes next to it, (l, a) to (l, x) and (b, r) to (x, r), is summed by l and r in arrays
  over all symbols; the table of pairs is asked once for each neighbour, not for each place.
- A pair below `least` is never merged and never grows: it is not kept at all.
"""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

# 2^64 over the golden ratio: a product's high bits are well mixed (Knuth, The Art of Computer Programming 3, 6.4).
MIX = np.uint64(0x9E3779B97F4A7C15)


@kernel
def seed_pairs(symbols, starts, lengths, counts, base, size, least):
    """The pairs of words of the symbols `base` to `base` + `size` - 1.

    Returns the state `learn_some` goes on with, of the pairs that are counted at least `least` times: (their number,
    keys int64, counts int64, segment starts int64, segment sizes int64, places int32, places in use, hash table,
    heap's counts, heap's pairs, size of the heap).
    """
    sums = np.zeros(size * size, dtype=np.int64)
    sizes = np.zeros(size * size, dtype=np.int64)
    last = np.full(size * size, -1, dtype=np.int64)
    for w in range(len(starts)):
        for i in range(starts[w], starts[w] + lengths[w] - 1):
            pair = (symbols[i] - base) * size + symbols[i + 1] - base
            sums[pair] += counts[w]
            if last[pair] != w:
                last[pair] = w
                sizes[pair] += 1
    kept = np.flatnonzero(sums >= least)
    keys = np.empty(len(kept), dtype=np.int64)
    where = np.full(size * size, -1, dtype=np.int64)
    used = 0
    for k in range(len(kept)):
        keys[k] = (kept[k] // size + base) << 32 | (kept[k] % size + base)
        where[kept[k]] = used
        used += sizes[kept[k]]
    segment_starts, segment_sizes = where[kept], sizes[kept]
    # Room to grow: what is not touched takes no memory.
    places = np.empty(2 * used, dtype=np.int32)
    last[:] = -1
    for w in range(len(starts)):
        for i in range(starts[w], starts[w] + lengths[w] - 1):
            pair = (symbols[i] - base) * size + symbols[i + 1] - base
            if where[pair] >= 0 and last[pair] != w:
                last[pair] = w
                places[where[pair]] = w
                where[pair] += 1
    n, totals = len(kept), sums[kept]
    heap_sums, heap_pairs, heap_size = _heap(keys, totals, n, least)
    slots = _slots(keys, n)
    return n, keys, totals, segment_starts, segment_sizes, places, used, slots, heap_sums, heap_pairs, heap_size


@kernel
def learn_some(symbols, starts, lengths, counts, state, merges, done, until, first, least):
    """Learn the merges `done` to `until` - 1 into `merges` int32 (M, 2); merge number i makes the symbol `first` + i.

    The words are changed in place. Returns how many merges there are now (fewer than `until`: no pair is counted
    `least` times) and the new state.
    """
    n, keys, sums, segment_starts, segment_sizes, places, used, slots, heap_sums, heap_pairs, heap_size = state
    size = first + len(merges)
    left_sums, right_sums = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    left_words, right_words = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    left_last, right_last = np.full(size, -1, dtype=np.int32), np.full(size, -1, dtype=np.int32)
    lefts, rights = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    left_side, right_side = (left_sums, left_words, left_last), (right_sums, right_words, right_last)
    # Where a new pair stands: the word, and the neighbour (l as l, r as ~r).
    found_words, found_sides = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)

    while done < until and heap_size:
        top = heap_pairs[0]
        if heap_sums[0] != sums[top]:
            heap_sums[0] = sums[top]
            if sums[top] < least:
                heap_size = _drop_top(heap_sums, heap_pairs, heap_size, keys)
            else:
                _sift_down(heap_sums, heap_pairs, heap_size, keys)
            continue
        heap_size = _drop_top(heap_sums, heap_pairs, heap_size, keys)
        a, b, x = keys[top] >> 32, keys[top] & 0xFFFFFFFF, first + done
        merges[done, 0], merges[done, 1] = a, b
        done += 1
        sums[top] = 0

        found = left_count = right_count = 0
        for place in range(segment_starts[top], segment_starts[top] + segment_sizes[top]):
            w = places[place]
            start, end, count = starts[w], starts[w] + lengths[w], counts[w]
            if found + 2 * lengths[w] > len(found_words):
                found_words = _grown(found_words, found, found + 2 * lengths[w])
                found_sides = _grown(found_sides, found, found + 2 * lengths[w])
            i = write = start
            while i < end:
                if symbols[i] != a or i + 1 == end or symbols[i + 1] != b:
                    symbols[write] = symbols[i]
                    write += 1
                    i += 1
                    continue
                if write > start:
                    left = symbols[write - 1]
                    left_count, found = _note(
                        left, left, w, count, lefts, left_count, *left_side, found_words, found_sides, found
                    )
                if i + 2 < end:
                    right = symbols[i + 2]
                    right_count, found = _note(
                        right, ~right, w, count, rights, right_count, *right_side, found_words, found_sides, found
                    )
                symbols[write] = x
                write += 1
                i += 2
            lengths[w] = write - start

        for k in range(left_count):
            old = _find(slots, keys, np.int64(lefts[k]) << 32 | a)
            if old >= 0:
                sums[old] -= left_sums[lefts[k]]
        for k in range(right_count):
            old = _find(slots, keys, b << 32 | np.int64(rights[k]))
            if old >= 0:
                sums[old] -= right_sums[rights[k]]
        # Of "abab" the right neighbour of the first x was a for a moment: it is an x by now.
        right_sums[a] -= left_sums[x]
        # The merged pair is gone, whatever its neighbours in a run ("aaa") took from it.
        sums[top] = 0

        if n + left_count + right_count > len(keys) or used + found > len(places):
            n, used = _compact(keys, sums, segment_starts, segment_sizes, places, n, least)
            room = _room(len(keys), n, n + left_count + right_count)
            if room > len(keys):
                keys, sums = _grown(keys, n, room), _grown(sums, n, room)
                segment_starts, segment_sizes = _grown(segment_starts, n, room), _grown(segment_sizes, n, room)
            room = _room(len(places), used, used + found)
            if room > len(places):
                places = _grown(places, used, room)
            slots = _slots(keys, n)
            heap_sums, heap_pairs, heap_size = _heap(keys, sums, n, least)

        # From here left_words and right_words say where the next word of a pair is to be written, -1 for nowhere.
        for k in range(left_count + right_count):
            if k < left_count:
                other = np.int64(lefts[k])
                key, total, words = other << 32 | x, left_sums[other], left_words[other]
                left_words[other] = used if total >= least else -1
            else:
                other = np.int64(rights[k - left_count])
                key, total, words = x << 32 | other, right_sums[other], right_words[other]
                right_words[other] = used if total >= least else -1
            if total < least:
                continue
            keys[n], sums[n], segment_starts[n], segment_sizes[n] = key, total, used, words
            _insert(slots, keys, n)
            heap_size = _push(heap_sums, heap_pairs, heap_size, keys, total, n)
            n += 1
            used += words
        for k in range(found):
            side = found_sides[k]
            if side >= 0:
                if left_words[side] >= 0:
                    places[left_words[side]] = found_words[k]
                    left_words[side] += 1
            elif right_words[~side] >= 0:
                places[right_words[~side]] = found_words[k]
                right_words[~side] += 1

        right_sums[a] = 0
        for k in range(left_count):
            left_sums[lefts[k]] = left_words[lefts[k]] = 0
            left_last[lefts[k]] = -1
        for k in range(right_count):
            right_sums[rights[k]] = right_words[rights[k]] = 0
            right_last[rights[k]] = -1

    state = (n, keys, sums, segment_starts, segment_sizes, places, used, slots, heap_sums, heap_pairs, heap_size)
    return done, state


@kernel
def _note(symbol, side, w, count, seen, n, sums, words, last, found_words, found_sides, found):
    """Note that the merged pair has this neighbour in word w; the new numbers of neighbours and of places found."""
    if words[symbol] == 0:
        seen[n] = symbol
        n += 1
    sums[symbol] += count
    if last[symbol] != w:
        last[symbol] = w
        words[symbol] += 1
        found_words[found], found_sides[found] = w, side
        found += 1
    return n, found


@kernel
def _grown(array, used, least):
    """A longer array that begins with the first `used` elements of this one."""
    grown = np.empty(max(least, len(array) + len(array) // 2), dtype=array.dtype)
    grown[:used] = array[:used]
    return grown


@kernel
def _room(size, used, needed):
    """How large an array should be: as it is where clearing it up left a third of it free."""
    return size if needed <= size and used <= size - size // 3 else max(needed, size + size // 2)


@kernel
def _compact(keys, sums, segment_starts, segment_sizes, places, n, least):
    """Drop the pairs that are counted less than `least` times, with their places; the new numbers of both."""
    kept = used = 0
    for p in range(n):
        if sums[p] >= least:
            start = segment_starts[p]
            for i in range(segment_sizes[p]):
                places[used + i] = places[start + i]
            keys[kept], sums[kept] = keys[p], sums[p]
            segment_starts[kept], segment_sizes[kept] = used, segment_sizes[p]
            used += segment_sizes[p]
            kept += 1
    return kept, used


@kernel
def _slots(keys, n):
    """A hash table of twice the room of `keys`, a power of two: a slot holds the number of a pair, or -1."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    slots = np.full(size, -1, dtype=np.int32)
    for p in range(n):
        _insert(slots, keys, p)
    return slots


@kernel
def _slot(slots, key):
    return np.int64((np.uint64(key) * MIX) >> np.uint64(20)) & (len(slots) - 1)


@kernel
def _insert(slots, keys, p):
    slot = _slot(slots, keys[p])
    while slots[slot] >= 0:
        slot = (slot + 1) & (len(slots) - 1)
    slots[slot] = p


@kernel
def _find(slots, keys, key):
    """The number of the pair with this key, -1 if there is none."""
    slot = _slot(slots, key)
    while slots[slot] >= 0:
        if keys[slots[slot]] == key:
            return slots[slot]
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@kernel
def _before(sum_a, pair_a, sum_b, pair_b, keys):
    """Whether pair a is merged before pair b: the higher count first, then the lower ids."""
    return sum_a > sum_b or (sum_a == sum_b and keys[pair_a] < keys[pair_b])


@kernel
def _heap(keys, sums, n, least):
    """A heap of the pairs counted at least `least` times, with room for as many as `keys` has."""
    heap_sums, heap_pairs = np.empty(len(keys), dtype=np.int64), np.empty(len(keys), dtype=np.int32)
    size = 0
    for p in range(n):
        if sums[p] >= least:
            size = _push(heap_sums, heap_pairs, size, keys, sums[p], p)
    return heap_sums, heap_pairs, size


@kernel
def _push(heap_sums, heap_pairs, size, keys, total, p):
    i = size
    while i > 0:
        above = (i - 1) // 2
        if not _before(total, p, heap_sums[above], heap_pairs[above], keys):
            break
        heap_sums[i], heap_pairs[i] = heap_sums[above], heap_pairs[above]
        i = above
    heap_sums[i], heap_pairs[i] = total, p
    return size + 1


@kernel
def _drop_top(heap_sums, heap_pairs, size, keys):
    size -= 1
    heap_sums[0], heap_pairs[0] = heap_sums[size], heap_pairs[size]
    _sift_down(heap_sums, heap_pairs, size, keys)
    return size


@kernel
def _sift_down(heap_sums, heap_pairs, size, keys):
    """Let the top of the heap sink to where it belongs."""
    total, p = heap_sums[0], heap_pairs[0]
    i = 0
    while 2 * i + 1 < size:
        below = 2 * i + 1
        if below + 1 < size and _before(
            heap_sums[below + 1], heap_pairs[below + 1], heap_sums[below], heap_pairs[below], keys
        ):
            below += 1
        if not _before(heap_sums[below], heap_pairs[below], total, p, keys):
            break
        heap_sums[i], heap_pairs[i] = heap_sums[below], heap_pairs[below]
        i = below
    heap_sums[i], heap_pairs[i] = total, p
