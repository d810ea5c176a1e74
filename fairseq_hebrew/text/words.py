"""What a word of running text is: the plain rule, character by character.

A word is what stands between white space and punctuation: a run of letters, marks and numbers. A Hebrew word keeps its
prefixes (nothing stands between them) and its points. Four signs that are punctuation elsewhere belong to a word they
stand in (Unicode Standard Annex 29, rules WB6, WB7, WB7a-c, WB11 and WB12): gershayim between Hebrew letters (צה"ל),
geresh or an apostrophe between letters (ג'ירפה, don't), geresh after a Hebrew letter (רח'), point and comma between
digits (1,234.5). Quotation marks and apostrophes count as gershayim and geresh: they are typed for them.
"""

from __future__ import annotations

import functools
import re

import numpy as np

from .characters import BIDI_CONTROLS, GERESH, GERSHAYIM
from .pretokenize import CLASSES, classes, code_points

# Classes of characters; from _LETTER on they are those of words. NONE is no character.
NONE, OTHER, SPACE, QUOTE, DOUBLE_QUOTE, DECIMAL, LETTER, HEBREW, NUMBER = range(9)
# How sentencepiece writes a blank.
BLOCK = "\u2581"
# Takes no room: neither white space nor punctuation. Joiners, and the controls of writing direction.
_WITHIN = "\u00ad\u200c\u200d" + BIDI_CONTROLS
_HEBREW_BLOCKS = ((0x0590, 0x0600), (0xFB1D, 0xFB50))
# One letter a class, in the order of their numbers.
_NAMES = "_OS'\".LHN"
_WORD = re.compile(r"""[LHN](?:[LHN]|(?<=[LH])'(?=[LH])|(?<=H)"(?=H)|(?<=N)\.(?=N))*(?:(?<=H)')?""")


@functools.cache
def word_classes() -> np.ndarray:
    """uint8 (0x110000,): the class of each code point.

    What is no character counts as a letter: the rest of one that was cut in two (surrogates stand for its bytes), and
    the sign U+FFFD for what could not be read.
    """
    unicode = classes() & 7
    table = np.full(len(unicode), OTHER, dtype=np.uint8)
    for name, word_class in (("S", SPACE), ("L", LETTER), ("M", LETTER), ("N", NUMBER)):
        table[unicode == CLASSES[name]] = word_class
    for first, last in _HEBREW_BLOCKS:
        block = table[first:last]
        block[block == LETTER] = HEBREW
    table[0xD800:0xE000] = LETTER
    for signs, word_class in (
        ("'" + GERESH, QUOTE),
        ('"' + GERSHAYIM, DOUBLE_QUOTE),
        (".,", DECIMAL),
        (BLOCK, SPACE),
        (_WITHIN + "\ufffd", LETTER),
    ):
        table[code_points(signs)] = word_class
    return table


def inside(text: str) -> np.ndarray:
    """bool (len(text),): whether a character belongs to the same word as the one before it."""
    table = word_classes()
    found = np.zeros(len(text), dtype=bool)
    for word in _WORD.finditer("".join(_NAMES[table[ord(sign)]] for sign in text)):
        found[word.start() + 1 : word.end()] = True
    return found
