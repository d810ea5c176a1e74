"""The answers of a model on examples, in their order, a chunk of them in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

import torch

from fairseq_hebrew.data.labelled import LabelledDataset
from fairseq_hebrew.stage.errors import UsageError, UserError
from fairseq_hebrew.stage.progress import Progress

from . import questions, tagged_words, texts, values

# What makes records of a kind of task: `answer(description, example, [(sample, its output), ...])` and `majority`.
KINDS = {
    "token_classification": tagged_words,
    "sequence_classification": texts,
    "sequence_regression": values,
    "question_answering": questions,
}

CHUNK = 4096  # examples that are sorted by length together


def answers(model, task, examples: Iterable, *, batch_size: int, device: str) -> Iterator[dict]:
    """A record for each example, in order. What stands in the same batch or is padded changes no answer."""
    moved(model, device)
    answer = partial(KINDS[task.kind].answer, **task.answering(model))
    rest = iter(examples)
    with Progress("predict", None, "examples") as progress:
        while chunk := list(islice(rest, CHUNK)):
            samples = task.samples(chunk)
            found: list[list] = [[] for _ in chunk]
            for sample, output in zip(samples, outputs(model, task, samples, batch_size, device)):
                found[sample.example].append((sample, output))
            for example, its in zip(chunk, found):
                yield answer(task.description, example, its)
            progress.add(len(chunk))


def moved(model, device: str) -> None:
    """Put the model onto the device; raises UsageError where there is no such one."""
    try:
        model.to(device)
    except (RuntimeError, AssertionError) as error:  # the second of a torch without CUDA
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {device}: {reason}") from None


@torch.inference_mode()
def outputs(model, task, samples: list, batch_size: int, device: str) -> list[torch.Tensor]:
    """What the task's head makes of each sample, fp32 on the CPU; batches are of like lengths.

    Raises UserError for what is not finite: nothing can be read from it, and it would look like an answer.
    """
    dataset = LabelledDataset(samples, task.dictionary.pad(), seed=1)
    made: list = [None] * len(dataset)
    order = dataset.ordered_indices()
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        batch = dataset.collater([dataset[i] for i in indices])
        inputs = {name: value.to(device) for name, value in batch["net_input"].items()}
        logits = model(**inputs, head=task.head)[0].float().cpu()
        if not logits.isfinite().all():
            raise UserError(f"{task.description.name}: what the model says is not finite; take an earlier checkpoint")
        for row, index in enumerate(indices):
            made[index] = logits[row]
    return made
