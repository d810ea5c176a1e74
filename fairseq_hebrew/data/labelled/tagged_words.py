"""Samples of tagged words: a label at the first piece of each word."""

from __future__ import annotations

import torch

from fairseq_hebrew.data.examples import TaggedSentence

from .sample import IGNORE, Sample, SampleMaker


class WordSamples(SampleMaker):
    """`target` (T,) holds a class at the first piece of each word and IGNORE elsewhere."""

    def samples(self, index: int, example: TaggedSentence) -> list[Sample]:
        """One sample, or several where a sentence is longer than max_tokens: no word is ever dropped."""
        classes = {name: number for number, name in enumerate(self.description.classes)}
        room = self.max_tokens - 2
        made: list[Sample] = []
        pieces: list[int] = []
        positions: list[int] = []
        first = 0

        def close() -> None:
            tokens = self.framed(pieces)
            target = torch.full((len(tokens),), IGNORE)
            for word, position in enumerate(positions, start=first):
                target[position] = classes[example.tags[word]]
            made.append(Sample(tokens, target, index, first, tuple(positions)))

        for number, word in enumerate(example.words):
            # A byte-level word is encoded with the blank before it, as it stands in text; the pre-tokenizer splits
            # there, so word by word gives the pieces of the whole sentence. A word longer than a sample keeps its
            # first pieces: its label stands at the first.
            word_pieces = self.pieces(f"{self.vocabulary.before_word}{word}" if number > 0 else word)[:room]
            if pieces and len(pieces) + len(word_pieces) > room:
                close()
                pieces, positions, first = [], [], number
            positions.append(len(pieces) + 1)
            pieces.extend(word_pieces)
        close()
        self.cut += len(made) > 1
        return made
