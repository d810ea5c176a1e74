"""Where documents begin, how long they are and where long ones are cut, compiled."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel


@kernel
def find(sizes, separated, at, starts, lengths):
    """Documents of the lines of `sizes` (N,) int, the first at token `at`; how many there are.

    separated: a lone `</s>`, a line of one token, ends a document and is in none; otherwise a line is a document.
    `starts` and `lengths`, int64, are filled where they have room for all; empty ones: to count.
    """
    made, length = 0, 0
    fills = len(starts) > 0
    for number in range(len(sizes) + 1):
        last = number == len(sizes)
        size = 0 if last else sizes[number]
        alone = separated and size == 1
        if length > 0 and (last or alone or not separated):
            if fills:
                starts[made] = at
                lengths[made] = length
            made += 1
            at += length
            length = 0
        if alone:
            at += size
        else:
            length += size
    return made


@kernel
def cut(tokens, shift, starts, lengths, room, least, ends, eos, piece_starts, piece_lengths):
    """Cut documents into pieces of at most `room` tokens, one after another; how many there are.

    `tokens` (T,) int are ids plus `shift`, `starts` and `lengths` (D,) int64 those of the documents. A document longer
    than `room` is cut where a sentence ends: after an id of `ends` bool (V,) that no `</s>` follows. Each piece is as
    long as that allows; where no sentence ends beyond its first `least` tokens, it takes all of `room`. At least
    `least` tokens are left to the next piece. 2 * least <= room, or both are 1.
    """
    made = 0
    for document in range(len(starts)):
        start, left = starts[document], lengths[document]
        while left > room:
            most = min(room, left - least)
            size = most
            for tried in range(most, least - 1, -1):
                last, following = np.int64(tokens[start + tried - 1]) - shift, np.int64(tokens[start + tried]) - shift
                if 0 <= last < len(ends) and ends[last] and following != eos:
                    size = tried
                    break
            piece_starts[made] = start
            piece_lengths[made] = size
            made += 1
            start += size
            left -= size
        piece_starts[made] = start
        piece_lengths[made] = left
        made += 1
    return made
