"""Noun phrases and verbs that agree in gender, number and definiteness."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .lexicon import Adjective, Noun, inflected, slot_of, verbs
from .numerals import counting_words, number_words
from .spelling import ARTICLE, JOINT, spell


@dataclass(frozen=True)
class Name:
    """A proper name: definite without an article; it may end a construct state."""

    text: str
    gender: str = "f"
    number: str = "sg"
    classes: frozenset[str] = frozenset()

    definite = True

    def raw(self) -> str:
        """The text with private marks (a name has none)."""
        return self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class NounPhrase:
    """A noun with all that hangs on it; ``str`` gives the spelled phrase.

    ``complement`` makes a construct state, whose definiteness is that of its
    last member; ``owner`` adds של with the owner's suffix; ``quantity`` a
    numeral; ``quantifier`` a word such as כל or כמה before the phrase.
    """

    noun: Noun
    number: str = "sg"
    marked: bool = False
    adjectives: tuple[Adjective, ...] = ()
    complement: NounPhrase | Name | None = None
    demonstrative: bool = False
    owner: object | None = None
    quantity: int | None = None
    digits: bool = False
    quantifier: str = ""

    @property
    def gender(self) -> str:
        """The gender other words agree with."""
        return self.noun.gender

    @property
    def classes(self) -> frozenset[str]:
        """The semantic classes of the head noun."""
        return self.noun.classes

    @property
    def definite(self) -> bool:
        """Whether the phrase is definite, on its own or through its last member."""
        if self.complement is not None:
            return self.complement.definite
        return self.marked or self.demonstrative

    def but(self, **changes: object) -> NounPhrase:
        """A copy with some features changed."""
        return replace(self, **changes)

    def as_definite(self) -> NounPhrase:
        """The same phrase made definite, at the end of its construct chain."""
        if isinstance(self.complement, NounPhrase):
            return self.but(complement=self.complement.as_definite(), quantifier="")
        return self.but(marked=True, quantifier="")

    def _head(self, number: str) -> str:
        if self.complement is not None:
            return f"{self.noun.form(number, construct=True)} {self.complement.raw()}"
        article = ARTICLE if self.definite else ""
        if self.noun.complement:
            return f"{self.noun.form(number, construct=True)} {article}{self.noun.complement}"
        return article + self.noun.form(number)

    def _counted(self) -> tuple[str, str]:
        """The words before and after the head that say how many, and its form."""
        count = self.quantity
        if count is None:
            return self.quantifier, self._head(self.number)
        if count == 1:
            return "", f"{self._head('sg')}"
        if self.noun.dual != "-" and count == 2 and not self.digits:
            return "", self.noun.dual
        number = "sg" if count > 10 and self.noun.singular_after_ten else "pl"
        if self.digits:
            return f"{count:,}", self._head(number)
        return counting_words(count, self.gender, self.definite), self._head(number)

    def raw(self) -> str:
        """The phrase with private marks still in it, to be joined with others."""
        before, head = self._counted()
        # "חלק מ" is written together with what follows it; כל and רוב are not.
        glue = JOINT if before.endswith(" מ") else " "
        words = [before + glue + head if before else head]
        article = ARTICLE if self.definite else ""
        for adjective in self.adjectives:
            words.append(article + adjective.form(self.gender, self.number))
        if self.quantity == 1:
            words.append(number_words(1, self.gender))
        if self.demonstrative:
            words.append(inflect("הזה", self))
        if self.owner is not None:
            words.append(inflect("של", self.owner))
        return " ".join(words)

    def __str__(self) -> str:
        return spell(self.raw())


def inflect(base: str, entity: object) -> str:
    """A preposition, pronoun or suffixed noun agreeing with an entity."""
    return inflected()[base][slot_of(entity.gender, entity.number)]


def conjugate(lemma: str, tense: str, subject: object) -> str:
    """A verb's form in a tense, agreeing with its subject."""
    return verbs()[lemma].form(tense, subject.gender, subject.number)
