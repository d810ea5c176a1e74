"""Packing, in the plainest way: what `packing_kernels` is proved equal to."""

from __future__ import annotations


def best_fit_plainly(sizes: list[int], capacity: int) -> tuple[list[int], int]:
    """(rows of the documents, number of rows): each where the least room is left, there where it came to be last."""
    row_of = [-1] * len(sizes)
    rooms: list[int] = []  # of each row
    reached: list[int] = []  # when each row came to its room
    for time, document in enumerate(sorted(range(len(sizes)), key=lambda document: -sizes[document])):
        fitting = [row for row, room in enumerate(rooms) if room >= sizes[document]]
        row = min(fitting, key=lambda row: (rooms[row], -reached[row]), default=len(rooms))
        if row == len(rooms):
            rooms.append(capacity)
            reached.append(time)
        row_of[document] = row
        rooms[row] -= sizes[document]
        reached[row] = time
    return row_of, len(rooms)


def exact_fit_plainly(sizes: list[int], capacity: int) -> tuple[list[int], int]:
    """(rows of the documents, number of rows): row after row, the largest and what fills the rest."""
    row_of = [-1] * len(sizes)
    left = sorted(range(len(sizes)), key=lambda document: -sizes[document])
    rows = 0
    while left:
        gap = capacity
        while any(sizes[document] <= gap for document in left):
            there = sorted((sizes[document] for document in left), reverse=True)
            wanted = [next(size for size in there if size <= gap)]
            if gap < capacity and gap <= 3 * wanted[0]:
                wanted = _up_to_three(there, gap, 4 * capacity)
            for size in wanted:
                document = next(document for document in left if sizes[document] == size)
                left.remove(document)
                row_of[document] = rows
                gap -= size
        rows += 1
    return row_of, rows


def _up_to_three(there: list[int], gap: int, steps: int) -> list[int]:
    """Those that leave the least of `gap`, of several the first met."""
    best: list[int] = []
    kinds = sorted(set(there), reverse=True)
    for a in (a for a in kinds if a <= gap):
        if not steps or sum(best) == gap:
            break
        best = max(best, [a], key=sum)
        for b in (b for b in kinds if b <= a and a + b <= gap and there.count(b) > (b == a)):
            if not steps or sum(best) == gap:
                break
            steps -= 1
            best = max(best, [a, b], key=sum)
            thirds = (c for c in kinds if c <= b and a + b + c <= gap and there.count(c) > (c == a) + (c == b))
            best = max(best, [a, b, *list(thirds)[:1]], key=sum)
    return best
