"""Best-fit packing, compiled; `packing.pack_plainly` is what it is proved equal to."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

BLOCK = 64


@kernel
def best_fit(sizes, capacity, row_of):
    """Fill `row_of` (D,) int for documents of `sizes` (D,) int from 1 to `capacity`; the number of rows.

    Rows that have equally much room are a stack: `top` of a room is the one that came to it last, `below` the one under
    a row; `waiting` counts the rows of BLOCK rooms together. Sizes go down, so the room found for one document tells
    where to look for the next of its size: all below it had no row, and has none but what was left of this one.
    """
    count = np.zeros(capacity + 1, np.int64)
    for size in sizes:
        count[size] += 1
    place, at = np.zeros(capacity + 1, np.int64), 0
    for size in range(capacity, 0, -1):
        place[size] = at
        at += count[size]
    order = np.empty(len(sizes), np.int64)  # the largest first, of one size as they come
    for document, size in enumerate(sizes):
        order[place[size]] = document
        place[size] += 1
    top = np.full(capacity + 1, -1, np.int64)
    below = np.empty(len(sizes), np.int64)
    waiting = np.zeros(capacity // BLOCK + 1, np.int64)
    rows, room, before = 0, 0, 0
    for document in order:
        size = np.int64(sizes[document])
        if size != before:
            room, before = size, size
        while room <= capacity and top[room] < 0:
            room += BLOCK if room % BLOCK == 0 and not waiting[room // BLOCK] else 1
        if room <= capacity:
            row = top[room]
            top[room] = below[row]
            waiting[room // BLOCK] -= 1
        else:
            row, room = rows, capacity
            rows += 1
        row_of[document] = row
        left = room - size
        below[row] = top[left]
        top[left] = row
        waiting[left // BLOCK] += 1
        if left >= size:
            room = left
    return rows


@kernel
def by_row(row_of, begins, order):
    """Documents by their rows: `order` (D,) int, of one row as they come; row r's are begins[r] to begins[r + 1].

    `begins` (R + 1,) int64 is zero when it is given.
    """
    for row in row_of:
        begins[row + 1] += 1
    for row in range(len(begins) - 1):
        begins[row + 1] += begins[row]
    place = begins[:-1].copy()
    for document, row in enumerate(row_of):
        order[place[row]] = document
        place[row] += 1
