"""Records of tagged words: a tag a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.data.examples import TaggedSentence
from fairseq_hebrew.data.labelled import Sample
from fairseq_hebrew.text.spans import READERS


def answer(
    description: TaskDescription,
    example: TaggedSentence,
    outputs: Sequence[tuple[Sample, Tensor]],
    decode: Callable[[Tensor], list[int]] | None = None,
) -> dict:
    """The record of a sentence from its samples and their logits (T, C), in the order of their words.

    decode: logits (N, C) of all words -> their classes, where these are chosen together.
    """
    # A sentence cut in windows is joined again by appending: each word is one window's own.
    logits = torch.cat([logits[list(sample.positions)] for sample, logits in outputs])
    if decode:
        return record(description, example, [description.classes[i] for i in decode(logits)])
    probabilities, chosen = logits.softmax(-1).max(-1)
    scores = [round(p, 6) for p in probabilities.tolist()]
    return record(description, example, [description.classes[i] for i in chosen.tolist()], scores)


def record(
    description: TaskDescription, example: TaggedSentence, predicted: list[str], scores: list[float] | None = None
) -> dict:
    """`scores`: the probability of each tag, where they were chosen one by one; `offsets`: the range of characters of
    each word in `text`, as the entities have theirs. Where the file has no running text it is the words with blanks."""
    text, offsets = (example.text, example.offsets) if example.offsets is not None else joined(example.words)
    spans = READERS[description.tag_scheme]
    entities = {
        f"{name}_entities": [[offsets[first][0], offsets[last - 1][1], kind] for kind, first, last in spans(tags)]
        for name, tags in (("gold", example.tags), ("predicted", predicted))
    }
    return {
        "kind": description.kind,
        "task": description.name,
        "scheme": description.tag_scheme,
        "line": example.line,
        **({} if example.id is None else {"id": example.id}),
        "words": example.words,
        "gold": example.tags,
        "predicted": predicted,
        **({} if scores is None else {"scores": scores}),
        "text": text,
        "offsets": offsets,
        **entities,
    }


def joined(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The words with a blank between them, and the half-open range of characters of each."""
    ends = list(accumulate(len(word) + 1 for word in words))
    return " ".join(words), [(end - 1 - len(word), end - 1) for word, end in zip(words, ends)]


def majority(description: TaskDescription, train: Iterable, examples: Iterable) -> Iterator[dict]:
    """The most frequent tag of each word in training, O for words not seen there: the most frequent tag of all is O,
    which finds nothing."""
    seen: dict[str, Counter] = {}
    for example in train:
        for word, tag in zip(example.words, example.tags):
            seen.setdefault(word, Counter())[tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in seen.items()}
    for example in examples:
        yield record(description, example, [best.get(word, "O") for word in example.words])
