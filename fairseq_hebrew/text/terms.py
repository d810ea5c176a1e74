"""The terms by which words find a text: what an index of words holds, and a query asks it for.

A term is a word of running text (text/words.py) in small letters, without niqqud and punctuation; gershayim and geresh
stay in it, in one writing (צה״ל and צה"ל are one term).
"""

from __future__ import annotations

from .answers import PARTICLES
from .normalize import Normalization, normalize_line
from .split import split_words

_RULES = Normalization()


def terms(text: str, particles: bool = False) -> list[str]:
    """The terms of a text in their order, each as often as it stands there.

    particles: after a word also what is left of it without one-letter particles before it, so that בבית is בבית and
    בית, and finds what בית and הבית find. Two letters at least are left. Only letters are looked at: כלב is לב too.
    """
    line = normalize_line(text, _RULES).lower()
    found = [line[begin:end] for begin, end in split_words(line)]
    words = [word for word in found if any(map(str.isalnum, word))]
    return [term for word in words for term in without_particles(word)] if particles else words


def without_particles(word: str) -> list[str]:
    """The word, and what is left behind each of the particles it may begin with."""
    made = [word]
    while len(word) > 2 and word[0] in PARTICLES:
        word = word[1:]
        made.append(word)
    return made
