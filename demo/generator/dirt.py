"""Adds the dirt of web text to a small, stated share of documents.

Shares are of documents, or (for whole documents put in) of the number of clean
ones; the dirts are drawn independently, so one document may have several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from . import foreign
from .chance import Chance

SHARES = {
    "bidi": 0.10,
    "spaces": 0.10,
    "quotes": 0.15,
    "niqqud": 0.05,
    "presentation": 0.02,
    "boilerplate": 0.12,
    "mojibake": 0.02,
    "duplicate": 0.04,
    "foreign": 0.03,
}

# Pairs put around a run of Latin letters or digits; the last three are the
# single marks that editors leave behind.
BIDI_PAIRS = (
    ("\u202a", "\u202c"),
    ("\u202b", "\u202c"),
    ("\u2066", "\u2069"),
    ("\u2067", "\u2069"),
    ("\u2068", "\u2069"),
    ("\u200e", "\u200e"),
    ("\u200f", ""),
    ("\ufeff", ""),
)
BIDI_MARKS = frozenset("".join(a + b for a, b in BIDI_PAIRS))

_LATIN_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,:%-]*")
_WORD = re.compile(r"[א-ת]+")

Document = list[str]


def _bidi(text: str, chance: Chance) -> str:
    before, after = chance.pick(BIDI_PAIRS)
    return _LATIN_RUN.sub(lambda run: before + run.group() + after, text)


def _spaces(text: str, chance: Chance) -> str:
    def widen(space: re.Match[str]) -> str:
        if not chance.happens(0.08):
            return space.group()
        return chance.pick(["\u00a0", "  ", "\u00a0 "])

    return re.sub(" ", widen, text)


def _quotes(text: str, chance: Chance) -> str:
    text = re.sub(r'(?<=[א-ת])"(?=[א-ת])', "״", text)
    text = re.sub(r"(?<=[א-ת])'", "׳", text)
    opening, closing = chance.pick([("“", "”"), ("„", "”"), ("״", "״")])
    text = re.sub(r'"(?=[\w])', opening, text)
    return text.replace('"', closing)


def _niqqud(text: str, chance: Chance) -> str:
    return _WORD.sub(lambda word: foreign.POINTED.get(word.group(), word.group()), text)


def _presentation(text: str, chance: Chance) -> str:
    letter = chance.pick(list(foreign.PRESENTATION))
    return text.replace(letter, foreign.PRESENTATION[letter])


def _per_paragraph(change: Callable[[str, Chance], str]) -> Callable[[Document, Chance], Document]:
    return lambda document, chance: [change(text, chance) for text in document]


def _one_paragraph(change: Callable[[str, Chance], str]) -> Callable[[Document, Chance], Document]:
    def apply(document: Document, chance: Chance) -> Document:
        at = chance.below(len(document))
        return [*document[:at], change(document[at], chance), *document[at + 1 :]]

    return apply


def _boilerplate(document: Document, chance: Chance) -> Document:
    lines = chance.sample(foreign.BOILERPLATE, chance.between(1, 2))
    if chance.happens(0.3):
        return [lines[0], *document, *lines[1:]]
    return document + lines


def _mojibake(document: Document, chance: Chance) -> Document:
    # UTF-8 read as Latin-1, the commonest accident; C1 controls are dropped,
    # since they would not survive most editors either.
    source = chance.pick(document)[:60]
    broken = source.encode("utf-8").decode("latin-1")
    broken = "".join(letter for letter in broken if letter.isprintable())
    at = chance.below(len(document) + 1)
    return [*document[:at], broken, *document[at:]]


_DIRTS: tuple[tuple[str, Callable[[Document, Chance], Document]], ...] = (
    ("quotes", _per_paragraph(_quotes)),
    ("niqqud", _one_paragraph(_niqqud)),
    ("presentation", _one_paragraph(_presentation)),
    ("bidi", _per_paragraph(_bidi)),
    ("spaces", _per_paragraph(_spaces)),
    ("boilerplate", _boilerplate),
    ("mojibake", _mojibake),
)


def soil(documents: Iterable[Document], seed: int) -> Iterator[Document]:
    """The documents, some with dirt added, with duplicates and strays among them.

    Deterministic for a seed. Yields at least as many documents as it is given;
    an exact duplicate comes some documents after its original.
    """
    chance = Chance(seed)
    # A duplicate next to its original would be too easy to find.
    waiting: list[tuple[int, Document]] = []
    # Each stray comes once, so that the only exact duplicates are the planted ones.
    strays = chance.sample(foreign.FOREIGN, len(foreign.FOREIGN))
    yiddish_at = chance.between(3, 20)
    position = due = -1
    # One duplicate in each block, so that a small corpus has its share too.
    block = round(1 / SHARES["duplicate"])
    for position, document in enumerate(documents):
        for name, change in _DIRTS:
            if chance.happens(SHARES[name]):
                document = change(document, chance)
        yield document
        if position % block == 0:
            due = position + chance.below(block)
        if position == due:
            waiting.append((position + chance.between(2, 40), list(document)))
        if strays and chance.happens(SHARES["foreign"]):
            yield [strays.pop()]
        if position == yiddish_at:
            yield list(foreign.YIDDISH)
        for entry in [entry for entry in waiting if entry[0] <= position]:
            waiting.remove(entry)
            yield entry[1]
    if 0 <= position < yiddish_at:
        yield list(foreign.YIDDISH)
    for _, document in waiting:
        yield document
