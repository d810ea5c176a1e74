"""A fine-tuned checkpoint as a model and its task."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairseq_hebrew.data.described import CHECKPOINT_KEY
from fairseq_hebrew.stage.errors import UserError

PLUGIN = Path(__file__).parents[1]


def read_checkpoint(path: Path) -> dict:
    """The state of a fine-tuned checkpoint; raises UserError for any other file."""
    from fairseq import checkpoint_utils, utils

    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; fairseq-train writes checkpoint_best.pt into its --save-dir")
    utils.import_user_module(argparse.Namespace(user_dir=str(PLUGIN)))
    state = checkpoint_utils.load_checkpoint_to_cpu(str(path))
    if CHECKPOINT_KEY not in (state.get("task_state") or {}):
        raise UserError(f"{path}: no checkpoint of a fine-tuning task; fine-tune one first, see docs/fine-tuning.md")
    return state


def load_model(path: Path, state: dict, overrides: dict):
    """(model in evaluation mode, its task) from the state of a checkpoint."""
    from fairseq import checkpoint_utils
    from fairseq.dataclass.utils import overwrite_args_by_name

    # fairseq applies overrides while it reads a file, and this one is read.
    overwrite_args_by_name(state["cfg"], overrides)
    models, _, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], state=state)
    return models[0].eval(), task
