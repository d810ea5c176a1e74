"""A sample: the ids that a model reads and what it shall predict; and the pieces of a text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.text.dictionary import UNK
from fairseq_hebrew.text.normalize import Normalization, normalize_line
from fairseq_hebrew.text.vocabulary import Vocabulary

# Target of a position that has no label of its own; torch's cross-entropy ignores it by default.
IGNORE = -100


@dataclass(frozen=True)
class Sample:
    """Ids (T,) with `<s>` and `</s>`, int64; targets (T,) or (), int64; which words of which example these are."""

    tokens: torch.Tensor
    target: torch.Tensor
    example: int
    first_word: int = 0
    # For each word of the sample the position of its first piece, where its label stands.
    positions: tuple[int, ...] = ()
    example_words: int = 0  # of the whole example; more than there are positions where it was cut in windows
    word_starts: torch.Tensor | None = None  # (T,) int64: for each piece of a word the position of its first one


class SampleMaker(ABC):
    """Turns the examples of a kind of task into samples, with one vocabulary and one description.

    A kind says what `samples` are; `length` and `longer` serve to choose the length of its samples by the examples.
    """

    longer: ClassVar[str]  # what becomes of an example of more than max_tokens, as it is told: "cut at their ends"
    least = 0  # tokens that samples must have room for, however short the examples are

    def __init__(self, vocabulary: Vocabulary, description: TaskDescription, max_tokens: int) -> None:
        self.vocabulary, self.description, self.max_tokens = vocabulary, description, max_tokens
        self._rules = Normalization() if description.normalize else None
        self.pieces = lru_cache(maxsize=200_000)(self._pieces)
        self.cut = 0  # examples that were longer than max_tokens

    def _pieces(self, text: str) -> tuple[int, ...]:
        """The ids of a text, normalized as the description says; one unknown piece where nothing is left of it."""
        if self._rules is not None:
            leading = " " if text.startswith(" ") else ""
            text = leading + normalize_line(text, self._rules)
        ids = self.vocabulary.encode_batch([text])[0]
        # A word of nothing but stripped signs still needs a place for its label.
        return tuple(int(i) for i in ids) or (UNK,)

    def framed(self, pieces: Sequence[int]) -> torch.Tensor:
        """`<s>` pieces `</s>`, int64."""
        return torch.tensor([self.vocabulary.bos, *pieces, self.vocabulary.eos])

    @abstractmethod
    def length(self, example) -> int:
        """Tokens of the whole example as one sample, `<s>` and `</s>` included, were there room for all of it."""

    @abstractmethod
    def samples(self, index: int, example) -> list[Sample]:
        """The samples of the example of that number; at least one, whatever its length."""
