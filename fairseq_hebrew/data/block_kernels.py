"""Where blocks of whole lines begin and how long they are, compiled."""

from __future__ import annotations

from fairseq_hebrew.stage.kernels import kernel


@kernel
def line_blocks(sizes, room, lines_apart, documents_apart, starts, lengths):
    """Cut lines of `sizes` (N,) int into blocks of at most `room` tokens; (blocks, lines cut, blocks left out).

    As many whole lines as fit, lines_apart: one; documents_apart: none beyond a lone `</s>`, a line of one token, which
    is in no block. What is longer is cut into pieces, a block of one token is left out. `starts` and `lengths`, int64,
    are filled where they have room for all blocks; empty ones: to count.
    """
    made, cut, left_out = 0, 0, 0
    begin, length = 0, 0  # of the block that still grows
    fills = len(starts) > 0
    for number in range(len(sizes) + 1):
        last = number == len(sizes)
        size = 0 if last else sizes[number]
        alone = last or (documents_apart and size == 1)
        if alone or (length > 0 and (lines_apart or length + size > room)):
            if length > room:
                cut += 1
            while length > 0:
                piece = min(length, room)
                if piece > 1:
                    if fills:
                        starts[made] = begin
                        lengths[made] = piece
                    made += 1
                else:
                    left_out += 1
                begin += piece
                length -= piece
        if alone:
            begin += size
        else:
            length += size
    return made, cut, left_out
