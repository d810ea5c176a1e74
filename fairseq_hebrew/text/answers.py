"""How an answer is compared with the right ones: exact match and F1 over words, each under a named normalization.

SQuAD's is the published one (the evaluation of SQuAD 2.0, Rajpurkar et al. 2018): small letters, no ASCII punctuation,
no English articles. It knows nothing of Hebrew: שָׁלוֹם is not שלום to it, nor צה״ל צה"ל. The Hebrew one takes away what
makes no difference to a reader.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from .normalize import Normalization, normalize_line

_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
# Maqaf, the hyphens and dashes, paseq and sof pasuq stand between words; every other mark stands at or in one.
_BETWEEN = re.compile("[-\u05be\u05c0\u05c3\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_RULES = Normalization()
# The letters that are written together with the word after them: and, that, the, as, to, in, from.
PARTICLES = frozenset("משהוכלב")


def squad_words(text: str) -> list[str]:
    """The words of an answer as SQuAD's evaluation sees them."""
    return _ARTICLES.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split()


def hebrew_words(text: str) -> list[str]:
    """As `squad_words`, with niqqud and cantillation, bidirectional controls and all punctuation taken out, of Unicode
    too (so geresh, gershayim and what is typed for them are alike); maqaf and dashes part words."""
    text = _BETWEEN.sub(" ", normalize_line(text, _RULES))
    return squad_words("".join(sign for sign in text if unicodedata.category(sign)[0] != "P"))


def content_words(text: str) -> list[str]:
    """As `hebrew_words`, without particles that stand alone (ב-1948), unless nothing else is there."""
    found = hebrew_words(text)
    return [word for word in found if word not in PARTICLES] or found


def same_word(one: str, other: str) -> bool:
    """Whether words are equal, or one is the other behind one-letter particles (בבית and הבית are בית, not each other).

    A word of two signs at least has to be left.
    """
    short, long = sorted((one, other), key=len)
    return one == other or (
        len(short) > 1 and long.endswith(short) and set(long[: len(long) - len(short)]) <= PARTICLES
    )


def exact(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """1 where the words are the same, else 0."""
    return float(list(gold) == list(predicted))


def f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """F1 (0 to 1) over the words both have, each as often as it stands in both; 1 where neither has any."""
    if not gold or not predicted:
        return exact(gold, predicted)
    return _f1(sum((Counter(gold) & Counter(predicted)).values()), gold, predicted)


def exact_with_particles(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """As `exact` by `same_word`."""
    return float(len(gold) == len(predicted) and all(map(same_word, gold, predicted)))


def f1_with_particles(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """As `f1`: words that are the same are paired first, then what is left by `same_word`, in order."""
    if not gold or not predicted:
        return exact(gold, predicted)
    both = Counter(gold) & Counter(predicted)
    rest = list((Counter(gold) - both).elements())
    pairs = sum(both.values())
    for word in (Counter(predicted) - both).elements():
        found = next((other for other in rest if same_word(word, other)), None)
        if found is not None:
            rest.remove(found)
            pairs += 1
    return _f1(pairs, gold, predicted)


def _f1(common: int, gold: Sequence[str], predicted: Sequence[str]) -> float:
    return 2 * common / (len(gold) + len(predicted))


def best(
    measure: Callable[[Sequence[str], Sequence[str]], float],
    words: Callable[[str], list[str]],
    golds: Iterable[str],
    predicted: str,
) -> float:
    """The measure against the right answer that fits best; a question without any is answered by no words.

    As in SQuAD's evaluation, right answers of no words are left out.
    """
    right = [found for gold in golds if (found := words(gold))] or [[]]
    said = words(predicted)
    return max(measure(gold, said) for gold in right)
