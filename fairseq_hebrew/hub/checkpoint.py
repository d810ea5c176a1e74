"""A checkpoint as the hub needs it: the tensors, the sizes, the task and the settings it was trained with."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from fairseq_hebrew.data.described import CHECKPOINT_KEY, LENGTH_KEY, TaskDescription, read_description
from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import PAD

from .formats import TASKS

# In task_state, what a task tells about its dictionary: {"sha256": of the symbols, "entries"}.
DICTIONARY = "hebrew_dictionary"
# In a checkpoint that import-hf wrote, what it came from: {"format", "folder"}; it has no training of its own.
IMPORTED = "imported_from"
# In the config.json of an export: what the model was fine-tuned on, for the way back.
DESCRIPTION = "task_description"
EMBEDDING = "encoder.embed_tokens.weight"
BY_ID = (EMBEDDING, "lm_head.weight", "lm_head.bias")  # a row for each id of the dictionary
PRETRAINED = "hebrew_masked_lm"
QUESTIONS = "question_answering"


@dataclass(frozen=True)
class Checkpoint:
    """`settings` is fairseq's whole cfg as plain containers; a pretrained model has no `description`."""

    path: Path
    architecture: str
    family: str
    task: str
    config: EncoderConfig
    state: dict[str, Tensor] = field(repr=False)
    settings: dict[str, Any] = field(repr=False)
    description: TaskDescription | None
    updates: int
    fingerprint: str | None  # sha256 of the dictionary's symbols in order, where the checkpoint keeps it
    imported: str | None = None  # the format of the folder it was imported from
    longest: int | None = None  # tokens of the longest sample of fine-tuning, where that was chosen

    @property
    def outputs(self) -> int:
        """How many outputs the head has; 0 for a pretrained model."""
        return 2 if self.task == QUESTIONS else len(self.labels)

    @property
    def labels(self) -> list[str]:
        """The names of the classes in the order of the head's outputs; none where these are no classes.

        Tags are named as in the task's files, labels of texts by the names that are shown, where these are distinct.
        """
        if self.description is None or self.task == QUESTIONS:
            return []
        classes = self.description.classes
        shown = [self.description.labels.get(name, name) for name in classes]
        return shown if self.task == "sequence_classification" and len(set(shown)) == len(shown) else classes

    def setting(self, group: str, name: str, default: Any = None) -> Any:
        """A setting of fairseq's, such as setting("optimization", "lr"); `default` where the checkpoint has none."""
        found = self.settings.get(group)
        value = found.get(name) if isinstance(found, Mapping) else None
        return default if value is None else value


def read_checkpoint(path: Path, description: str | None = None) -> Checkpoint:
    """Read what fairseq-train wrote for an architecture of this project; raises UserError for anything else.

    `description`, a name or the path of a YAML file, replaces the one a fine-tuned checkpoint tells.
    The file is read by torch's safe loader (weights_only): fairseq_hebrew_compat names it the classes it may make.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name the checkpoint in it, for instance {path}/checkpoint_best.pt")
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; fairseq-train writes checkpoint_best.pt into its --save-dir")
    from fairseq.checkpoint_utils import load_checkpoint_to_cpu
    from omegaconf import OmegaConf

    try:
        read = load_checkpoint_to_cpu(str(path))
        # A cfg of plain data; what an old fairseq pickled as an object has no settings of ours in it.
        cfg = OmegaConf.to_container(read["cfg"], resolve=True, enum_to_str=True)
        model, task = dict(cfg["model"]), dict(cfg["task"])
        state, history = read["model"], read["optimizer_history"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: not a checkpoint of fairseq-train 0.12 ({type(error).__name__}: {error}); give one it wrote"
        ) from error
    architecture, name = str(model.get("_name")), str(task.get("_name"))
    if name not in TASKS:
        raise UserError(f"{path}: trained with the task {name}, which cannot be exported; those are {', '.join(TASKS)}")
    if EMBEDDING not in state:
        raise UserError(f"{path}: the checkpoint has no {EMBEDDING}; it is damaged, take another copy")
    family, config = _encoder(path, architecture, model, len(state[EMBEDDING]))
    task_state = read.get("task_state") or {}
    return Checkpoint(
        path=path,
        architecture=architecture,
        family=family,
        task=name,
        config=config,
        state=state,
        settings=cfg,
        description=_description(path, name, description or task_state.get(CHECKPOINT_KEY)),
        updates=int(history[-1]["num_updates"]),
        fingerprint=(task_state.get(DICTIONARY) or {}).get("sha256"),
        imported=(read.get(IMPORTED) or {}).get("format"),
        longest=task_state.get(LENGTH_KEY),
    )


def _encoder(path: Path, architecture: str, model: Mapping, embeddings: int) -> tuple[str, EncoderConfig]:
    """The family of an architecture and the encoder its options make; options younger than the checkpoint are the
    family's."""
    from fairseq_hebrew.models.hallelubert import HALLELUBERT
    from fairseq_hebrew.models.neodictabert import NEODICTABERT
    from fairseq_hebrew.models.options import encoder_config

    families = {family.name: family for family in (HALLELUBERT, NEODICTABERT)}
    family = families.get(architecture.split("_")[0])
    if family is None:
        raise UserError(
            f"{path}: a checkpoint of the architecture {architecture}; models of {', '.join(families)} can be exported"
        )
    try:
        return family.name, encoder_config(Namespace(**model), family, embeddings, PAD)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: the settings in it make no model ({error}); take another copy") from error


def _description(path: Path, task: str, told: object) -> TaskDescription | None:
    if task == PRETRAINED or (task == QUESTIONS and not told):
        return None
    if not told:
        raise UserError(f"{path}: tells no description of its task; give the one it was trained with (--description)")
    description = read_description(str(told))
    if description.kind != task:
        raise UserError(
            f"{path}: trained with the task {task}, the description {description.where} is of a {description.kind}; "
            "give the one it was trained with (--description)"
        )
    return description
