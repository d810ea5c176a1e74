"""Records of labelled texts: a label a text, with the probability of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.data.examples import LabelledText
from fairseq_hebrew.data.labelled import Sample


def answer(description: TaskDescription, example: LabelledText, outputs: Sequence[tuple[Sample, Tensor]]) -> dict:
    """The record of a text from its sample and the logits (C,) of its classes."""
    ((_, logits),) = outputs
    probabilities = logits.softmax(-1)
    classes = description.classes
    scores = {name: round(float(p), 6) for name, p in zip(classes, probabilities)}
    return record(description, example, classes[int(probabilities.argmax())], scores)


def record(description: TaskDescription, example: LabelledText, predicted: str, scores: dict | None) -> dict:
    made = asked(description, example) | {
        "gold": example.label,
        "predicted": predicted,
        "labels": description.labels,
    }
    return made if scores is None else {**made, "scores": scores}


def asked(description: TaskDescription, example: LabelledText) -> dict:
    """What a record tells of its example, but the answer."""
    return {
        "kind": description.kind,
        "task": description.name,
        "line": example.line,
        **({} if example.id is None else {"id": example.id}),
        "text": example.text,
        **({} if example.pair is None else {"pair": example.pair}),
    }


def majority(description: TaskDescription, train: Iterable, examples: Iterable) -> Iterator[dict]:
    """The most frequent label of the training split."""
    label = Counter(example.label for example in train).most_common(1)[0][0]
    yield from (record(description, example, label, None) for example in examples)
