"""Cutting lines that have too many tokens: after their sentences, else at a blank, else between two letters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fairseq_hebrew.text.vocabulary import Vocabulary

_SENTENCE_END = re.compile(r"[.!?…][\"'”״)\]]*\s+")
# Characters a token has on average, generously: how much of a long sentence is looked at for its next cut.
_CHARACTERS_A_TOKEN = 8


def short_enough(lines: list[str], limit: int, vocabulary: Vocabulary) -> list[str]:
    """`lines` with each one of more than `limit` tokens (its `</s>` counted) cut; only white space is lost."""
    made: list[str] = []
    for line, ids in zip(lines, vocabulary.encode_batch(lines)):
        if len(ids) < limit:
            made.append(line)
        else:
            made += _joined(list(_sentences(line, limit, vocabulary)), limit, vocabulary)
    return made


def _joined(sentences: list[str], limit: int, vocabulary: Vocabulary) -> Iterator[str]:
    """As many sentences to a line as fit."""
    # A blank begins a new word in every tokenizer here, so the tokens of joined sentences are those of its parts.
    first = [len(ids) for ids in vocabulary.encode_batch(sentences)]
    further = [len(ids) for ids in vocabulary.encode_batch([f" {sentence}" for sentence in sentences])]
    current: list[str] = []
    held = 0
    for sentence, alone, after_blank in zip(sentences, first, further):
        if current and held + after_blank >= limit:
            yield " ".join(current)
            current, held = [], 0
        held += after_blank if current else alone
        current.append(sentence)
    if current:
        yield " ".join(current)


def _sentences(line: str, limit: int, vocabulary: Vocabulary) -> Iterator[str]:
    """The sentences of a line without the white space around them, those that are too long cut."""
    position = 0
    for end in [*(match.end() for match in _SENTENCE_END.finditer(line)), len(line)]:
        if sentence := line[position:end].strip():
            yield from (piece for piece in _pieces(sentence, limit, vocabulary) if piece.strip())
        position = end


def _pieces(sentence: str, limit: int, vocabulary: Vocabulary) -> Iterator[str]:
    """A sentence cut at blanks, or between letters where there is no blank."""
    position = 0
    while position < len(sentence):
        width = limit * _CHARACTERS_A_TOKEN
        while True:
            window = sentence[position : position + width]
            offsets = vocabulary.encode_with_offsets(window)[1]
            if len(offsets) >= limit or position + width >= len(sentence):
                break
            width *= 2
        if len(offsets) < limit:
            yield window
            return
        end = offsets[limit - 1][0]
        blank = window.rfind(" ", 1, end + 1)
        end = blank if blank > 0 else max(end, 1)
        # A word that is cut may have more tokens than its letters had in the whole.
        while end > 1 and len(vocabulary.encode_with_offsets(window[:end])[0]) >= limit:
            end -= 1
        yield window[:end]
        position += end
        while sentence[position : position + 1] == " ":
            position += 1
