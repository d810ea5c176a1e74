"""Near-duplicates of a known distance: documents of so many words, and copies of them with some words replaced."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(r"\S+")


def cut(texts: Iterable[str], words: int) -> Iterator[str]:
    """Documents of exactly `words` words (white space between them) out of texts; what is left of a text is dropped."""
    for text in texts:
        found = list(_WORD.finditer(text))
        for first in range(0, len(found) - words + 1, words):
            yield text[found[first].start() : found[first + words - 1].end()]


def plant(documents: Sequence[str], words_replaced: int, seed: int) -> list[str]:
    """A copy of each document in which `words_replaced` words, at random places, are other words of the documents.

    White space stays as it is; a document of fewer words has all of them replaced. The same seed makes the same copies.
    """
    choice = random.Random(seed)
    lexicon = sorted({word for document in documents for word in _WORD.findall(document)})
    if words_replaced and len(lexicon) < 2:
        raise ValueError("no other word to replace a word with")
    return [_replaced(document, words_replaced, lexicon, choice) for document in documents]


def _replaced(document: str, words_replaced: int, lexicon: list[str], choice: random.Random) -> str:
    pieces = re.split(r"(\s+)", document)
    places = [place for place, piece in enumerate(pieces) if piece and not piece.isspace()]
    for place in choice.sample(places, min(words_replaced, len(places))):
        old = pieces[place]
        while pieces[place] == old:
            pieces[place] = choice.choice(lexicon)
    return "".join(pieces)
