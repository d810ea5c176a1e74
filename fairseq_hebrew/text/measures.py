"""What tells text worth keeping from other text, in plain Python: kinds of characters, Yiddish, mojibake, repetition.

The two shares of repeated n-grams follow Rae et al. 2021 (MassiveText, arXiv 2112.11446, appendix A.1, table A1).
`fast_measures` counts the same over whole buffers.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from . import characters

# The kinds of characters that are counted; a letter is what `str.isalnum` says without the decimal digits.
OTHER, WHITE, LETTER, HEBREW, LATIN, DIGIT, SYMBOL = range(7)
# A line is mojibake from this many signs of it on, if they are more than a share of it.
LEAST_MOJIBAKE = 3


def kind_of(sign: str) -> int:
    """The kind of a character; OTHER is what is neither letter, digit, symbol nor white space, as points are."""
    if sign.isspace():
        return WHITE
    if "א" <= sign <= "ת":
        return HEBREW
    if sign.isalnum():
        return DIGIT if sign.isdecimal() else LATIN if sign.isascii() else LETTER
    return SYMBOL if unicodedata.category(sign)[0] in "PS" else OTHER


def count_kinds(text: str) -> list[int]:
    """How many characters of each kind `text` has, in the order of the constants."""
    counts = [0] * 7
    for sign, number in Counter(text).items():
        counts[kind_of(sign)] += number
    return counts


def yiddish_share(text: str) -> float:
    """Signs of Yiddish spelling per Hebrew letter, on text before its points are stripped."""
    signs = len(characters.YIDDISH.findall(text))
    words = len(characters.YIDDISH_WORD.findall(text)) if characters.HAS_POINTS.search(text) else 0
    # Pointed Hebrew has such words too (אַל), among many other points; plain Hebrew has one here and there.
    if words >= 3 and words > len(characters.HEBREW_POINT.findall(text)):
        signs += words
    letters = sum(map(len, characters.HEBREW_LETTERS.findall(text))) if signs else 0
    return signs / letters if letters else 0.0


def is_mojibake(line: str, share: float = 0.1) -> bool:
    """Whether a line is Hebrew decoded with the wrong encoding: every letter became two signs, the first a ×.

    `share`: signs of that per character.
    """
    found = len(characters.MOJIBAKE.findall(line))
    return found >= LEAST_MOJIBAKE and found >= share * len(line)


def duplicate_lines(lines: Sequence[str]) -> tuple[float, float]:
    """The share of lines whose words stood in an earlier line, and the share of characters these lines hold."""
    seen: set[tuple[str, ...]] = set()
    repeated = [line for line in lines if (words := tuple(line.split())) in seen or seen.add(words)]
    characters_in = sum(map(len, lines))
    return len(repeated) / max(len(lines), 1), sum(map(len, repeated)) / max(characters_in, 1)


def top_ngram_share(words: Sequence[str], n: int) -> float:
    """The share of characters in the repeated n-gram of words that holds most of them, at most 1; 0 if none repeats.

    White space does not count. Overlapping occurrences count in full.
    """
    counts = Counter(zip(*(words[i:] for i in range(n))))
    most = max((number * sum(map(len, gram)) for gram, number in counts.items() if number > 1), default=0)
    return min(1.0, most / max(sum(map(len, words)), 1))


def duplicate_ngram_share(words: Sequence[str], n: int) -> float:
    """The share of characters in words of n-grams that stood earlier; no word counts twice."""
    seen: set[tuple[str, ...]] = set()
    covered = set()
    for start, gram in enumerate(zip(*(words[i:] for i in range(n)))):
        if gram in seen:
            covered.update(range(start, start + n))
        seen.add(gram)
    return sum(len(words[position]) for position in covered) / max(sum(map(len, words)), 1)
