"""The kernels of `pretokenize`: the pre-tokenizers' patterns as loops over UTF-8 bytes."""

from __future__ import annotations

import numpy as np

from ..stage.kernels import kernel

LETTER, NUMBER, SPACE, MARK = 1, 2, 3, 4
CLASS, HEBREW_LETTER, POINT = 7, 8, 16
BLANK, APOSTROPHE, QUOTE = 0x20, 0x27, 0x22
GERESH, GERSHAYIM = 0x05F3, 0x05F4


@kernel
def _length(byte):
    """Bytes of the character that begins with this one."""
    if byte < 0x80:
        return 1
    if byte < 0xE0:
        return 2
    return 3 if byte < 0xF0 else 4


@kernel
def _code_point(data, i):
    byte = np.int64(data[i])
    if byte < 0x80:
        return byte
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | np.int64(data[i + 1]) & 0x3F
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | np.int64(data[i + 2]) & 0x3F
    return (
        (byte & 0x07) << 18
        | (np.int64(data[i + 1]) & 0x3F) << 12
        | (np.int64(data[i + 2]) & 0x3F) << 6
        | np.int64(data[i + 3]) & 0x3F
    )


@kernel
def _contraction(data, i, end):
    """The end of an English contraction ('s 't 're 've 'm 'll 'd) at i, or i where there is none."""
    if i + 1 >= end or data[i] != APOSTROPHE:
        return i
    first = data[i + 1]
    if first == ord("s") or first == ord("t") or first == ord("m") or first == ord("d"):
        return i + 2
    if i + 2 < end:
        second = data[i + 2]
        if (first == ord("r") or first == ord("v")) and second == ord("e"):
            return i + 3
        if first == ord("l") and second == ord("l"):
            return i + 3
    return i


@kernel
def _short_ending(data, i, end, table):
    """Whether one to three Hebrew letters with their points stand at i, and no letter or mark after them."""
    letters = 0
    while i < end:
        found = table[_code_point(data, i)]
        if found & HEBREW_LETTER:
            letters += 1
        elif not (found & POINT and letters):
            break
        i += _length(data[i])
    if letters < 1 or letters > 3:
        return False
    return i >= end or not _letter_or_mark(table[_code_point(data, i)])


@kernel
def _letter_or_mark(found):
    return found & CLASS == LETTER or found & CLASS == MARK


@kernel
def _hebrew_word(data, i, end, table):
    """The end of the word that begins at i, a letter or a mark."""
    last = np.uint8(0)
    while i < end:
        point = _code_point(data, i)
        found = table[point]
        size = _length(data[i])
        if _letter_or_mark(found):
            last = found
            i += size
            continue
        if not last & (HEBREW_LETTER | POINT):
            break
        after = i + size
        if point in (QUOTE, GERSHAYIM):
            if not _short_ending(data, after, end, table):
                break
            i = after
        elif point in (APOSTROPHE, GERESH):
            if after >= end:
                return after
            follows = _code_point(data, after)
            if table[follows] & HEBREW_LETTER:
                i = after
            elif follows in (APOSTROPHE, GERESH) or _letter_or_mark(table[follows]):
                break
            else:
                return after
        else:
            break
        # The mark was followed by a letter, which the next round takes.
        last = np.uint8(0)
    return i


@kernel
def _word_end(data, start, end, table, hebrew):
    """The end of the word at `start` in a line that ends at `end`."""
    i = _contraction(data, start, end)
    if i > start:
        return i
    if data[start] == BLANK and start + 1 < end:
        i = start + 1
    found = table[_code_point(data, i)] & CLASS
    if found == SPACE:
        # White space up to the last character of it, which goes with the word that follows, if it is a blank.
        i = previous = start
        while i < end and table[_code_point(data, i)] & CLASS == SPACE:
            previous = i
            i += _length(data[i])
        return i if i >= end or previous == start else previous
    if hebrew and (found in (LETTER, MARK)):
        return _hebrew_word(data, i, end, table)
    # A mark is one of the other characters to GPT-2's pattern; to the Hebrew one it never comes here.
    other = found != LETTER and found != NUMBER
    while i < end:
        follows = table[_code_point(data, i)] & CLASS
        if follows != found and not (other and (follows == 0 or (follows == MARK and not hebrew))):
            break
        i += _length(data[i])
    return i


@kernel
def find_words(data, starts, ends, table, hebrew):
    """See `pretokenize.words`."""
    total = np.int64(0)
    for line in range(len(starts)):
        total += ends[line] - starts[line]
    word_starts = np.empty(total, np.int64)
    word_ends = np.empty(total, np.int64)
    first = np.zeros(len(starts) + 1, np.int64)
    count = 0
    for line in range(len(starts)):
        position, end = starts[line], ends[line]
        while position < end:
            word_starts[count] = position
            position = _word_end(data, position, end, table, hebrew)
            word_ends[count] = position
            count += 1
        first[line + 1] = count
    return word_starts[:count].copy(), word_ends[:count].copy(), first
