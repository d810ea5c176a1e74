"""The words of `words` over the pieces of a tokenizer, as a kernel that reads each piece once.

A piece of whole characters is known by its first two and last two classes. A piece that cuts through a character is
read byte by byte: what the character is shows when its last byte is there.
"""

from __future__ import annotations

from ..stage.kernels import kernel

# Those of `words`, and PARTIAL for the first class of a piece that cuts through a character.
NONE, OTHER, SPACE, QUOTE, DOUBLE_QUOTE, DECIMAL, LETTER, HEBREW, NUMBER, PARTIAL = range(10)


@kernel
def _held(before, sign, after):
    """Whether a sign that may stand inside a word does, between characters of these classes."""
    if sign == QUOTE:
        return before in (LETTER, HEBREW) and after in (LETTER, HEBREW)
    if sign == DOUBLE_QUOTE:
        return before == HEBREW and after == HEBREW
    return before == NUMBER and after == NUMBER


@kernel
def _step(joined, front, before, left, waiting, found):
    """Go on to a character of class `found`, the first of the piece `front`; -1: not the first of one.

    `before` and `left` are the classes of the two characters before it; `waiting` is the piece that begins with `left`
    and belongs to the word before it if this character lets it; -1: none. Returns all three for the next character.
    """
    if waiting >= 0:
        joined[waiting] = _held(before, left, found)
        waiting = -1
    if front >= 0:
        if left >= LETTER:
            if found >= LETTER or (found == QUOTE and left == HEBREW):
                joined[front] = True
            elif found >= QUOTE:
                waiting = front
        elif left >= QUOTE:
            joined[front] = _held(before, left, found)
    return left, found, waiting


@kernel
def _class_of(point, size, table):
    """The class of a code point that took so many bytes; those that no valid text has are letters."""
    if point > 0x10FFFF or (size == 3 and point < 0x800) or (size == 4 and point < 0x10000):
        return LETTER
    return table[point]


@kernel
def find_joined(tokens, ends, edges, data, offsets, table, joined):
    """Set `joined[i]`, bool (N,), False before, where the piece tokens[i] belongs to the word of the piece before it.

    tokens int64 (N,), ids below len(edges); ends int64 (D,), where each document ends. Of each id: edges uint8 (V, 4),
    the classes of its first, second, last but one and last character (NONE where it has one; all NONE where it has no
    text), and bytes data[offsets[id]:offsets[id + 1]], uint8. table: `word_classes`.
    """
    begin = 0
    for document in range(len(ends)):
        before = left = NONE
        waiting = -1
        # A character of which bytes are still to come: how many, all of them, what is there, and whose first it is.
        missing = size = point = 0
        owner = -1
        for i in range(begin, ends[document]):
            token = tokens[i]
            first = edges[token, 0]
            if first != PARTIAL:
                if missing:
                    before, left, waiting = _step(joined, owner, before, left, waiting, LETTER)
                    missing = 0
                if first == NONE:
                    before = left = NONE
                    waiting = -1
                    continue
                before, left, waiting = _step(joined, i, before, left, waiting, first)
                second = edges[token, 1]
                if second != NONE:
                    if waiting >= 0:
                        joined[waiting] = _held(before, left, second)
                        waiting = -1
                    before, left = edges[token, 2], edges[token, 3]
                continue
            for j in range(offsets[token], offsets[token + 1]):
                byte = data[j]
                front = i if j == offsets[token] else -1
                if missing:
                    if byte & 0xC0 == 0x80:
                        if front >= 0:
                            joined[front] = True
                        point = point << 6 | byte & 0x3F
                        missing -= 1
                        if not missing:
                            found = _class_of(point, size, table)
                            before, left, waiting = _step(joined, owner, before, left, waiting, found)
                        continue
                    before, left, waiting = _step(joined, owner, before, left, waiting, LETTER)
                    missing = 0
                if byte < 0x80:
                    before, left, waiting = _step(joined, front, before, left, waiting, table[byte])
                elif byte < 0xC2 or byte > 0xF4:
                    before, left, waiting = _step(joined, front, before, left, waiting, LETTER)
                else:
                    size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                    missing = size - 1
                    point = byte & (0x7F >> size)
                    owner = front
        if missing:
            _step(joined, owner, before, left, waiting, LETTER)
        begin = ends[document]
