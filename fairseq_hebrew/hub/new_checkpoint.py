"""A checkpoint as fairseq-train writes one, of weights that it did not train."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import Tensor

from fairseq_hebrew.data.described import CHECKPOINT_KEY
from fairseq_hebrew.modules import EncoderConfig

from .checkpoint import DICTIONARY, IMPORTED, PRETRAINED, QUESTIONS
from .folder import Folder
from .labels import Labels

# The family of a format that is no family's own: all choices are written down, so that any serves.
NEAREST = "neodictabert"


def content(
    folder: Folder,
    config: EncoderConfig,
    state: dict[str, Tensor],
    labels: Labels,
    tokenizer: Path,
    fingerprint: dict[str, Any],
) -> dict[str, Any]:
    """What torch.save is given: no optimizer's state, nothing trained, the first epoch.

    `tokenizer`: its folder, where dict.txt stands too; `fingerprint`: of the dictionary, as the tasks keep it.
    """
    from fairseq.dataclass.configs import FairseqConfig
    from omegaconf import OmegaConf

    cfg = OmegaConf.to_container(OmegaConf.structured(FairseqConfig), enum_to_str=True)
    task: dict[str, Any] = {"_name": folder.task, "data": str(tokenizer)}
    task_state: dict[str, Any] = {DICTIONARY: fingerprint}
    if folder.task == PRETRAINED:
        criterion = "hebrew_masked_lm"
        task["tokens_per_sample"] = config.max_positions
    else:
        criterion = "spans" if folder.task == QUESTIONS else "classification"
        task |= {"tokenizer_dir": str(tokenizer), "head_dropout": _head_dropout(folder)}
    if labels.description:
        longest = min(labels.description.max_tokens, config.max_positions)
        task |= {"description": labels.description.to_json(), "max_tokens_per_sample": longest}
        task_state[CHECKPOINT_KEY] = labels.description.to_json()
    return {
        "cfg": cfg | {"task": task, "model": model_options(folder, config), "criterion": {"_name": criterion}},
        "args": None,
        "model": state,
        "criterion": {},
        "optimizer_history": [
            {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0},
        ],
        "task_state": task_state,
        "extra_state": {"train_iterator": {"version": 2, "epoch": 1, "iterations_in_epoch": 0, "shuffle": True}},
        IMPORTED: {"format": folder.form.name, "folder": folder.path.resolve().name},
    }


def model_options(folder: Folder, config: EncoderConfig) -> dict[str, Any]:
    """The model's options that make this encoder, all of them said."""
    from fairseq_hebrew.models.options import ARCHITECTURE, EncoderOptions

    made = {option.name: option.default for option in fields(EncoderOptions) if not option.name.startswith("_")}
    for option, name in ARCHITECTURE.items():
        value = getattr(config, name)
        made[option] = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
    return {"_name": next(iter(folder.form.families), NEAREST), **made}


def _head_dropout(folder: Folder) -> float:
    """Of config.json; where it has none, the dropout of the hidden states, as transformers takes it."""
    for name in ("classifier_dropout", "hidden_dropout_prob"):
        value = folder.settings.get(name)
        if isinstance(value, int | float) and 0 <= value < 1:
            return float(value)
    return 0.1
