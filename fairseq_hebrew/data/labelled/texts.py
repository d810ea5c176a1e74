"""Samples of texts with a label or a number; one text, or two beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fairseq_hebrew.data.examples import LabelledText

from .sample import Sample, SampleMaker


def shortened(first: Sequence[int], second: Sequence[int], room: int) -> tuple[Sequence[int], Sequence[int]]:
    """Two texts cut at their ends to `room` pieces together: the longer one first, then both alike."""
    half = room // 2
    keep = min(len(second), max(half, room - len(first)))
    return first[: room - keep], second[:keep]


class TextSamples(SampleMaker):
    """`<s> text </s>` or, as RoBERTa reads two, `<s> text </s> </s> pair </s>`; `target` () is the class, int64."""

    longer = "cut at their ends"

    def length(self, example: LabelledText) -> int:
        pieces = len(self.pieces(example.text))
        return pieces + 2 if example.pair is None else pieces + len(self.pieces(example.pair)) + 4

    def samples(self, index: int, example: LabelledText) -> list[Sample]:
        pieces = self.pieces(example.text)
        if example.pair is None:
            room = self.max_tokens - 2
            self.cut += len(pieces) > room
            return [Sample(self.framed(pieces[:room]), self.target(example), index)]
        pair, eos = self.pieces(example.pair), self.vocabulary.eos
        room = max(self.max_tokens - 4, 0)
        self.cut += len(pieces) + len(pair) > room
        first, second = shortened(pieces, pair, room)
        return [Sample(self.framed([*first, eos, eos, *second]), self.target(example), index)]

    def target(self, example: LabelledText) -> Tensor:
        return torch.tensor(self.description.classes.index(example.label))


class ValuedSamples(TextSamples):
    """As TextSamples; `target` () is the number, float32."""

    def target(self, example: LabelledText) -> Tensor:
        return torch.tensor(example.value, dtype=torch.float32)
