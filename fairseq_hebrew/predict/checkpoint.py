"""A fine-tuned checkpoint as a model and its task."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from fairseq_hebrew.data.described import CHECKPOINT_KEY, TaskDescription, read_description
from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.stage.errors import UserError

PLUGIN = Path(__file__).parents[1]
QUESTIONS = QuestionAnswering.KIND


def read_checkpoint(path: Path, description: str | None = None) -> dict:
    """The state of a fine-tuned checkpoint; raises UserError for any other file.

    `description` is taken by an imported model of questions that was given none; its head is the same for all.
    """
    from fairseq import checkpoint_utils, utils

    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; fairseq-train writes checkpoint_best.pt into its --save-dir")
    utils.import_user_module(argparse.Namespace(user_dir=str(PLUGIN)))
    state = checkpoint_utils.load_checkpoint_to_cpu(str(path))
    told = CHECKPOINT_KEY in (state.get("task_state") or {})
    task = (state.get("cfg") or {}).get("task")
    if not told and isinstance(task, Mapping) and task.get("_name") == QUESTIONS:
        if description is None:
            raise UserError(f"{path}: an imported model, which tells no description of its task; give --description")
        describe(state, read_description(description))
    elif not told:
        raise UserError(f"{path}: no checkpoint of a fine-tuning task; fine-tune one first, see docs/fine-tuning.md")
    return state


def describe(state: dict, description: TaskDescription) -> None:
    """Give a checkpoint that has none a description, in place."""
    from omegaconf import open_dict

    if description.kind != QUESTIONS:
        raise UserError(f"{description.where}: describes a {description.kind}; give the description of a {QUESTIONS}")
    cfg = state["cfg"]
    with open_dict(cfg):
        cfg["task"]["description"] = description.to_json()
        cfg["task"]["max_tokens_per_sample"] = min(description.max_tokens, cfg["model"]["max_positions"])
    state["task_state"] = {**(state.get("task_state") or {}), CHECKPOINT_KEY: description.to_json()}


def load_model(path: Path, state: dict, overrides: dict):
    """(model in evaluation mode, its task) from the state of a checkpoint."""
    from fairseq import checkpoint_utils
    from fairseq.dataclass.utils import overwrite_args_by_name

    # fairseq applies overrides while it reads a file, and this one is read.
    overwrite_args_by_name(state["cfg"], overrides)
    models, _, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], state=state)
    return models[0].eval(), task
