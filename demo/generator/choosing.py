"""Chooses words that go together: nouns by class, adjectives and verbs that fit."""

from __future__ import annotations

from functools import cache

from .chance import Chance
from .lexicon import ABSENT, Adjective, Noun, Verb, adjectives, nouns, people, verbs
from .phrase import NounPhrase, conjugate
from .spelling import JOINT

# One seldom speaks of "the" dish or garment before it has been mentioned, while
# rooms, doors and tools of a known place are definite at once.
_USUALLY_NEW = frozenset("dish baked produce clothing document reading plant tale art".split())
# One sits on one chair, plays one violin and is in one place at a time.
_ONE_AT_A_TIME = frozenset("seat instrument room shop culture site town garden workplace vehicle party".split())


@cache
def nouns_of(kinds: tuple[str, ...], gender: str = "") -> tuple[Noun, ...]:
    """All nouns of any of the classes, people included, in lexicon order."""
    wanted = frozenset(kinds)
    found = [noun for noun in nouns().values() if noun.classes & wanted]
    for pair in people().values():
        found += [noun for noun in pair if noun.classes & wanted]
    found = [noun for noun in found if gender in ("", noun.gender)]
    if not found:
        raise ValueError(f"no noun of class {', '.join(kinds)} {gender}")
    return tuple(found)


@cache
def adjectives_for(classes: frozenset[str]) -> tuple[Adjective, ...]:
    """The adjectives that may describe a noun of these classes."""
    return tuple(adj for adj in adjectives().values() if adj.fits & classes)


@cache
def verbs_for(topic: str, classes: frozenset[str]) -> tuple[Verb, ...]:
    """The verbs of a topic whose subject may be of these classes."""
    found = tuple(v for v in verbs().values() if topic in v.topics and v.subjects & classes)
    if not found:
        raise ValueError(f"no verb of topic {topic} for {sorted(classes)}")
    return found


def noun_named(lemma: str, gender: str = "m") -> Noun:
    """A noun by lemma: a thing, or a word for people in the wanted gender."""
    if lemma in nouns():
        return nouns()[lemma]
    return people()[lemma][gender == "f"]


def describe(chance: Chance, phrase: NounPhrase, count: int = 1) -> NounPhrase:
    """The phrase with up to ``count`` fitting adjectives added."""
    fitting = [a for a in adjectives_for(phrase.classes) if a not in phrase.adjectives]
    # Two colours or two sizes on one noun would clash, so a second is rare.
    chosen = tuple(chance.sample(fitting, count))
    return phrase.but(adjectives=phrase.adjectives + chosen)


def any_object(chance: Chance, kinds: tuple[str, ...]) -> NounPhrase:
    """A random phrase of the classes, fit to be an object."""
    noun = chance.pick(nouns_of(kinds))
    plural = noun.plural != ABSENT and not noun.classes & _ONE_AT_A_TIME and chance.happens(0.3)
    new = bool(noun.classes & _USUALLY_NEW)
    phrase = NounPhrase(noun, "pl" if plural else "sg", marked=chance.happens(0.35 if new else 0.85))
    if plural and not phrase.definite and chance.happens(0.4):
        if chance.happens(0.6):
            phrase = phrase.but(quantity=chance.between(2, 9))
        else:
            phrase = phrase.but(quantifier=chance.pick(["כמה", "הרבה"]))
    if adjectives_for(noun.classes) and chance.happens(0.5):
        phrase = describe(chance, phrase)
    return phrase


def link(preposition: str, phrase: NounPhrase) -> str:
    """A preposition and its noun phrase: את only before a definite one."""
    if preposition == "את":
        return f"את {JOINT}{phrase.raw()}" if phrase.definite else phrase.raw()
    glue = JOINT if preposition in ("ב", "ל", "מ", "כ") else " "
    return preposition + glue + phrase.raw()


def verb_phrase(chance: Chance, subject: object, tense: str, topic: str, used: list[str]) -> str:
    """A verb agreeing with the subject, with objects its frame allows.

    ``used`` remembers verbs already taken, so that a document varies them.
    """
    kinds = subject.classes
    options = verbs_for(topic, kinds)
    fresh = [verb for verb in options if verb.past[0] not in used] or list(options)
    verb = chance.pick(fresh)
    used.append(verb.past[0])
    # Only the last few count, or a topic would run out of verbs.
    del used[:-8]
    if tense == "inf":
        words = [verb.infinitive]
    else:
        words = [conjugate(verb.past[0], tense, subject)]
    for preposition, classes in verb.frame:
        phrase = any_object(chance, classes)
        if preposition == "ל" and "person" in phrase.classes:
            phrase = phrase.but(marked=True, quantity=None, quantifier="")
        words.append(link(preposition, phrase))
    return " ".join(words)
