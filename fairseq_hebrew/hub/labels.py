"""The labels of an imported model: the description of its task, and which output of the head is which class."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fairseq_hebrew.data.described import SCHEMES, TaskDescription, read_description
from fairseq_hebrew.stage.errors import UserError

from .checkpoint import PRETRAINED, QUESTIONS
from .folder import CONFIG, Folder

TAGS, TEXTS = "token_classification", "sequence_classification"
METRICS = {TAGS: "f1", TEXTS: "macro_f1"}


@dataclass(frozen=True)
class Labels:
    """`names`: of the head's outputs there; `order`: for each of our classes the output, None where these are one."""

    description: TaskDescription | None
    names: list[str]
    order: list[int] | None
    count: int


def read_labels(folder: Folder, task: str, given: str | None) -> Labels:
    """Those of a folder: described by `given`, by the folder itself if an export wrote it, or by the labels' names.

    Raises UserError where none of them describes as many classes of these names; it says what is to be given.
    """
    if task in (PRETRAINED, QUESTIONS):
        if given and task == PRETRAINED:
            raise UserError(f"--description {given}: {folder.path} is a pretrained model, it has no task")
        told = given or (json.dumps(folder.description, ensure_ascii=False) if folder.description else None)
        description = read_description(told) if told else None
        if description is not None and description.kind != task:
            raise UserError(
                f"{description.where}: describes a {description.kind}, the model is made for {task}; describe one"
            )
        return Labels(description, [], None, 2 if task == QUESTIONS else 0)
    problem = folder.settings.get("problem_type")
    if problem not in (None, "single_label_classification"):
        raise UserError(
            f"{folder.path / CONFIG}: says problem_type={problem!r}; heads here choose one label, it cannot be imported"
        )
    names = _names(folder)
    if given or folder.description is not None:
        description = read_description(given or json.dumps(folder.description, ensure_ascii=False))
    else:
        description = described_by_names(folder, task, names)
    where = f"{description.where}: " if given else f"{folder.path / CONFIG}: "
    if description.kind != task:
        raise UserError(f"{where}describes a {description.kind}, the model is made for {task}; {_remedy(task, names)}")
    order = _order(description, names)
    if order is None:
        raise UserError(
            f"{where}describes the classes {_shown(description.classes)}, the model has {_shown(names)}; "
            f"{_remedy(task, names)}"
        )
    return Labels(description, names, None if order == sorted(order) else order, len(names))


def _names(folder: Folder) -> list[str]:
    """The labels by output; transformers' own where config.json names none."""
    told = folder.settings.get("id2label")
    if told is None:
        count = folder.settings.get("num_labels", 2)
        told = {i: f"LABEL_{i}" for i in range(count if type(count) is int and count > 0 else 2)}
    try:
        by_id = {int(i): str(name) for i, name in told.items()}
    except (AttributeError, ValueError):
        by_id = {}
    if not by_id or sorted(by_id) != list(range(len(by_id))):
        raise UserError(f"{folder.path / CONFIG}: id2label does not name the outputs 0, 1, 2...; correct it")
    return [by_id[i] for i in range(len(by_id))]


def described_by_names(folder: Folder, task: str, names: Sequence[str]) -> TaskDescription:
    """A description with these classes: what it calls files and columns is the usual, its metric the kind's first."""
    values = {"name": folder.path.resolve().name, "kind": task, "files": {}, "metric": METRICS[task]}
    if task == TEXTS:
        if len(set(names)) != len(names):
            raise UserError(f"{folder.path / CONFIG}: two outputs have one label; {_remedy(task, names)}")
        return read_description(json.dumps({**values, "labels": list(names)}, ensure_ascii=False))
    types = list(dict.fromkeys(name.partition("-")[2] for name in names if "-" in name))
    for scheme in SCHEMES:
        made = {**values, "labels": types, "scheme": scheme}
        read = read_description(json.dumps(made, ensure_ascii=False)) if types else None
        if read is not None and sorted(read.classes) == sorted(names):
            return read
    raise UserError(
        f"{folder.path / CONFIG}: its labels {_shown(names)} are not O and all the tags of "
        f"{' or '.join(SCHEMES)}; {_remedy(task, names)}"
    )


def _order(description: TaskDescription, names: Sequence[str]) -> list[int] | None:
    """For each class of the description the output that has its name; None where they do not fit."""
    classes = description.classes
    if len(classes) != len(names):
        return None
    shown = [description.labels.get(name, name) for name in classes]
    for called in (classes, shown):
        if sorted(called) == sorted(names) and len(set(called)) == len(called):
            return [list(names).index(name) for name in called]
    # Names that transformers gave say nothing: the outputs are taken in order.
    return list(range(len(names))) if all(name == f"LABEL_{i}" for i, name in enumerate(names)) else None


def _remedy(task: str, names: Sequence[str]) -> str:
    wanted = "O and the tags of its scheme" if task == TAGS else "its labels"
    return (
        f"give --description FILE of a {task} whose classes, {wanted}, are these {len(names)} "
        "(docs/fine-tuning.md shows one)"
    )


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
