"""Turns a genre's plan into the paragraphs of one document."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .chance import Chance
from .slots import Slots
from .spelling import spell
from .template import expand

# A paragraph is a sequence of sentences; a pair (count, sentences) stands for
# that many of them in order. A paragraph given as a tuple may be left out.

_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
_TRIES = 12


def sentences(paragraph: str) -> list[str]:
    """A paragraph's sentences, split after . ? or ! and white space."""
    return [part for part in _SENTENCE_END.split(paragraph) if part]


class Stage(Slots):
    """One document being written; ``said`` is shared by all of a run's documents."""

    def __init__(self, chance: Chance, said: set[str]) -> None:
        super().__init__(chance)
        self._said = said

    def say(self, template: str) -> str:
        """The template's text, tried again while it repeats an earlier sentence."""
        text = ""
        for _ in range(_TRIES):
            text = spell(expand(template, self.chance, self.fill))
            if not any(sentence in self._said for sentence in sentences(text)):
                break
        self._said.update(sentences(text))
        return text

    def paragraph(self, items: Sequence[object]) -> str:
        """The sentences of a paragraph, joined."""
        out: list[str] = []
        for item in items:
            if isinstance(item, str):
                out.append(self.say(item))
                continue
            count, options = item
            places = sorted(self.chance.sample(range(len(options)), count))
            out += [self.say(options[at]) for at in places]
        return " ".join(out)

    def tell(self, plan: Sequence[Sequence[object]]) -> list[str]:
        """The document's paragraphs; a paragraph planned as a tuple is optional."""
        return [self.paragraph(items) for items in plan if not isinstance(items, tuple) or self.chance.happens(0.65)]
