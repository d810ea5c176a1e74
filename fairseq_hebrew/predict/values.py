"""Records of texts with a number."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.data.examples import LabelledText
from fairseq_hebrew.data.labelled import Sample

from .texts import asked


def answer(description: TaskDescription, example: LabelledText, outputs: Sequence[tuple[Sample, Tensor]]) -> dict:
    """The record of a text from its sample and what the head says of it, (1,)."""
    ((_, output),) = outputs
    return _record(description, example, float(output[0]))


def _record(description: TaskDescription, example: LabelledText, predicted: float) -> dict:
    return asked(description, example) | {"gold": example.value, "predicted": round(predicted, 6)}


def majority(description: TaskDescription, train: Iterable, examples: Iterable) -> Iterator[dict]:
    """The mean of the training split."""
    mean = statistics.fmean(example.value for example in train)
    yield from (_record(description, example, mean) for example in examples)
