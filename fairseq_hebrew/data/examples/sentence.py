"""A sentence of tagged words, and how the entities and the tags of files become its tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.text.spans import broken, write_tags

from .faults import Faults

CORRECT_TAG = "correct the tag, or `scheme:` and `labels:` of the description"


@dataclass(frozen=True)
class TaggedSentence:
    """Words with their tags; `line` is the number of the first one in the file.

    text, offsets: where the file has running text, it and the half-open range of its characters (code points) that each
    word covers; id: where the file has one.
    """

    line: int
    words: list[str]
    tags: list[str]
    text: str | None = None
    offsets: list[tuple[int, int]] | None = None
    id: str | None = None

    def glued(self, word: int) -> bool:
        """Whether nothing stands between a word and the one before it in the running text."""
        return self.offsets is not None and word > 0 and self.offsets[word - 1][1] == self.offsets[word][0]


class Entity(NamedTuple):
    """Words start..end-1 of a sentence; `size` decides which of two that overlap is the longer."""

    kind: str
    start: int
    end: int
    size: int
    text: str


class TagReader:
    """The tags of a file as classes of the description, with what is wrong about them."""

    def __init__(self, description: TokenClassification, faults: Faults) -> None:
        self.description, self.faults = description, faults
        self.scheme = description.tag_scheme
        self._classes = {"O": "O"}
        for theirs, ours in description.places.items():
            self._classes |= {f"{theirs}-{label}": f"{ours}-{label}" for label in description.labels}

    def knows(self, given: str) -> bool:
        return given in self._classes

    def tag(self, given: str, line: int) -> str:
        """The class of a tag; raises UserError for one that is not of the scheme, or as the description says."""
        found = self._classes.get(given)
        if found is not None:
            return found
        place, _, label = given.partition("-")
        labels = ", ".join(self.description.labels)
        problem = f"tag {given!r} is not of scheme {self.description.scheme} with the labels {labels}"
        self.fault_of_label(label if place in self.description.places else "", line, problem, CORRECT_TAG)
        return "O"

    def label(self, given: str, line: int) -> bool:
        """Whether the label of a span is one of the description's."""
        known = given in self.description.labels
        if not known:
            labels = ", ".join(self.description.labels)
            problem = f"label {given!r} is none of {labels}"
            self.fault_of_label(given, line, problem, "correct it, or `labels:` of the description")
        return known

    def fault_of_label(self, label: str, line: int, problem: str, remedy: str) -> None:
        """`label`: the unknown one; nothing for a tag that is none at all, which is refused whatever is said."""
        if not label:
            raise self.faults.wrong(line, problem, remedy)
        told = f"tags or spans of the unknown label {label} are O"
        self.faults.found("unknown_labels", line, problem, remedy, told)

    def check_order(self, tags: Sequence[str], lines: Sequence[int]) -> None:
        """Look for tags that may not follow one another; `lines`: of each word."""
        for place in broken(tags, self.scheme):
            before = tags[place - 1] if place else "the beginning"
            after = tags[place] if place < len(tags) else "the end of the sentence"
            line = lines[min(place, len(tags) - 1)]
            problem = f"broken tags: {after} after {before}"
            told = "broken places in the order of the tags, left as they are"
            self.faults.found("broken_tags", line, problem, "correct the tags", told)

    def from_entities(self, entities: Sequence[Entity], length: int, line: int) -> list[str]:
        """Tags of so many words; of entities that share a word the longest is kept, as far as that is allowed."""
        kept: list[Entity] = []
        taken: list[Entity | None] = [None] * length
        for entity in sorted(entities, key=lambda entity: -entity.size):
            other = next((found for found in taken[entity.start : entity.end] if found is not None), None)
            if other is None:
                kept.append(entity)
                taken[entity.start : entity.end] = [entity] * (entity.end - entity.start)
                continue
            problem = f"{entity.kind} {entity.text!r} overlaps {other.kind} {other.text!r}"
            remedy = "a word has one tag: leave one of them out"
            self.faults.found("overlaps", line, problem, remedy, "entities that overlap a longer one are left out")
        return write_tags([(entity.kind, entity.start, entity.end) for entity in kept], length, self.scheme)
