"""Entity spans from tags, strictly: what the papers' NER scores count; tags from spans; which tag may follow which."""

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


def may_follow(before: str | None, after: str | None, scheme: str) -> bool:
    """Whether a tag may stand after another in well-formed tags; None is the end of the sentence on that side."""
    place = after[0] if after else "O"
    if scheme == "bio":
        return place != "I" or (before is not None and before[0] in "BI" and before[2:] == after[2:])
    if before is not None and before[0] in "BI":
        return place in "IE" and before[2:] == after[2:]
    return place in "OBS"


def broken(tags: Sequence[str], scheme: str) -> list[int]:
    """Places i in 0..len(tags) where tag i may not follow tag i - 1: an I- without its B-, an entity without its E-."""
    around = [None, *tags, None]
    return [i for i in range(len(tags) + 1) if not may_follow(around[i], around[i + 1], scheme)]


def write_tags(spans: Sequence[Span], length: int, scheme: str) -> list[str]:
    """The way back from the readers: tags of `length` words from spans that do not overlap."""
    tags = ["O"] * length
    for kind, start, end in spans:
        tags[start:end] = [f"I-{kind}"] * (end - start)
        tags[start] = f"B-{kind}"
        if scheme == "bioes":
            tags[end - 1] = f"{'S' if end - start == 1 else 'E'}-{kind}"
    return tags
