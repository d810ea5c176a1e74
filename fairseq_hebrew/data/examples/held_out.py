"""Splits that are held out of the training file, where a task comes without them.

Which split an example belongs to depends on its text alone, by a hash of it: examples of one text are all on one side,
so that nothing that is judged was learned, and what stands beside an example in the file changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.text.normalize import Normalization, normalize_line

TRAIN = "train"
_RULES = Normalization()

# The text of an example of each kind of task. Questions on one text are not to be on two sides.
TEXTS: dict[str, Callable[[Any], str]] = {
    "token_classification": lambda example: " ".join(example.words),
    "sequence_classification": lambda example: _both(example),
    "sequence_regression": lambda example: _both(example),
    "question_answering": lambda example: example.context,
}


def _both(example) -> str:
    return example.text if example.pair is None else f"{example.text}\n{example.pair}"


def text_of(example, description: TaskDescription) -> str:
    """What tells whether two examples have the same text: as a model reads it, without what white space differs."""
    lines = TEXTS[description.kind](example).split("\n")
    if description.normalize:
        return "\n".join(normalize_line(line, _RULES) for line in lines)
    return "\n".join(" ".join(line.split()) for line in lines)


def place(text: str, seed: int) -> float:
    """A number of its own for each text, 0 to 1, evenly spread; the same in every process."""
    digest = blake2b(f"{seed}\n{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def of_split(examples: Iterable, split: str, description: TaskDescription) -> Iterator:
    """The examples of the training file that belong to a split: to a held-out one, or to `train`, which is the rest."""
    first = 0.0
    for name, share in description.held_out.items():
        if name == split:
            break
        first += share
    last = first + description.held_out[split] if split in description.held_out else 1.0
    seed = description.held_out_seed
    return (example for example in examples if first <= place(text_of(example, description), seed) < last)
