"""Hashes of word n-grams, and what is made of them: MinHash signatures, sets, Jaccard, look-up. Compiled.

The hash of a word is a polynomial over its characters, the hash of an n-gram (a "gram") a rolling polynomial over
those of its words, both modulo 2^64 and mixed at the end. The same words have the same hash wherever they stand; two
different grams among 10^9 share one with a chance of 3 %, and a false equality moves a Jaccard by one gram.

All text is valid UTF-8 as a read-only uint8 array. `bounds` (int64 [documents + 1]) says where documents start and
the last one ends.
"""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

from .words import LETTER as _LETTER
from .words import SEPARATES as _SEPARATES
from .words import TABLED

# One permutation of the grams, cut into this many bins (the top 7 bits of a hash).
BINS = 128
_BIN_SHIFT = np.uint64(64 - 7)
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
# Odd 64-bit constants: nothing but digits of pi and e, made odd.
_CHARACTER = np.uint64(0x243F6A8885A308D3)
_WORD = np.uint64(0xB7E151628AED2A6B)
_SEED = np.uint64(0x13198A2E03707345)
# Words per byte of text that a buffer has room for at first: Hebrew has one in ten or eleven, English one in six.
_BYTES_PER_WORD = 6


@kernel
def mix(value):
    """A bijection of 64 bits that spreads every bit over all (the end of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def _word_hashes(text, start, end, classes, out):
    """The number of words of text[start:end]; the hashes of as many as there is room for are in `out`."""
    count = 0
    inside = False
    value = _SEED
    position = start
    while position < end:
        byte = np.int64(text[position])
        if byte < 0x80:
            code = byte
            if 65 <= code <= 90:
                code += 32
            position += 1
        elif byte < 0xE0:
            code = (byte & 0x1F) << 6 | np.int64(text[position + 1]) & 0x3F
            position += 2
        elif byte < 0xF0:
            code = (byte & 0x0F) << 12 | (np.int64(text[position + 1]) & 0x3F) << 6
            code |= np.int64(text[position + 2]) & 0x3F
            position += 3
        else:
            code = (byte & 0x07) << 18 | (np.int64(text[position + 1]) & 0x3F) << 12
            code |= (np.int64(text[position + 2]) & 0x3F) << 6 | np.int64(text[position + 3]) & 0x3F
            position += 4
        kind = classes[code] if code < TABLED else _LETTER
        if kind == _LETTER:
            value = value * _CHARACTER + np.uint64(code)
            inside = True
        elif kind == _SEPARATES and inside:
            if count < len(out):
                out[count] = mix(value)
            count += 1
            value = _SEED
            inside = False
    if inside:
        if count < len(out):
            out[count] = mix(value)
        count += 1
    return count


@kernel
def _words_of(text, start, end, classes, buffer):
    """(number of words, a buffer that holds their hashes: the one given, or a larger one)."""
    count = _word_hashes(text, start, end, classes, buffer)
    if count > len(buffer):
        buffer = np.empty(count, dtype=np.uint64)
        _word_hashes(text, start, end, classes, buffer)
    return count, buffer


@kernel
def _grams(words, count, size, out):
    """The hashes of all `size`-grams of `count` >= size words into `out`; their number."""
    lead = np.uint64(1)
    for _ in range(size):
        lead *= _WORD
    value = np.uint64(0)
    for index in range(count):
        value = value * _WORD + words[index]
        if index >= size:
            value -= words[index - size] * lead
        if index >= size - 1:
            out[index - size + 1] = mix(value + np.uint64(size))
    return count - size + 1


@kernel
def _room(bounds):
    longest = 0
    for document in range(len(bounds) - 1):
        longest = max(longest, bounds[document + 1] - bounds[document])
    return longest // _BYTES_PER_WORD + 1


@kernel
def count_grams(count, size):
    """The grams of a document of `count` words: one of all its words if it has fewer than `size`, none if none."""
    return max(count - size + 1, min(count, 1))


@kernel
def sign(text, bounds, classes, size, bands, rows, counts, keys):
    """MinHash band keys of documents: uint64 keys[band, document] and their grams, int64 counts[document].

    One-permutation MinHash (Li, Owen, Zhang 2012): a gram falls into a bin by its top bits, and the least hash of each
    bin is kept. An empty bin takes the value of another, drawn by its own sequence of hashes (optimal densification,
    Shrivastava 2017). A band key hashes the values of `rows` bins in order. A document without words has keys 0, and
    no other has.
    """
    words = np.empty(_room(bounds), dtype=np.uint64)
    grams = np.empty(len(words), dtype=np.uint64)
    least = np.empty(BINS, dtype=np.uint64)
    dense = np.empty(BINS, dtype=np.uint64)
    for document in range(len(bounds) - 1):
        count, words = _words_of(text, bounds[document], bounds[document + 1], classes, words)
        if len(words) > len(grams):
            grams = np.empty(len(words), dtype=np.uint64)
        number = 0
        if count > 0:
            number = _grams(words, count, min(size, count), grams)
        counts[document] = number
        if number == 0:
            keys[:, document] = 0
            continue
        least[:] = _EMPTY
        for index in range(number):
            value = grams[index]
            chosen = value >> _BIN_SHIFT
            if value < least[chosen]:
                least[chosen] = value
        for position in range(BINS):
            value = least[position]
            attempt = np.uint64(position)
            while value == _EMPTY:
                attempt = mix(attempt + _SEED)
                value = least[attempt >> _BIN_SHIFT]
            dense[position] = value
        for band in range(bands):
            value = np.uint64(band)
            for row in range(rows):
                value = mix(value * _WORD + dense[band * rows + row])
            keys[band, document] = max(value, np.uint64(1))


@kernel
def gram_sets(text, bounds, classes, size, starts, out, sizes):
    """The distinct grams of each document, ascending: out[starts[d] : starts[d] + sizes[d]].

    Between starts[d] and starts[d + 1] there is room for its grams as `sign` counted them; sizes[d] is -1 where the
    text has another number by now.
    """
    words = np.empty(_room(bounds), dtype=np.uint64)
    for document in range(len(bounds) - 1):
        count, words = _words_of(text, bounds[document], bounds[document + 1], classes, words)
        found = out[starts[document] : starts[document + 1]]
        if len(found) != count_grams(count, size):
            sizes[document] = -1
            continue
        if count > 0:
            _grams(words, count, min(size, count), found)
        found.sort()
        distinct = 0
        for index in range(len(found)):
            if index == 0 or found[index] != found[index - 1]:
                # Never ahead of what is read: the place written to was read before.
                found[distinct] = found[index]
                distinct += 1
        sizes[document] = distinct


@kernel
def are_similar(grams, starts, sizes, left, right, threshold, out):
    """out[pair] = whether the Jaccard of the gram sets of documents left[pair], right[pair] reaches `threshold`.

    The sets stand as `gram_sets` leaves them; none is empty.
    """
    for pair in range(len(left)):
        a, end_a = starts[left[pair]], starts[left[pair]] + sizes[left[pair]]
        b, end_b = starts[right[pair]], starts[right[pair]] + sizes[right[pair]]
        total = (end_a - a) + (end_b - b)
        # No more can be shared than the smaller set holds.
        most = min(end_a - a, end_b - b)
        out[pair] = False
        if most / (total - most) < threshold:
            continue
        shared = 0
        while a < end_a and b < end_b:
            x, y = grams[a], grams[b]
            shared += x == y
            a += x <= y
            b += y <= x
        # The quotient is rounded as the threshold is: 4 of 5 reach 0.8.
        out[pair] = shared / (total - shared) >= threshold


@kernel
def item_grams(text, bounds, classes, size, shortest, out, counts, lengths):
    """The grams of evaluation items, one item after the other, into `out`; counts[item] of them.

    lengths[item] is the words of a gram: `size`; all words of an item that has fewer, but at least `shortest`; else 0,
    and the item has no gram. `out` has room for a gram every second byte.
    """
    words = np.empty(_room(bounds), dtype=np.uint64)
    total = 0
    for item in range(len(bounds) - 1):
        count, words = _words_of(text, bounds[item], bounds[item + 1], classes, words)
        lengths[item] = min(size, count) if count >= shortest else 0
        counts[item] = _grams(words, count, lengths[item], out[total:]) if lengths[item] > 0 else 0
        total += counts[item]


@kernel
def _slot(hashes, table, value):
    """Where a hash stands in a table of 2^n places (int32 numbers of hashes, -1 free), or the free place for it."""
    mask = np.uint64(len(table) - 1)
    slot = value & mask
    while table[slot] >= 0 and hashes[table[slot]] != value:
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel
def fill_table(hashes, table):
    """Put the numbers of distinct hashes into a free table at least twice as large."""
    for number in range(len(hashes)):
        table[_slot(hashes, table, hashes[number])] = number


@kernel
def find_grams(text, bounds, classes, lengths, hashes, table, out):
    """Look up the grams of documents, of each of `lengths` words; the number found.

    As many as there is room for are in `out`: the document in the upper half, the number of the hash in the lower.
    """
    words = np.empty(_room(bounds), dtype=np.uint64)
    grams = np.empty(len(words), dtype=np.uint64)
    found = 0
    for document in range(len(bounds) - 1):
        count, words = _words_of(text, bounds[document], bounds[document + 1], classes, words)
        if len(words) > len(grams):
            grams = np.empty(len(words), dtype=np.uint64)
        for length in lengths:
            if count < length:
                continue
            for index in range(_grams(words, count, length, grams)):
                number = table[_slot(hashes, table, grams[index])]
                if number >= 0:
                    if found < len(out):
                        out[found] = np.uint64(document) << np.uint64(32) | np.uint64(number)
                    found += 1
    return found
