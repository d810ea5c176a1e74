"""Entity spans from tags, strictly: what the papers' NER scores count."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[str, int, int]


def spans_bioes(tags: Sequence[str]) -> list[Span]:
    """(type, first word, one past the last) of the entities in BIOES tags.

    Strict, as seqeval's strict mode with IOBES: an entity of several words begins with B-, goes on with I- of the
    same type and ends with E-; one word is S-. Anything else is no entity.
    """
    found: list[Span] = []
    start = None
    for i, tag in enumerate(tags):
        place, _, kind = tag.partition("-")
        if place == "S":
            found.append((kind, i, i + 1))
        if place == "E" and start is not None and tags[start][2:] == kind:
            found.append((kind, start, i + 1))
        if place == "B":
            start = i
        elif place != "I" or start is None or tags[start][2:] != kind:
            start = None
    return found


def spans_bio(tags: Sequence[str]) -> list[Span]:
    """As `spans_bioes`, for the BIO scheme (IOB2): an entity ends where no I- of its type follows."""
    found: list[Span] = []
    start = None
    for i, tag in enumerate([*tags, "O"]):
        place, _, kind = tag.partition("-")
        if start is not None and not (place == "I" and kind == tags[start][2:]):
            found.append((tags[start][2:], start, i))
            start = None
        if place == "B":
            start = i
    return found


READERS = {"bioes": spans_bioes, "bio": spans_bio}
