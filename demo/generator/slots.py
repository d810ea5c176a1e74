"""Fills the slots of templates; ``Slots.fill`` lists the commands.

A slot may bind what it makes to a name (``{x=np animal}``, or silently
``{!x=np animal}``), for later words to agree with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import choosing
from .chance import Chance
from .entities import Person, place
from .lexicon import ABSENT, Noun, adjectives, inflected, nouns, verbs, word_lists
from .numerals import ordinal_words
from .phrase import Name, NounPhrase, conjugate, inflect
from .spelling import ARTICLE
from .template import expand

_BINDING = re.compile(r"(!?)([a-z]\w*)=(.+)")


class Slots:
    """Makes raw text for slot commands, over a scope of named entities."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.scope: dict[str, object] = {}
        self._used_verbs: list[str] = []
        self._handlers: dict[str, Callable[[list[str]], object]] = {
            "np": self._np,
            "count": self._count,
            "past": self._verb,
            "pres": self._verb,
            "fut": self._verb,
            "inf": self._verb,
            "adj": self._adjective,
            "fit": self._fit,
            "vp": self._vp,
            "n": self._digits,
            "date": self._date,
            "year": self._year,
            "price": self._price,
            "clock": self._clock,
            "pick": self._pick,
            "ord": self._ordinal,
            "pct": self._percent,
            "say": self._say,
            "decimal": self._decimal,
        }

    def fill(self, command: str) -> str:
        """The raw text of a slot.

        ``x`` mentions an entity, ``x.how`` mentions it another way; ``past V x``
        (``pres``, ``fut``, ``inf V``) is a verb; ``adj A x`` an adjective;
        ``fit x`` an adjective chosen to fit; ``vp TENSE x TOPIC`` a chosen verb
        with objects; ``np CLASS-or-noun OPTIONS`` a noun phrase; ``count LOW
        HIGH NOUN`` a counted one; ``BASE x`` an inflected word such as שלו;
        ``say x`` expands the template bound to x.
        """
        binding = _BINDING.fullmatch(command)
        if binding:
            silent, name, command = binding.groups()
            words = command.split()
            value = self._handlers[words[0]](words)
            self.scope[name] = value
            return "" if silent else self._raw(value)
        words = command.split()
        if words[0] in self._handlers:
            return self._raw(self._handlers[words[0]](words))
        if words[0] in inflected() and len(words) == 2:
            return inflect(words[0], self.scope[words[1]])
        return self._mention(words[0])

    @staticmethod
    def _raw(value: object) -> str:
        return value if isinstance(value, str) else value.raw()

    def _mention(self, word: str) -> str:
        name, _, how = word.partition(".")
        if name not in self.scope:
            raise ValueError(f"nothing is called {name} in {sorted(self.scope)}")
        entity = self.scope[name]
        if not how:
            return self._raw(entity)
        if isinstance(entity, NounPhrase):
            bare = entity.but(adjectives=(), quantity=None, quantifier="", owner=None)
            ways = {
                "the": lambda: bare.as_definite(),
                "this": lambda: bare.as_definite().but(demonstrative=True),
                "a": lambda: bare.but(marked=False, demonstrative=False),
                "def": lambda: entity.as_definite(),
                "plural": lambda: bare.but(number="pl", marked=False),
            }
            return ways[how]().raw()
        return entity.mention(how)

    def _noun(self, word: str, gender: str) -> Noun:
        if isinstance(self.scope.get(word), NounPhrase):
            return self.scope[word].noun
        if word[0].isascii():
            return self.chance.pick(choosing.nouns_of(tuple(word.split(",")), gender))
        word = self.chance.pick(word.split(","))
        return choosing.noun_named(word, gender or self.chance.pick("mf"))

    def _np(self, words: list[str]) -> NounPhrase:
        options = words[2:]
        gender = "m" if "m" in options else "f" if "f" in options else ""
        noun = self._noun(words[1], gender)
        number = "pl" if "pl" in options else "sg"
        if "any" in options and noun.plural != ABSENT and self.chance.happens(0.4):
            number = "pl"
        phrase = NounPhrase(noun, number, marked="def" in options)
        for option in options:
            key, _, value = option.partition(":")
            if key == "adj" and value:
                phrase = phrase.but(adjectives=(*phrase.adjectives, adjectives()[value]))
            elif key == "adj" or (key == "adj?" and self.chance.happens(0.5)):
                phrase = choosing.describe(self.chance, phrase)
            elif key == "of":
                phrase = phrase.but(complement=self._complement(value, "def" in options))
            elif key == "owner":
                phrase = phrase.but(owner=self.scope[value])
            elif key == "this":
                phrase = phrase.but(marked=True, demonstrative=True)
            elif key in ("כל", "רוב", "כמה", "הרבה", "מעט"):
                phrase = phrase.but(quantifier=key)
        return phrase

    def _complement(self, value: str, marked: bool) -> NounPhrase | Name:
        if value in self.scope:
            entity = self.scope[value]
            return entity.but(adjectives=(), owner=None) if isinstance(entity, NounPhrase) else entity
        return NounPhrase(self._noun(value, ""), marked=marked)

    def _count(self, words: list[str]) -> NounPhrase:
        low, high = int(words[1]), int(words[2])
        options = words[4:]
        noun = self._noun(words[3], "m" if "m" in options else "f" if "f" in options else "")
        number = self.chance.between(low, high)
        if number > 100:
            # Counts reported in text tend to be round.
            number -= number % (10 if number < 1000 else 50)
        digits = number > 20 or "digits" in options
        if not digits and number > 10 and "words" not in options:
            digits = self.chance.happens(0.5)
        phrase = NounPhrase(
            noun,
            "pl" if number > 1 else "sg",
            marked="def" in options,
            quantity=number,
            digits=digits and number > 1,
        )
        if "adj" in options:
            phrase = choosing.describe(self.chance, phrase)
        return phrase

    def _verb(self, words: list[str]) -> str:
        if words[0] == "inf":
            return verbs()[words[1]].infinitive
        # So that a verb chosen next is another one.
        self._used_verbs.append(words[1])
        return conjugate(words[1], words[0], self.scope[words[2]])

    def _adjective(self, words: list[str]) -> str:
        entity = self.scope[words[2]]
        return adjectives()[words[1]].form(entity.gender, entity.number)

    def _fit(self, words: list[str]) -> str:
        entity = self.scope[words[1]]
        return self.chance.pick(choosing.adjectives_for(entity.classes)).form(entity.gender, entity.number)

    def _vp(self, words: list[str]) -> str:
        topic = self.chance.pick(words[3].split(","))
        return choosing.verb_phrase(self.chance, self.scope[words[2]], words[1], topic, self._used_verbs)

    def _digits(self, words: list[str]) -> str:
        return f"{self.chance.between(int(words[1]), int(words[2])):,}"

    def _decimal(self, words: list[str]) -> str:
        whole = self.chance.between(int(words[1]), int(words[2]))
        return f"{whole}.{self.chance.between(1, 9)}"

    def _percent(self, words: list[str]) -> str:
        number = self.chance.between(int(words[1]), int(words[2]))
        return f"{number}%" if self.chance.happens(0.5) else f"{number} אחוזים"

    def _date(self, words: list[str]) -> str:
        text = f"{self.chance.between(1, 28)} ב{self.chance.pick(word_lists()['month'])}"
        return f"{text} {self._year(words)}" if len(words) > 1 else text

    def _year(self, words: list[str]) -> str:
        return str(self.chance.between(int(words[1]), int(words[2])))

    def _price(self, words: list[str]) -> str:
        low, high = int(words[1]), int(words[2])
        amount = self.chance.between(low, high)
        if amount > 200:
            amount -= amount % 10
        unit = self.chance.pick(["שקלים", "שקלים", 'ש"ח'])
        return f"{amount:,} {unit}"

    def _clock(self, words: list[str]) -> str:
        low, high = int(words[1]), int(words[2])
        return f"{self.chance.between(low, high)}:{self.chance.pick(['00', '15', '30', '45'])}"

    def _pick(self, words: list[str]) -> str:
        # A leading + in the lists is the article, which ב and ל swallow.
        return self.chance.pick(word_lists()[words[1]]).replace("+", ARTICLE)

    def _ordinal(self, words: list[str]) -> str:
        noun = nouns()[words[3]]
        number = self.chance.between(int(words[1]), int(words[2]))
        return f"{ARTICLE}{noun.lemma} {ARTICLE}{ordinal_words(number, noun.gender)}"

    def _say(self, words: list[str]) -> str:
        return expand(str(self.scope[words[1]]), self.chance, self.fill)

    # What a genre's cast is made of.

    def make(self, command: str) -> object:
        """The entity a slot command (``np ...``, ``count ...``) makes."""
        words = command.split()
        return self._handlers[words[0]](words)

    def one_of(self, words: str) -> str:
        """One of the words of a string; '_' in a word stands for a space."""
        return self.chance.pick(words.split()).replace("_", " ")

    def person(self, role: str = "", gender: str = "", **features: object) -> Person:
        """A named person, with a definite role noun if one is named."""
        gender = gender or self.chance.pick("mf")
        lists = word_lists()
        noun_phrase = None
        if role:
            noun_phrase = NounPhrase(choosing.noun_named(role, gender), marked=True).but(**features)
        taken = {p.first for p in self.scope.values() if isinstance(p, Person)}
        firsts = [name for name in lists[f"name_{gender}"] if name not in taken]
        families = [
            name
            for name in lists["family"]
            if name not in {p.family for p in self.scope.values() if isinstance(p, Person)}
        ]
        return Person(self.chance.pick(firsts), self.chance.pick(families), gender, noun_phrase)

    def town(self, kind: str = "town") -> Name:
        """An invented town, or with kind 'city' a real one."""
        return place(self.chance.pick(word_lists()[kind]))
