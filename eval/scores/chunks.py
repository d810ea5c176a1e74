"""Two older ways to count entities, beside seqeval's strict one: conlleval's chunks, and NEMO's mentions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from .percent import percent

# A mention: its type first, then what it has to share with another to be the same.
Mention = tuple[Hashable, ...]


def conll_chunks(tags: Sequence[str]) -> list[Mention]:
    """(type, first word, last word) by the rules of the CoNLL-2000 script conlleval, which takes no tag for broken: a
    chunk begins at B-, and at I- after O or another type.

    BIOES tags are turned to BIO first (S- to B-, E- to I-), the tags that the script knows. On these seqeval's default
    mode has the script's rules.
    """
    from seqeval.metrics.sequence_labeling import get_entities

    places = {"S": "B", "E": "I"}
    return get_entities([places.get(tag[0], tag[0]) + tag[1:] for tag in tags])


def nemo_mentions(words: Sequence[str], tags: Sequence[str], scheme: str) -> list[Mention]:
    """(type, text) of the mentions of a sentence, as the scorer of NEMO reads BIOES tags (Bareket and Tsarfaty 2021).

    A mention begins at B- and ends at the next E-; its type is that of B-, its text the words in between without
    blanks. BIO tags, which that scorer does not know, are read by conlleval's rules.
    """
    if scheme == "bio":
        return [(kind, "".join(words[first : last + 1])) for kind, first, last in conll_chunks(tags)]
    found: list[Mention] = []
    begun: int | None = None
    for i, tag in enumerate(tags):
        if tag[0] == "S":
            found.append((tag[2:], words[i]))
        elif tag[0] == "E" and begun is not None:
            found.append((tags[begun][2:], "".join(words[begun : i + 1])))
        if tag[0] != "I":
            begun = i if tag[0] == "B" else None
    return found


def score_mentions(sentences: Iterable[tuple[list[Mention], list[Mention]]]) -> dict:
    """Micro precision, recall and F1, and F1 by type, in percent, of (gold, predicted) mentions of sentences.

    Mentions are multisets: what stands twice in a sentence must be found twice.
    """
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for gold, predicted in sentences:
        there.update(kind for kind, *_ in gold)
        found.update(kind for kind, *_ in predicted)
        right.update(kind for kind, *_ in (Counter(gold) & Counter(predicted)).elements())
    return {
        **_of_counts(right.total(), found.total(), there.total()),
        "by_type": {
            kind: _of_counts(right[kind], found[kind], there[kind]) for kind in sorted(there.keys() | found.keys())
        },
    }


def _of_counts(right: int, found: int, there: int) -> dict:
    return {
        "f1": percent(2 * right / (found + there) if right else 0),
        "precision": percent(right / found if right else 0),
        "recall": percent(right / there if right else 0),
        "mentions": there,
    }
