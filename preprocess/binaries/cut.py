"""Cutting lines that have too many tokens: after their sentences, else at a blank, else between two letters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence

from fairseq_hebrew.text.tokenizer import Tokenizer
from fairseq_hebrew.text.vocabulary import Vocabulary

_SENTENCE_END = re.compile(r"[.!?…][\"'”״)\]]*\s+")
# Characters a token has on average, generously: how much of a long sentence is looked at for its next cut.
_CHARACTERS_A_TOKEN = 8


def cut_lines(
    lines: Sequence[str],
    limit: int,
    tokenizer: Tokenizer | Vocabulary,
    encode_batch: Callable[[Sequence[str]], Sequence[Sequence[int]]] | None = None,
) -> list[list[str]]:
    """For each line the lines it becomes, none of more than `limit` tokens (its `</s>` counted); a line that is short
    enough becomes itself. Only white space is lost.

    `encode_batch` takes the place of the tokenizer's own, where a faster one is at hand.
    """

    def lengths(texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in (encode_batch or tokenizer.encode_batch)(texts)]

    long = [number for number, length in enumerate(lengths(lines)) if length >= limit]
    made = [[line] for line in lines]
    for number in long:
        made[number] = split_sentences(lines[number])
    # Sentences that are too long themselves are cut at blanks or between letters.
    sentences = [sentence for number in long for sentence in made[number]]
    cut = {
        sentence: [piece for piece in _pieces(sentence, limit, tokenizer) if piece.strip()]
        for sentence, length in zip(sentences, lengths(sentences))
        if length >= limit
    }
    for number in long:
        made[number] = [piece for sentence in made[number] for piece in cut.get(sentence, [sentence])]
    pieces = [piece for number in long for piece in made[number]]
    # A blank begins a new word in every tokenizer here, so the tokens of joined pieces are those of its parts.
    blank = tokenizer.before_word
    alone, after_blank = iter(lengths(pieces)), iter(lengths([f"{blank}{piece}" for piece in pieces]))
    for number in long:
        made[number] = list(_joined(made[number], limit, alone, after_blank))
    return made


def _joined(pieces: list[str], limit: int, alone: Iterator[int], after_blank: Iterator[int]) -> Iterator[str]:
    """As many pieces to a line as fit, by the tokens each has at the start of a line and after a blank."""
    current: list[str] = []
    held = 0
    # `pieces` first: zip would otherwise take a number too many.
    for piece, first, further in zip(pieces, alone, after_blank):
        if current and held + further >= limit:
            yield " ".join(current)
            current, held = [], 0
        held += further if current else first
        current.append(piece)
    if current:
        yield " ".join(current)


def split_sentences(line: str) -> list[str]:
    """The sentences of a line without the white space around them."""
    ends = [0, *(match.end() for match in _SENTENCE_END.finditer(line)), len(line)]
    found = (line[start:end].strip() for start, end in itertools.pairwise(ends))
    return [sentence for sentence in found if sentence]


def _pieces(sentence: str, limit: int, tokenizer: Tokenizer | Vocabulary) -> Iterator[str]:
    """A sentence cut at blanks, or between letters where there is no blank."""
    position = 0
    while position < len(sentence):
        width = limit * _CHARACTERS_A_TOKEN
        while True:
            window = sentence[position : position + width]
            offsets = tokenizer.encode_with_offsets(window)[1]
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
        while end > 1 and len(tokenizer.encode_with_offsets(window[:end])[0]) >= limit:
            end -= 1
        yield window[:end]
        position += end
        while sentence[position : position + 1] == " ":
            position += 1
