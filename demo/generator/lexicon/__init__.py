"""The words: nouns, people, adjectives, verbs and word lists, with their forms.

Every form is written out in the TSV files beside this module; nothing is
derived by rule, because Hebrew plurals and construct forms do not follow one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ABSENT = "-"
SLOTS = ("ms", "fs", "mp", "fp")


def slot_of(gender: str, number: str) -> int:
    """The place of a gender ('m', 'f') and number ('sg', 'pl') among SLOTS."""
    return SLOTS.index(gender + number[0])


@dataclass(frozen=True)
class Noun:
    """A noun: its forms, its gender and the semantic classes it belongs to."""

    lemma: str
    gender: str
    plural: str
    construct: str
    construct_plural: str
    classes: frozenset[str]
    complement: str = ""
    dual: str = ABSENT
    singular_after_ten: bool = False

    def form(self, number: str, construct: bool = False) -> str:
        """The form for a number, free or construct; an error if there is none."""
        singular = number == "sg"
        if construct:
            text = self.construct if singular else self.construct_plural
        else:
            text = self.lemma if singular else self.plural
        if text == ABSENT:
            raise ValueError(f"{self.lemma}: no {number} form (construct={construct})")
        return text


@dataclass(frozen=True)
class Adjective:
    """An adjective: four forms and the classes of nouns it may describe."""

    forms: tuple[str, ...]
    fits: frozenset[str]

    def form(self, gender: str, number: str) -> str:
        """The form that agrees with a gender and number."""
        return self.forms[slot_of(gender, number)]


@dataclass(frozen=True)
class Verb:
    """A verb: its forms, what may be its subject, and the objects it takes."""

    past: tuple[str, ...]
    present: tuple[str, ...]
    future: tuple[str, ...]
    infinitive: str
    subjects: frozenset[str]
    frame: tuple[tuple[str, tuple[str, ...]], ...]
    topics: frozenset[str]

    def form(self, tense: str, gender: str, number: str) -> str:
        """The third-person form in a tense ('past', 'pres', 'fut')."""
        if tense == "pres":
            return self.present[slot_of(gender, number)]
        forms = {"past": self.past, "fut": self.future}[tense]
        # Modern Hebrew has one third-person plural in the past and the future.
        return forms[2] if number == "pl" else forms[gender == "f"]


def _rows(name: str) -> list[list[str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


@cache
def nouns() -> dict[str, Noun]:
    """Things, units and compounds, by lemma (a compound's has '_' for the space)."""
    found: dict[str, Noun] = {}
    for lemma, gender, plural, construct, construct_plural, classes in _rows("nouns.tsv"):
        found[lemma] = Noun(lemma, gender, plural, construct, construct_plural, frozenset(classes.split()))
    for lemma, gender, plural, dual, after_ten in _rows("units.tsv"):
        found[lemma] = Noun(
            lemma,
            gender,
            plural,
            ABSENT,
            ABSENT,
            frozenset(["unit"]),
            dual=dual,
            singular_after_ten=after_ten == "yes",
        )
    for forms, gender, member, classes in _rows("compounds.tsv"):
        singular, plural = forms.split()
        found[f"{singular}_{member}"] = Noun(
            singular, gender, plural, singular, plural, frozenset(classes.split()), member
        )
    return found


@cache
def people() -> dict[str, tuple[Noun, Noun]]:
    """Words for people by their masculine lemma: the man's noun, the woman's noun."""
    found: dict[str, tuple[Noun, Noun]] = {}
    for man, woman, men, women, construct, classes in _rows("people.tsv"):
        kinds = frozenset(classes.split()) | {"person"}
        c_man, c_woman, c_men, c_women = [ABSENT] * 4 if construct == ABSENT else construct.split()
        found[man] = (
            Noun(man, "m", men, c_man, c_men, kinds),
            Noun(woman, "f", women, c_woman, c_women, kinds),
        )
    return found


@cache
def adjectives() -> dict[str, Adjective]:
    """Adjectives by their masculine singular form."""
    return {
        forms.split()[0]: Adjective(tuple(forms.split()), frozenset(fits.split()))
        for forms, fits in _rows("adjectives.tsv")
    }


def _frame(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if ":" not in text:
        return ()
    parts = (part.split(":") for part in text.split())
    return tuple((preposition, tuple(kinds.split(","))) for preposition, kinds in parts)


@cache
def verbs() -> dict[str, Verb]:
    """Verbs by their third-person masculine singular past."""
    found: dict[str, Verb] = {}
    for past, present, future, infinitive, subjects, frame, topics in _rows("verbs.tsv"):
        forms = tuple(past.split())
        # A clause verb ("said that ...") has no noun frame to be filled at random.
        kinds = frozenset(topics.split()) if frame != "כי" else frozenset(["clause"])
        found[forms[0]] = Verb(
            forms,
            tuple(present.split()),
            tuple(future.split()),
            infinitive,
            frozenset(subjects.split()),
            _frame(frame),
            kinds,
        )
    return found


@cache
def word_lists() -> dict[str, tuple[str, ...]]:
    """Names, places, months, adverbs and set phrases, by the name of the list."""
    found = {kind: tuple(words.split()) for kind, words in _rows("words.tsv")}
    for kind, phrases in _rows("phrases.tsv"):
        found[kind] = tuple(phrases.split(" / "))
    return found


@cache
def inflected() -> dict[str, tuple[str, ...]]:
    """Prepositions, pronouns and suffixed nouns: base to its ms, fs, mp, fp forms."""
    return {row[0]: tuple(row[1:]) for row in _rows("inflected.tsv")}
