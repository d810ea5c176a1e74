"""Long documents cut so that their pieces fill rows, compiled; `plain_filling` is what it is proved equal to."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel


@kernel
def _best(opened, width, position, upcoming, firsts, bounds, gap, least, barred):
    """(slot, length, room left) of the piece that leaves the least of `gap`; slot -1 where none fits.

    Not of the document `barred`; nor a piece that leaves fewer than `least` tokens of its document.
    """
    slot, best, left = -1, 0, gap
    for number in range(width):
        document = opened[number]
        if document == barred:
            continue
        start, size = position[document], bounds[firsts[document + 1] - 1]
        for bound in range(upcoming[document], firsts[document + 1]):
            length = bounds[bound] - start
            if length >= gap:
                break
            rest = size - bounds[bound]
            if length >= least and (rest == 0 or rest >= least) and gap - length - 1 < left:
                slot, best, left = number, length, gap - length - 1
        if left == 0:
            break
    return slot, best, left


@kernel
def _first_piece(opened, width, position, upcoming, firsts, bounds, capacity, least):
    """How long the piece of the first open document is that begins a row."""
    document = opened[0]
    start, size = position[document], bounds[firsts[document + 1] - 1]
    if size - start < capacity:
        return size - start
    best, left, longest = -1, capacity, -1
    for bound in range(upcoming[document], firsts[document + 1]):
        length = bounds[bound] - start
        if length >= capacity:
            break
        if length < least or size - bounds[bound] < least:
            continue
        longest = length
        if length < capacity - capacity // 8:
            continue
        gap = capacity - length - 1
        beside = gap
        if gap > capacity // 128:
            beside = _best(opened, width, position, upcoming, firsts, bounds, gap, least, document)[2]
        if gap <= capacity // 128 or beside <= left:
            best, left = length, min(beside, gap)
            if gap <= capacity // 128:
                left = 0
    if best >= 0:
        return best
    return longest if longest >= 0 else min(capacity - 1, size - start - least)


@kernel
def fill(room, capacity, firsts, bounds, queue, least, widest, made):
    """Cut documents, the ones of `queue` int64 in its order, into pieces that fill rows; (pieces, rows).

    room (R,) int64: of the rows there are; more are begun, of `capacity` tokens. A piece takes one token more than it
    has, and has at least `least`. Document d may be cut after bounds[firsts[d]:firsts[d + 1]] of its tokens, its size
    the last. Piece i is made[i]: document, first token, length, row; int64 (M, 4), with room for all.

    Up to `widest` documents are open at a time, each read from its beginning to its end. First the rows that are there
    are filled, each with the piece of any open document that leaves the least room, again and again. Then a row at a
    time is begun with an open document, each in turn: a piece that ends in the last eighth of it, and beside it a piece
    of another that leaves the least room, of several such pairs the one with the longer first piece. One that leaves
    less than 1/128 of the row stands alone. Where none ends in the last eighth it is as long as it can be, and as long
    as the row where it may not be cut before.
    """
    position = np.zeros(len(firsts) - 1, np.int64)  # tokens of each document that are in rows
    upcoming = firsts[:-1].copy()  # its first bound after them
    opened, pieces = np.empty(widest, np.int64), 0
    width = min(widest, len(queue))
    for slot in range(width):
        opened[slot] = queue[slot]
    waiting = width
    row = 0
    while width > 0:
        barred = -1  # the open document that has a piece in this row already
        begins = row >= len(room)
        gap = capacity if begins else room[row]
        if begins:  # each in turn: one that fits no gap for long must not stand in the way
            turn = row % width
            opened[0], opened[turn] = opened[turn], opened[0]
        while width > 0:
            slot, length = -1, 0
            if begins:
                slot, length = 0, _first_piece(opened, width, position, upcoming, firsts, bounds, capacity, least)
                begins = False
            elif gap > least:
                slot, length, _ = _best(opened, width, position, upcoming, firsts, bounds, gap, least, barred)
            if slot < 0:
                break
            document = opened[slot]
            made[pieces, 0], made[pieces, 1] = document, position[document]
            made[pieces, 2], made[pieces, 3] = length, row
            pieces += 1
            gap -= length + 1
            position[document] += length
            last = firsts[document + 1] - 1
            if position[document] == bounds[last]:
                if waiting < len(queue):
                    opened[slot] = queue[waiting]
                    waiting += 1
                else:
                    width -= 1
                    opened[slot] = opened[width]
            else:
                if gap + length + 1 == capacity:
                    barred = document
                while bounds[upcoming[document]] <= position[document]:
                    upcoming[document] += 1
        row += 1
    return pieces, max(row, len(room))
