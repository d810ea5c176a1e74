"""The measures of `measures` over many documents in one buffer: kinds of characters, words, lines, repetition."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

from .measures import HEBREW, OTHER, WHITE, kind_of

CODE_POINTS = 0x110000
KINDS = 7
# Beyond the last code point that any Unicode version assigns, private use and variation selectors apart: OTHER all.
LAST_ASSIGNED = 0x33480

# Odd 64-bit numbers with no pattern in their bits: fractional parts of the golden ratio, sqrt(2) and sqrt(3).
_SIGN = np.uint64(0x9E3779B97F4A7C15)
_WORD = np.uint64(0x6A09E667F3BCC909)
_MIX = np.uint64(0xBB67AE8584CAA73B)
_SHIFT = np.uint64(32)
_ONE = np.uint64(1)
# Sums of weights by hash that bound the weight of any one n-gram: enough that the others' share of one is small.
_BOUNDS_BITS = 10


@functools.cache
def _kinds() -> np.ndarray:
    """The kind of every code point, uint8 (0x110000,)."""
    kinds = np.full(CODE_POINTS, OTHER, dtype=np.uint8)
    kinds[:LAST_ASSIGNED] = [kind_of(chr(code)) for code in range(LAST_ASSIGNED)]
    return kinds


@kernel
def _measure(text, ends, kinds, counts, words, word_sizes, word_ends, keys, line_sizes, line_ends):
    i = word = line = 0
    for document in range(len(ends)):
        stop = ends[document]
        hebrew = 0
        while i < stop:
            size = word_size = 0
            sign_hash, line_hash = np.uint64(0), np.uint64(0)
            while True:
                byte = np.int64(text[i])
                if byte == 0xD7 and 0x90 <= text[i + 1] <= 0xAA:
                    hebrew += 1
                    size += 1
                    word_size += 1
                    sign_hash = (sign_hash ^ np.uint64(text[i + 1])) * _SIGN
                    i += 2
                    continue
                if byte < 0x80:
                    code = byte
                    i += 1
                elif byte < 0xE0:
                    # Apart from the Hebrew letters, which go by their second byte.
                    code = (byte & 0x1F) << 6 | (text[i + 1] & 0x3F)
                    i += 2
                elif byte < 0xF0:
                    code = (byte & 0x0F) << 12 | np.int64(text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F)
                    i += 3
                else:
                    code = (byte & 0x07) << 18 | np.int64(text[i + 1] & 0x3F) << 12
                    code |= np.int64(text[i + 2] & 0x3F) << 6 | (text[i + 3] & 0x3F)
                    i += 4
                kind = kinds[code]
                if kind != WHITE:
                    counts[document, kind] += 1
                    size += 1
                    word_size += 1
                    sign_hash = (sign_hash ^ np.uint64(code + 256)) * _SIGN
                    continue
                if word_size:
                    sign_hash = (sign_hash ^ (sign_hash >> _SHIFT)) * _MIX
                    sign_hash ^= sign_hash >> _SHIFT
                    words[word], word_sizes[word] = sign_hash, word_size
                    line_hash = (line_hash ^ sign_hash) * _WORD
                    word += 1
                    word_size = 0
                    sign_hash = np.uint64(0)
                if code == 10:
                    break
                counts[document, WHITE] += 1
                size += 1
            if size:
                line_hash = (line_hash ^ (line_hash >> _SHIFT)) * _MIX
                keys[line], line_sizes[line] = line_hash ^ (line_hash >> _SHIFT), size
                line += 1
        counts[document, HEBREW] += hebrew
        word_ends[document], line_ends[document] = word, line


@dataclass
class Measured:
    """What was counted in D documents with W words and L lines (empty lines are none)."""

    kinds: np.ndarray  # int64 (D, 7): characters of each kind, line ends not counted
    words: np.ndarray  # uint64 (W,): a hash of each word
    word_sizes: np.ndarray  # int64 (W,): characters of each word
    word_ends: np.ndarray  # int64 (D,): the number of the word after each document
    lines: np.ndarray  # uint64 (L,): a hash of each line's words
    line_sizes: np.ndarray  # int64 (L,): characters of each line
    line_ends: np.ndarray  # int64 (D,): the number of the line after each document

    @property
    def lines_of(self) -> np.ndarray:
        """int64 (D,): the lines of each document."""
        return np.diff(self.line_ends, prepend=0)

    @property
    def characters(self) -> np.ndarray:
        """int64 (D,): the characters of each document, line ends between its lines included."""
        return self.kinds.sum(axis=1) + np.maximum(self.lines_of - 1, 0)


def measure_documents(text: np.ndarray, ends: np.ndarray) -> Measured:
    """Measure documents. `text`: uint8, writable, valid UTF-8; `ends`: int64 (D,), where each ends, by a line end."""
    documents = len(ends)
    most_words, most_lines = len(text) // 2 + 1, int(np.count_nonzero(text == 10))
    made = Measured(
        np.zeros((documents, KINDS), dtype=np.int64),
        np.empty(most_words, dtype=np.uint64),
        np.empty(most_words, dtype=np.int64),
        np.empty(documents, dtype=np.int64),
        np.empty(most_lines, dtype=np.uint64),
        np.empty(most_lines, dtype=np.int64),
        np.empty(documents, dtype=np.int64),
    )
    _measure(
        text,
        ends,
        _kinds(),
        made.kinds,
        made.words,
        made.word_sizes,
        made.word_ends,
        made.lines,
        made.line_sizes,
        made.line_ends,
    )
    words, lines = (int(of[-1]) if documents else 0 for of in (made.word_ends, made.line_ends))
    made.words, made.word_sizes = made.words[:words], made.word_sizes[:words]
    made.lines, made.line_sizes = made.lines[:lines], made.line_sizes[:lines]
    return made


@kernel
def _slot(table, key, mask):
    """Where `key` stands in a table of 2 ** n slots (`mask` one less), or the free slot it belongs in."""
    slot = np.int64(key >> _SHIFT) & mask
    while table[slot] != 0 and table[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def _find_repeated(keys, ends, repeated):
    longest = begin = 0
    for stop in ends:
        longest = max(longest, stop - begin)
        begin = stop
    bits = 1
    while 1 << bits < 2 * longest:
        bits += 1
    table = np.empty(1 << bits, dtype=np.uint64)
    begin = 0
    for stop in ends:
        bits = 1
        while 1 << bits < 2 * (stop - begin):
            bits += 1
        mask = (1 << bits) - 1
        table[: mask + 1] = 0
        for i in range(begin, stop):
            key = keys[i] | _ONE
            slot = _slot(table, key, mask)
            repeated[i] = table[slot] == key
            table[slot] = key
        begin = stop


def repeated_lines(measured: Measured) -> np.ndarray:
    """bool (L,): True for a line whose words stood in an earlier line of its document."""
    repeated = np.empty(len(measured.lines), dtype=np.bool_)
    _find_repeated(measured.lines, measured.line_ends, repeated)
    return repeated


@kernel
def _weigh_ngrams(words, sizes, ends, tested, top_limits, duplicate_limits, verdicts):
    longest = begin = 0
    for document in range(len(ends)):
        if tested[document]:
            longest = max(longest, ends[document] - begin)
        begin = ends[document]
    table_bits = 1
    while 1 << table_bits < 2 * longest:
        table_bits += 1
    table = np.empty(1 << table_bits, dtype=np.uint64)
    weights = np.empty(1 << table_bits if len(top_limits) else 0, dtype=np.int64)
    grams = np.empty(longest, dtype=np.uint64)
    before = np.zeros(longest + 1, dtype=np.int64)
    bounds = np.empty(1 << _BOUNDS_BITS, dtype=np.int64)
    bounds_shift = np.uint64(64 - _BOUNDS_BITS)
    for document in range(len(ends)):
        verdicts[document] = 0
        if not tested[document]:
            continue
        begin = ends[document - 1] if document else 0
        count = ends[document] - begin
        # Characters before each word, and the hash of the n-gram that begins with it: n = 1 at first.
        for i in range(count):
            before[i + 1] = before[i] + sizes[begin + i]
            grams[i] = words[begin + i]
        total = before[count]
        bits = 1
        while 1 << bits < 2 * count:
            bits += 1
        mask = (1 << bits) - 1
        for n in range(2, 5 + len(duplicate_limits)):
            if n > count or (n >= 5 and verdicts[document]):
                break
            for i in range(count - n + 1):
                mixed = (grams[i] ^ (grams[i] >> _SHIFT)) * _WORD
                grams[i] = (mixed ^ words[begin + i + n - 1]) * _MIX
            if n < 5:
                if n - 2 >= len(top_limits) or verdicts[document]:
                    continue
                limit = top_limits[n - 2]
                # No n-gram weighs more than all that share its bound: nearly always the exact sums are not needed.
                bounds[:] = 0
                for i in range(count - n + 1):
                    bounds[np.int64(grams[i] >> bounds_shift)] += before[i + n] - before[i]
                if min(1.0, bounds.max() / total) <= limit:
                    continue
                table[: mask + 1] = 0
                most = 0
                for i in range(count - n + 1):
                    key = grams[i] | _ONE
                    slot = _slot(table, key, mask)
                    if table[slot] == key:
                        weights[slot] += before[i + n] - before[i]
                        most = max(most, weights[slot])
                    else:
                        table[slot], weights[slot] = key, before[i + n] - before[i]
                if min(1.0, most / total) > limit:
                    verdicts[document] = 1
                continue
            table[: mask + 1] = 0
            covered = covered_to = 0
            for i in range(count - n + 1):
                key = grams[i] | _ONE
                slot = _slot(table, key, mask)
                if table[slot] == key:
                    covered += before[i + n] - before[max(i, covered_to)]
                    covered_to = i + n
                table[slot] = key
            if covered / total > duplicate_limits[n - 5]:
                verdicts[document] = 2
                break
            # A longer n-gram that stood earlier is made of shorter ones that did: it can cover no more than they.
            if covered / total <= duplicate_limits[n - 5 :].min():
                break


def repeated_ngrams(
    measured: Measured, tested: np.ndarray, top_limits: Sequence[float], duplicate_limits: Sequence[float]
) -> np.ndarray:
    """int64 (D,): 1 where `top_ngram_share` is above its limit for an n, else 2 where `duplicate_ngram_share` is, or 0.

    `top_limits`: for n = 2, 3, 4, as many as are given; `duplicate_limits`: for n = 5 and on. `tested`: bool (D,), the
    documents to look at.
    """
    verdicts = np.empty(len(measured.word_ends), dtype=np.int64)
    limits = np.array(top_limits, dtype=np.float64), np.array(duplicate_limits, dtype=np.float64)
    _weigh_ngrams(measured.words, measured.word_sizes, measured.word_ends, tested, *limits, verdicts)
    return verdicts
