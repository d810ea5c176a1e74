"""Kernels over blocks of text: check that it is UTF-8, find its documents, copy documents in another order.

Positions that index arrays in inner loops are uint64: a signed one may be negative, and the test for it would cost
the vector instructions.
"""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel


@kernel
def last_break(text, begin, end, by_line):
    """The position after the last line end (`by_line`) or the last blank line of `text[begin:end]`; `begin`: none.

    A blank line counts when its own line end stands there too; it may hold the white space of ASCII.
    """
    below = -1  # the line end under the one looked for, while all between them is white
    for i in range(end - 1, begin - 1, -1):
        byte = text[i]
        if byte == 10:
            if by_line:
                return i + 1
            if below >= 0:
                return below + 1
            below = i
        elif not (byte == 32 or (byte >= 9 and byte <= 13)):
            below = -1
    return begin


@kernel
def find_documents(words, text, begin, end, by_line, starts, sizes):
    """Find the documents of `text[begin:end]`, which ends with a line end; (documents, is it UTF-8 without `\\r`).

    `words` (uint64) is the whole of `text` (uint8), eight bytes at a time. `starts` and `sizes` (int64) are filled:
    a document runs over lines that are not blank, its last line end included; with `by_line` it is each such line.
    The documents are -1 where there are more than these arrays hold. Eight bytes are checked at once: which are
    leads of sequences of two, three or four bytes, hence where continuations must stand, and that they stand nowhere
    else.
    """
    zero, one = np.uint64(0), np.uint64(1)
    ones, high, low = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x7F7F7F7F7F7F7F7F)
    ends, returns = np.uint64(0x0A0A0A0A0A0A0A0A), np.uint64(0x0D0D0D0D0D0D0D0D)
    u2, u3, u4, u5, u6 = np.uint64(2), np.uint64(3), np.uint64(4), np.uint64(5), np.uint64(6)
    u8, u16, u24, u40, u48, u56 = (
        np.uint64(8),
        np.uint64(16),
        np.uint64(24),
        np.uint64(40),
        np.uint64(48),
        np.uint64(56),
    )
    wrong = two = three = four = zero
    found, start, opened = 0, begin, -1
    first, last = np.uint64(begin // 8), np.uint64((end - 1) // 8)
    for w in range(first, last + one):
        word = words[w]
        # What stands before and after the text is none of its business.
        if w == first:
            word &= ~zero << np.uint64(begin % 8 * 8)
        if w == last:
            word &= ~zero >> np.uint64(56 - (end - 1) % 8 * 8)
        # UTF-8: the highest bit of each byte stands for it.
        owed = (two >> u56) | (three >> u48) | (four >> u40)
        bit6, bit5 = word << one, word << u2
        two = word & bit6 & high  # 11......: sequences of two bytes or more
        three = two & bit5
        four = three & (word << u3)
        wrong |= (owed | (two << u8) | (three << u16) | (four << u24)) ^ (word & ~bit6 & high)
        wrong |= two & ~(bit5 | (word << u3) | (word << u4) | (word << u5) | (word << u6))  # C0, C1
        if three != zero:
            for i in range(w * u8, w * u8 + u8):
                byte = text[i]
                if byte >= 0xE0 and i >= np.uint64(begin) and i < np.uint64(end):
                    after = text[i + one]
                    # Too long, surrogates, beyond U+10FFFF.
                    if (
                        (byte == 0xE0 and after < 0xA0)
                        or (byte == 0xED and after >= 0xA0)
                        or (byte == 0xF0 and after < 0x90)
                        or (byte == 0xF4 and after >= 0x90)
                        or byte > 0xF4
                    ):
                        wrong |= high
        mask = word ^ returns
        wrong |= (mask - ones) & ~mask & high
        # Line ends: the bytes that are zero after the exclusive or.
        mask = word ^ ends
        mask = ~(((mask & low) + low) | mask | low)
        if mask == zero:
            continue
        for j in range(8):
            if (mask >> np.uint64(8 * j + 7)) & one == zero:
                continue
            line_end = np.int64(w) * 8 + j
            i = start
            while i < line_end and (text[i] == 32 or (text[i] >= 9 and text[i] <= 13)):
                i += 1
            # The document after the last line end needs a place, too.
            if found + 1 >= len(starts):
                return -1, wrong == zero
            if i < line_end:
                if by_line:
                    starts[found], sizes[found] = start, line_end + 1 - start
                    found += 1
                elif opened < 0:
                    opened = start
            elif opened >= 0:
                starts[found], sizes[found] = opened, start - opened
                found += 1
                opened = -1
            start = line_end + 1
    if opened >= 0:
        starts[found], sizes[found] = opened, start - opened
        found += 1
    return found, wrong == zero


@kernel
def copy_documents(text, starts, sizes, out):
    """Copy documents, each with a line end after it, one behind the other; the bytes written."""
    one, at = np.uint64(1), np.uint64(0)
    for k in range(len(starts)):
        start, size = np.uint64(starts[k]), np.uint64(sizes[k])
        for i in range(size):
            out[at + i] = text[start + i]
        at += size
        out[at] = 10
        at += one
    return at


@kernel
def count_words(text, starts, sizes, counts):
    """Fill `counts` (int64) with the words of each document: what stands between the white space of ASCII."""
    for k in range(len(starts)):
        words = 0
        inside = False
        for i in range(np.uint64(starts[k]), np.uint64(starts[k] + sizes[k])):
            byte = text[i]
            letter = byte > 32 or byte < 9 or (byte > 13 and byte < 32)
            words += letter and not inside
            inside = letter
        counts[k] = words
