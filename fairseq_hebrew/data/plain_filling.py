"""How long documents fill rows, in the plainest way: what `filling_kernels.fill` is proved equal to."""

from __future__ import annotations


class _Open:
    """A document that is read from its beginning to its end; `ends`: after how many tokens it may be cut."""

    def __init__(self, number: int, ends: list[int]):
        self.number, self.ends, self.at = number, ends, 0

    @property
    def left(self) -> int:
        return self.ends[-1] - self.at

    def lengths(self, most: int, least: int) -> list[int]:
        """Of the pieces of at most `most` tokens that may be taken next; shortest first."""
        lengths = [end - self.at for end in self.ends]
        return [n for n in lengths if least <= n <= most and (n == self.left or self.left - n >= least)]


def fill_plainly(
    room: list[int], capacity: int, ends: list[list[int]], queue: list[int], least: int, widest: int
) -> tuple[list[tuple[int, int, int, int]], int]:
    """([(document, first token, length, row)], number of rows)."""
    waiting = [_Open(number, ends[number]) for number in queue]
    opened, waiting = waiting[:widest], waiting[widest:]
    pieces, row = [], 0

    def best(gap: int, but: _Open | None) -> tuple[int, int, int]:
        """(room left, slot, length)."""
        found = [
            (gap - n - 1, slot, n)
            for slot, one in enumerate(opened)
            if one is not but
            for n in one.lengths(gap - 1, least)
        ]
        return min(found, default=(gap, -1, 0))

    def take(slot: int, length: int) -> None:
        one = opened[slot]
        pieces.append((one.number, one.at, length, row))
        one.at += length
        if not one.left and waiting:
            opened[slot] = waiting.pop(0)
        elif not one.left:
            last = opened.pop()
            if slot < len(opened):
                opened[slot] = last

    def first_piece(one: _Open) -> int:
        if one.left < capacity:
            return one.left
        lengths = one.lengths(capacity - 1, least)
        if not lengths:
            return min(capacity - 1, one.left - least)
        late = [n for n in lengths if n >= capacity - capacity // 8]
        alone = [n for n in late if capacity - n - 1 <= capacity // 128]
        if alone:
            return alone[-1]
        return min(late, key=lambda n: (best(capacity - n - 1, one)[0], -n), default=lengths[-1])

    while opened:
        gap, begun = capacity, None
        if row < len(room):
            gap = room[row]
        else:
            turn = row % len(opened)
            opened[0], opened[turn] = opened[turn], opened[0]
            begun, length = opened[0], first_piece(opened[0])
            take(0, length)
            gap -= length + 1
        while opened and gap > least:
            left, slot, length = best(gap, begun)
            if slot < 0:
                break
            take(slot, length)
            gap = left
        row += 1
    return pieces, max(row, len(room))
