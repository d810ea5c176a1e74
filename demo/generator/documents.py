"""The stream of documents: one genre after another, until there are enough words."""

from __future__ import annotations

from collections.abc import Iterator

from .chance import Chance
from .genres import GENRES
from .stage import Stage


def count_words(document: list[str]) -> int:
    """The white-space separated words of a document."""
    return sum(len(paragraph.split()) for paragraph in document)


def write_document(genre: str, chance: Chance, said: set[str]) -> list[str]:
    """One document of a genre; ``said`` holds sentences not to be repeated."""
    module = GENRES[genre]
    stage = Stage(chance, said)
    module.cast(stage)
    return stage.tell(module.PLAN)


def generate(seed: int, words: int) -> Iterator[list[str]]:
    """Documents (lists of paragraphs) until at least ``words`` words are written.

    The same seed gives the same documents on every Python version. Genres come
    in shuffled rounds, so that each has its share however few words are asked.
    """
    if words <= 0:
        raise ValueError(f"words must be positive, not {words}")
    chance = Chance(seed)
    said: set[str] = set()
    written = 0
    while True:
        round_of_genres = list(GENRES)
        chance.shuffle(round_of_genres)
        for genre in round_of_genres:
            document = write_document(genre, chance, said)
            written += count_words(document)
            yield document
            if written >= words:
                return
