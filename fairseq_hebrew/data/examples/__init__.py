"""Reading the files of a task as examples, by its description."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.stage.errors import UserError

from . import held_out
from .pair_lines import Pair
from .pairs import PairSet, read_pair_set, read_pairs
from .questions import Answer, Question, read_questions
from .tagged_words import TaggedSentence, read_tagged
from .texts import LabelledText, read_labelled, read_valued

__all__ = [
    "Answer",
    "LabelledText",
    "Pair",
    "PairSet",
    "Question",
    "TaggedSentence",
    "read_examples",
    "read_file",
    "read_pair_set",
    "split_path",
    "stream_examples",
    "stream_file",
]

# The reader of each kind of task: (path, description, tell) -> its examples, in the order of the file. tell: whether to
# log what was counted.
READERS: dict[str, Callable[[Path, TaskDescription], Iterator]] = {
    "token_classification": read_tagged,
    "sequence_classification": read_labelled,
    "sequence_regression": read_valued,
    "question_answering": read_questions,
    "retrieval": read_pairs,
}


def split_path(folder: Path, split: str, description: TaskDescription) -> Path:
    """The file a split of a task stands in; raises UserError for a split the description does not name."""
    if split not in description.splits:
        known = ", ".join(description.splits)
        raise UserError(f"the task {description.name} has no split {split!r} in its description; it has {known}")
    return folder / description.files[held_out.TRAIN if split in description.held_out else split]


def read_examples(folder: Path, split: str, description: TaskDescription) -> Sequence:
    """The examples of a split of a task, in the order of the file."""
    if description.kind == Retrieval.KIND:  # what is searched stands in the folder, the split's file perhaps below it
        return read_pair_set(split_path(folder, split, description), folder, description).pairs
    return list(stream_examples(folder, split, description))


def stream_examples(folder: Path, split: str, description: TaskDescription, tell: bool = True) -> Iterator:
    """The examples of a split of a task other than retrieval, as they are read."""
    path = split_path(folder, split, description)
    examples = stream_file(path, description, tell)
    if not description.held_out or split not in (held_out.TRAIN, *description.held_out):
        return examples
    return _some(
        held_out.of_split(examples, split, description),
        f"{path}: no example falls to {split}; hold out another share, or give the split a file",
    )


def read_file(path: Path, description: TaskDescription) -> list:
    """The examples of a file; raises UserError naming the line that is wrong."""
    return list(stream_file(path, description))


def stream_file(path: Path, description: TaskDescription, tell: bool = True) -> Iterator:
    """The examples of a file as they are read: lines one at a time, a JSON document as a whole."""
    examples = READERS[description.kind](path, description, tell)
    return _some(examples, f"{path}: no examples in the file; give the file with the labelled data")


def _some(examples: Iterator, otherwise: str) -> Iterator:
    """The examples; raises UserError where there is none."""
    there = False
    for example in examples:
        there = True
        yield example
    if not there:
        raise UserError(otherwise)
