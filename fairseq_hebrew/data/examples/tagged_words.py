"""Tagged words, by the format of their files. Every mistake is named by its line."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fairseq_hebrew.data.described.tagged_words import TokenClassification

from .columns import read_columns
from .faults import Faults
from .json_words import read_spans, read_tokens
from .sentence import TaggedSentence

__all__ = ["TaggedSentence", "read_tagged"]

logger = logging.getLogger(__name__)

FORMATS = {"columns": read_columns, "spans": read_spans, "tokens": read_tokens}


def read_tagged(path: Path, description: TokenClassification, tell: bool = True) -> Iterator[TaggedSentence]:
    """The sentences of a file; what was counted is told at its end."""
    faults = Faults(path, description)
    mentions: Counter[str] = Counter()
    sentences = 0
    for sentence in FORMATS[description.format](path, description, faults):
        sentences += 1
        mentions.update(tag[2:] for tag in sentence.tags if tag[0] in "BS")
        yield sentence
    if not tell:
        return
    faults.tell()
    of_each = ", ".join(f"{label} {mentions[label]:,}" for label in description.labels)
    logger.info(f"{path}: {sentences:,} sentences, {mentions.total():,} mentions ({of_each})")
