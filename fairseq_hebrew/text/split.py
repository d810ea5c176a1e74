"""The words of a running text with their places: what tagged words are made of where a file has none.

White space parts words and belongs to none. A word of running text (text/words.py: prefixes, points, gershayim, geresh
stay in it) is one. Any other sign is a word of its own, so that punctuation never joins a name; a run of one and the
same sign ("...") is one word, and what modifies a sign (a joiner and what it joins, a variation selector, a colour of
skin) stays with it.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from .words import inside

JOINER = "\u200d"
_SKIN = range(0x1F3FB, 0x1F400)


def split_words(text: str) -> list[tuple[int, int]]:
    """The half-open ranges of characters (code points) of the words, in order."""
    if not text:
        return []
    same = inside(text)
    begins = [0, *(i for i in range(1, len(text)) if not same[i] and not _with_the_one_before(text, i)), len(text)]
    return [(begin, end) for begin, end in pairwise(begins) if not text[begin].isspace()]


def _with_the_one_before(text: str, i: int) -> bool:
    """Whether the character, which is not inside a word, belongs to what stands before it."""
    before, sign = text[i - 1], text[i]
    if sign.isspace() or before.isspace():
        return sign.isspace() and before.isspace()
    if ord(sign) in _SKIN or unicodedata.category(sign) in ("Mn", "Me", "Cf") or before == JOINER:
        return True
    return sign == before and not sign.isalnum()
