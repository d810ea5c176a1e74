"""Samples of tagged words: a label at the first piece of each word."""

from __future__ import annotations

import torch

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.data.examples import TaggedSentence
from fairseq_hebrew.text.vocabulary import Vocabulary

from .sample import IGNORE, Sample, SampleMaker
from .windows import windows

# Words that a window of a long sentence shares with the one before it.
OVERLAP = 16


class WordSamples(SampleMaker):
    """`target` (T,) holds a class at the first piece of each word and IGNORE elsewhere.

    overlap: words of context that the windows of a sentence longer than max_tokens share; word_starts: whether samples
    say which pieces are one word.
    """

    longer = "read in windows"

    def __init__(
        self,
        vocabulary: Vocabulary,
        description: TaskDescription,
        max_tokens: int,
        overlap: int = OVERLAP,
        word_starts: bool = False,
    ) -> None:
        super().__init__(vocabulary, description, max_tokens)
        self.overlap, self.word_starts = overlap, word_starts
        self._classes = {name: number for number, name in enumerate(description.classes)}

    def length(self, example: TaggedSentence) -> int:
        return sum(len(self.word_pieces(example, number)) for number in range(len(example.words))) + 2

    def samples(self, index: int, example: TaggedSentence) -> list[Sample]:
        """One sample, or several where a sentence is longer than max_tokens: each word has its label in one of them."""
        room = self.max_tokens - 2
        # A word longer than a sample keeps its first pieces: its label stands at the first.
        pieces = [self.word_pieces(example, number)[:room] for number in range(len(example.words))]
        made = [
            self._sample(index, example, pieces, *window)
            for window in windows([len(word) for word in pieces], room, self.overlap)
        ]
        self.cut += len(made) > 1
        return made

    def word_pieces(self, example: TaggedSentence, number: int) -> tuple[int, ...]:
        """A byte-level word is encoded with the blank before it, as it stands in text; the pre-tokenizer splits there,
        so word by word gives the pieces of the whole sentence."""
        word = example.words[number]
        alone = number == 0 or example.glued(number)
        return self.pieces(word if alone else f"{self.vocabulary.before_word}{word}")

    def _sample(
        self, index: int, example: TaggedSentence, pieces: list, first: int, last: int, own_first: int, own_last: int
    ) -> Sample:
        """Words first..last-1, of which own_first..own_last-1 have their labels here."""
        tokens = self.framed([piece for word in pieces[first:last] for piece in word])
        target = torch.full((len(tokens),), IGNORE)
        starts = torch.arange(len(tokens))
        positions = []
        at = 1
        for word in range(first, last):
            end = at + len(pieces[word])
            starts[at:end] = at
            if own_first <= word < own_last:
                positions.append(at)
                target[at] = self._classes[example.tags[word]]
            at = end
        its_starts = starts if self.word_starts else None
        return Sample(tokens, target, index, own_first, tuple(positions), len(example.words), its_starts)
