"""Records of tagged words: a tag a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from torch import Tensor

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.data.examples import TaggedSentence
from fairseq_hebrew.data.labelled import Sample


def answer(description: TaskDescription, example: TaggedSentence, outputs: Sequence[tuple[Sample, Tensor]]) -> dict:
    """The record of a sentence from its samples and their logits (T, C), in the order of their words."""
    classes = description.classes
    # A sentence cut in two is joined again by appending.
    tags = [classes[int(logits[position].argmax())] for sample, logits in outputs for position in sample.positions]
    return record(description, example, tags)


def record(description: TaskDescription, example: TaggedSentence, predicted: list[str]) -> dict:
    return {
        "kind": description.kind,
        "task": description.name,
        "scheme": description.scheme,
        "line": example.line,
        "words": example.words,
        "gold": example.tags,
        "predicted": predicted,
    }


def majority(description: TaskDescription, train: Sequence, examples: Sequence) -> Iterator[dict]:
    """The most frequent tag of each word in training, O for words not seen there: the most frequent tag of all is O,
    which finds nothing."""
    seen: dict[str, Counter] = {}
    for example in train:
        for word, tag in zip(example.words, example.tags):
            seen.setdefault(word, Counter())[tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in seen.items()}
    for example in examples:
        yield record(description, example, [best.get(word, "O") for word in example.words])
