"""Finding documents in text that is laid out as the stages write it, and proving that it is. Compiled."""

from __future__ import annotations

from fairseq_hebrew.stage.kernels import kernel


@kernel
def find_documents(text, ends):
    """Where documents end (after their blank line), into int64 `ends`; their number, or -1 if the layout is not ours.

    Ours is: valid UTF-8, a document is one or more lines that are not blank, and one empty line after each. No
    carriage return before a line end, no white space in a blank line, no second blank line. `ends` has room for every
    empty line.
    """
    count = 0
    start = 0  # of the line
    white = True  # nothing but white space in the line so far
    after_blank = True
    position = 0
    size = len(text)
    while position < size:
        byte = text[position]
        if byte == 10:
            if position == start:
                if after_blank:
                    return -1
                ends[count] = position + 1
                count += 1
                after_blank = True
            elif white or text[position - 1] == 13:
                return -1
            else:
                after_blank = False
            position += 1
            start = position
            white = True
            continue
        if byte < 0x80:
            if not (byte == 32 or 9 <= byte <= 13):
                white = False
            position += 1
            continue
        white = False
        # UTF-8 as the Unicode Standard's table 3-7 has it: no overlong form, no surrogate, nothing above U+10FFFF.
        low, high = 0x80, 0xBF
        if 0xC2 <= byte <= 0xDF:
            length = 2
        elif 0xE0 <= byte <= 0xEF:
            length = 3
            if byte == 0xE0:
                low = 0xA0
            elif byte == 0xED:
                high = 0x9F
        elif 0xF0 <= byte <= 0xF4:
            length = 4
            if byte == 0xF0:
                low = 0x90
            elif byte == 0xF4:
                high = 0x8F
        else:
            return -1
        if position + length > size or not low <= text[position + 1] <= high:
            return -1
        for follower in range(2, length):
            if text[position + follower] & 0xC0 != 0x80:
                return -1
        position += length
    return count if start == size and after_blank else -1
