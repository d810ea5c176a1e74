"""Tagged words, a word and its tag a line. Every mistake is named by its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.stage.errors import at

from .file import read_text


@dataclass(frozen=True)
class TaggedSentence:
    """Words with their tags; `line` is the number of the first one in the file."""

    line: int
    words: list[str]
    tags: list[str]


def read_tagged(path: Path, description: TokenClassification) -> Iterator[TaggedSentence]:
    """The sentences of a file with a blank line after each."""
    known = set(description.classes)
    words: list[str] = []
    tags: list[str] = []
    # Only a line feed ends a line: a word may hold a sign that str.splitlines takes for a line end.
    for number, row in enumerate([*read_text(path).split("\n"), ""], start=1):
        # The tag is the last column; NEMO has words with a blank inside ("ו ה 60").
        fields = row.strip().rsplit(maxsplit=1)
        if not fields:
            if words:
                yield TaggedSentence(number - len(words), words, tags)
                words, tags = [], []
            continue
        if len(fields) != 2:
            raise at(
                path, number, f"expected `word tag`, found {row.strip()[:60]!r}", "write a word and its tag a line"
            )
        word, tag = fields
        if tag not in known:
            raise at(
                path,
                number,
                f"tag {tag!r} is not of scheme {description.scheme} with the labels {', '.join(description.labels)}",
                "correct the tag, or `scheme:` and `labels:` of the description",
            )
        words.append(word)
        tags.append(tag)
