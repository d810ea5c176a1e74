"""Samples of labelled texts: a label a text, cut at its end where it is too long."""

from __future__ import annotations

import torch

from fairseq_hebrew.data.examples import LabelledText

from .sample import Sample, SampleMaker


class TextSamples(SampleMaker):
    """`target` () is the class of the text."""

    def samples(self, index: int, example: LabelledText) -> list[Sample]:
        pieces = self.pieces(example.text)
        room = self.max_tokens - 2
        self.cut += len(pieces) > room
        target = torch.tensor(self.description.classes.index(example.label))
        return [Sample(self.framed(pieces[:room]), target, index)]
