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
def cuts(tokens, shift, starts, lengths, ends, eos, firsts, found):
    """After how many of its tokens each document may be cut, its length the last of them; how many there are.

    `tokens` (T,) int are ids plus `shift`; `starts` and `lengths` (D,) int64 those of the documents. One may be cut
    after an id of `ends` bool (V,) that no `eos` follows. `found`, int64, has room for all; firsts (D + 1,) int64 tells
    where in it each document's begin.
    """
    made = 0
    for document in range(len(starts)):
        firsts[document] = made
        start, length = starts[document], lengths[document]
        following = np.int64(tokens[start]) - shift
        for number in range(1, length):
            last, following = following, np.int64(tokens[start + number]) - shift
            if 0 <= last < len(ends) and ends[last] and following != eos:
                found[made] = number
                made += 1
        found[made] = length
        made += 1
    firsts[len(starts)] = made
    return made
