"""Lines of UTF-8 text as kernels: whether it is valid, and where its lines begin and end."""

from __future__ import annotations

import numpy as np

from ..stage.kernels import kernel

NEWLINE, RETURN, BLANK = 10, 13, 32
# Bytes that decide, as numbers of one byte: a wider one would make the loop slower.
_80, _8F, _90, _9F, _A0 = (np.uint8(byte) for byte in (0x80, 0x8F, 0x90, 0x9F, 0xA0))
_C0, _C1, _E0, _ED, _F0, _F4, _F5 = (np.uint8(byte) for byte in (0xC0, 0xC1, 0xE0, 0xED, 0xF0, 0xF4, 0xF5))


@kernel
def _goes_on(data, at, end, least, most):
    """Whether a byte from `least` to `most` stands at a place before `end`."""
    return at < end and least <= data[at] and data[at] <= most


@kernel
def invalid_utf8_at(data, begin, end):
    """Where `data[begin:end]` (uint8) begins to be no UTF-8, as Python's decoder tells it; -1 if it is valid."""
    first, valid = _characters(data, begin, min(begin + 3, end), end)
    if valid and not _any_invalid(data, first, end):
        return -1
    wrong, valid = _characters(data, begin, end, end)
    return -1 if valid else wrong


@kernel
def _any_invalid(data, first, end):
    """Whether bytes are no UTF-8, the three before them being the end of valid text.

    Each byte is looked at by itself with the three before it, which is quicker than character by character: the
    processor takes many at a time.
    """
    wrong = False
    for i in range(first, end):
        byte, before, second, third = data[i], data[i - 1], data[i - 2], data[i - 3]
        wanted = (before >= _C0) | (second >= _E0) | (third >= _F0)
        wrong |= wanted != ((byte & _C0) == _80)
        wrong |= (byte == _C0) | (byte == _C1) | (byte >= _F5)
        wrong |= ((before == _E0) & (byte < _A0)) | ((before == _ED) & (byte > _9F))
        wrong |= ((before == _F0) & (byte < _90)) | ((before == _F4) & (byte > _8F))
    if end > first:
        wrong |= (data[end - 1] >= _C0) | (data[end - 2] >= _E0) | (data[end - 3] >= _F0)
    return wrong


@kernel
def _characters(data, begin, stop, end):
    """Step from character to character up to `stop`: (where that ends, whether all were well-formed).

    The table of well-formed sequences is that of The Unicode Standard, section 3.9 (table 3-7).
    """
    i = begin
    while i < stop:
        byte = data[i]
        if byte < 0x80:
            i += 1
        elif byte < 0xE0:
            if byte < 0xC2 or not _goes_on(data, i + 1, end, 0x80, 0xBF):
                return i, False
            i += 2
        elif byte < 0xF0:
            least, most = (0xA0 if byte == 0xE0 else 0x80), (0x9F if byte == 0xED else 0xBF)
            if not (_goes_on(data, i + 1, end, least, most) and _goes_on(data, i + 2, end, 0x80, 0xBF)):
                return i, False
            i += 3
        else:
            least, most = (0x90 if byte == 0xF0 else 0x80), (0x8F if byte == 0xF4 else 0xBF)
            if byte > 0xF4 or not (
                _goes_on(data, i + 1, end, least, most)
                and _goes_on(data, i + 2, end, 0x80, 0xBF)
                and _goes_on(data, i + 3, end, 0x80, 0xBF)
            ):
                return i, False
            i += 4
    return i, True


@kernel
def find_lines(data, begin, end, starts, ends):
    """Lines of `data[begin:end]` without their ends (`\\n`, and any `\\r` before it) into `starts` and `ends`.

    A line of nothing but ASCII white space is blank: start and end are the same. A run of them is one. Returns how
    many lines there are; `starts` and `ends`, int64, have room for one more than there are `\\n`.
    """
    count = 0
    blank_before = False
    line = begin
    while line < end or (line == begin and count == 0):
        # The line's end, and whether anything else than white space stands before it.
        i = line
        while i < end and data[i] != NEWLINE and (data[i] == BLANK or 9 <= data[i] <= RETURN):
            i += 1
        blank = i >= end or data[i] == NEWLINE
        while i < end and data[i] != NEWLINE:
            i += 1
        following = i + 1
        if not (blank and blank_before):
            while not blank and data[i - 1] == RETURN:
                i -= 1
            starts[count] = line
            ends[count] = line if blank else i
            count += 1
        blank_before = blank
        line = following
    return count
