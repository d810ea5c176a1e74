"""Reading the files of a task as examples, by its description."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.stage.errors import UserError

from . import held_out
from .pairs import Pair, PairSet, read_pair_set, read_pairs
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
]

# The reader of each kind of task: (path, description) -> its examples, in the order of the file.
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
    path = split_path(folder, split, description)
    if description.kind == Retrieval.KIND:  # what is searched stands in the folder, the split's file perhaps below it
        return read_pair_set(path, folder, description).pairs
    examples = read_file(path, description)
    if not description.held_out or split not in (held_out.TRAIN, *description.held_out):
        return examples
    if not (found := held_out.of_split(examples, split, description)):
        raise UserError(f"{path}: no example falls to {split}; hold out another share, or give the split a file")
    return found


def read_file(path: Path, description: TaskDescription) -> list:
    """The examples of a file; raises UserError naming the line that is wrong."""
    examples = list(READERS[description.kind](path, description))
    if not examples:
        raise UserError(f"{path}: no examples in the file; give the file with the labelled data")
    return examples
