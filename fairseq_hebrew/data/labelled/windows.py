"""A sentence that is longer than a sample, in windows that share context: each word belongs to one of them."""

from __future__ import annotations

from collections.abc import Sequence


def windows(sizes: Sequence[int], room: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """(first word, one past the last, first own word, one past the last own one) of each window, in order.

    sizes: pieces of each word, none more than `room`, the pieces of a window. A window begins `overlap` words before
    the end of the one before it, or with fewer where the word after these would have no room. A word is the own one of
    the window where it is farthest from the nearer edge; of equals, of the first. Every word is one window's own, and
    the own words of a window follow one another: of two windows, the later wins as soon as a word is nearer to the end
    of the earlier than to the beginning of the later, which stays so for the words after it.
    """
    spans: list[tuple[int, int]] = []
    first = last = 0
    while not spans or last < len(sizes):
        if spans:
            first = max(first + 1, last - overlap)
            while sum(sizes[first : last + 1]) > room:
                first += 1
        filled = sum(sizes[first:last])
        while last < len(sizes) and filled + sizes[last] <= room:
            filled += sizes[last]
            last += 1
        spans.append((first, last))
    own: list[list[int]] = [[] for _ in spans]
    earliest = 0
    for word in range(len(sizes)):
        while spans[earliest][1] <= word:
            earliest += 1
        best, nearest = earliest, -1
        for i in range(earliest, len(spans)):
            begin, end = spans[i]
            if begin > word:
                break
            near = min(word - begin, end - 1 - word)
            if near > nearest:
                best, nearest = i, near
        own[best].append(word)
    # One in which no word is farther from the edges than in the others is of no use; that of no word at all is.
    made = [(*span, its[0], its[-1] + 1) for span, its in zip(spans, own) if its]
    return made or [(0, 0, 0, 0)]
