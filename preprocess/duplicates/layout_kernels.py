"""Finding documents in text that is laid out as the stages write it, and proving that it is. Compiled."""

from __future__ import annotations

from fairseq_hebrew.stage.kernels import kernel


@kernel
def find_documents(text, ends):
    """Where documents end (after their blank line), into int64 `ends`; their number, or -1 if the layout is not ours.

    Ours is: a document is one or more lines that are not blank, and one empty line after each. No carriage return
    before a line end, no white space in a blank line, no second blank line. `ends` has room for every empty line.
    """
    count = 0
    start = 0  # of the line
    white = True  # nothing but white space in the line so far
    after_blank = True
    for position in range(len(text)):
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
            start = position + 1
            white = True
        elif not (byte == 32 or 9 <= byte <= 13):
            white = False
    return count if start == len(text) and after_blank else -1
