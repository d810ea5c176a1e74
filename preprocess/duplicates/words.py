"""What a word is to the search for duplicates, as a table of characters.

A word is a run of letters and digits. Quotes, apostrophes, gershayim, geresh, points and invisible controls do not
count (`צה"ל`, `צה״ל` and `צהל` are one word, and so are pointed and plain spelling); everything else, white space,
maqaf and punctuation, separates. A to Z count as a to z.
"""

from __future__ import annotations

import functools
import unicodedata

import numpy as np

SEPARATES, SILENT, LETTER = 0, 1, 2
# Quotes and apostrophes, straight, typographic and Hebrew, and the primes that stand for them.
QUOTES = "\"'`´\u05f3\u05f4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2034"
# Characters above U+FFFF are not in the table: they are letters.
TABLED = 1 << 16


@functools.cache
def classes() -> np.ndarray:
    """uint8 [65536]: SEPARATES, SILENT or LETTER for each character of the basic plane."""
    table = np.zeros(TABLED, dtype=np.uint8)
    for code in range(TABLED):
        kind = unicodedata.category(chr(code))
        if kind[0] in "LN" or kind == "Mc":
            table[code] = LETTER
        elif kind in ("Mn", "Me", "Cf"):
            table[code] = SILENT
    table[[ord(sign) for sign in QUOTES]] = SILENT
    return table


def split_words(text: str) -> list[str]:
    """The words of a text, as the kernels see them: in small letters and without silent characters."""
    table = classes()
    words, word = [], ""
    for sign in text:
        kind = table[ord(sign)] if ord(sign) < TABLED else LETTER
        if kind == LETTER:
            word += sign.lower() if sign.isascii() else sign
        elif kind == SEPARATES:
            words.append(word)
            word = ""
    return [found for found in [*words, word] if found]
