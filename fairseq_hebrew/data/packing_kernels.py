"""Packing, compiled; `plain_packing` is what it is proved equal to."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

BLOCK = 64


@kernel
def _by_size(sizes, capacity):
    """(documents (D,) int64, the largest first, of one size as they come; where in it each size begins; how many)."""
    count = np.zeros(capacity + 1, np.int64)
    for size in sizes:
        count[size] += 1
    begins, at = np.zeros(capacity + 1, np.int64), 0
    for size in range(capacity, 0, -1):
        begins[size] = at
        at += count[size]
    place, order = begins.copy(), np.empty(len(sizes), np.int64)
    for document, size in enumerate(sizes):
        order[place[size]] = document
        place[size] += 1
    return order, begins, count


@kernel
def best_fit(sizes, capacity, row_of):
    """Fill `row_of` (D,) int for documents of `sizes` (D,) int from 1 to `capacity`; the number of rows.

    Rows that have equally much room are a stack: `top` of a room is the one that came to it last, `below` the one under
    a row; `waiting` counts the rows of BLOCK rooms together. Sizes go down, so the room found for one document tells
    where to look for the next of its size: all below it had no row, and has none but what was left of this one.
    """
    order = _by_size(sizes, capacity)[0]
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
def _three(nearest, count, gap, steps):
    """The sizes of up to three documents, 0 for none, that leave the least of `gap`; of several the first that are met.

    nearest (capacity + 1,): the largest size up to each that is there, `count` how often. Pairs are tried with the
    larger one as large as can be first, at most `steps` of them.
    """
    least, first, second, third = gap, 0, 0, 0
    a = nearest[gap]
    while a > 0 and least > 0 and steps > 0:
        if gap - a < least:
            least, first, second, third = gap - a, a, 0, 0
        b = nearest[min(a, gap - a)]
        if b == a and count[a] < 2:
            b = nearest[a - 1]
        while b > 0 and least > 0 and steps > 0:
            left = gap - a - b
            if left < least:
                least, first, second, third = left, a, b, 0
            c = nearest[min(b, left)]
            if c == b and count[b] < (3 if a == b else 2):
                c = nearest[b - 1]
            if c > 0 and left - c < least:
                least, first, second, third = left - c, a, b, c
            b = nearest[b - 1]
            steps -= 1
        a = nearest[a - 1]
    return first, second, third


@kernel
def exact_fit(sizes, capacity, row_of):
    """As `best_fit`, a row after the other: the largest document there is, then again the largest while more than three
    of its size fit, then up to three that leave the least of the rest, looked for in 4 * capacity steps."""
    order, place, count = _by_size(sizes, capacity)
    nearest, last = np.zeros(capacity + 1, np.int64), 0
    for size in range(1, capacity + 1):
        if count[size]:
            last = size
        nearest[size] = last
    taken = np.empty(3, np.int64)
    rows, done = 0, 0
    while done < len(sizes):
        gap = capacity
        while nearest[gap] > 0:
            taken[0], taken[1], taken[2] = nearest[gap], 0, 0
            if gap < capacity and gap <= 3 * nearest[gap]:
                taken[0], taken[1], taken[2] = _three(nearest, count, gap, 4 * capacity)
            for size in taken:
                if size == 0:
                    break
                row_of[order[place[size]]] = rows
                place[size] += 1
                count[size] -= 1
                done += 1
                gap -= size
                above = size
                while count[size] == 0 and above <= capacity and nearest[above] == size:
                    nearest[above] = nearest[size - 1]
                    above += 1
        rows += 1
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
