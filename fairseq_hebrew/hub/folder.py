"""A model folder of transformers: its config.json, which format and task it is, and its tensors in any of the files
that transformers writes."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairseq_hebrew.stage.errors import UserError

from .checkpoint import DESCRIPTION
from .formats import FORMATS, Format
from .keys import Kind

CONFIG = "config.json"
# In the order transformers looks for them; an index names the files of a model that is cut into several.
SAFE, SAFE_INDEX = "model.safetensors", "model.safetensors.index.json"
TORCH, TORCH_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
AGAIN = "take another copy"


@dataclass(frozen=True)
class Folder:
    """`settings`: config.json without what is this project's own; `description`: what it told of a fine-tuned one."""

    path: Path
    form: Format
    task: str
    settings: Mapping[str, Any]
    description: Mapping | None
    weights: list[Path]
    index: Path | None

    @property
    def kind(self) -> Kind:
        return self.form.kinds[self.task]

    @property
    def files(self) -> list[Path]:
        """What is read beside the tokenizer."""
        return [self.path / CONFIG, *([self.index] if self.index else []), *self.weights]

    def tensors(self) -> dict[str, Tensor]:
        """All of them; raises UserError for a damaged file, a tensor in two of them, and one the index misplaces."""
        found: dict[str, Tensor] = {}
        for path in self.weights:
            for name, tensor in _read(path).items():
                if name in found:
                    raise UserError(f"{path}: has {name}, which another file of the model has too; {AGAIN}")
                found[name] = tensor
        if self.index and (lost := read_json(self.index).get("weight_map", {}).keys() - found.keys()):
            raise UserError(f"{self.index}: names {min(lost)}, which none of its files has; {AGAIN}")
        return found

    def embeddings(self, tensors: Mapping[str, Tensor]) -> int:
        """Rows of the token embedding; raises UserError where there is none."""
        name = self.form.embedding
        if name not in tensors or tensors[name].dim() != 2:
            raise UserError(f"{self.path}: the model has no {name} of rows and columns; {AGAIN}")
        return len(tensors[name])


def open_folder(path: Path) -> Folder:
    """Read what a folder holds; raises UserError for one that is no model, or none that can be imported."""
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; give a model folder of Hugging Face, with its {CONFIG}")
    if not (path / CONFIG).is_file():
        raise UserError(f"{path}: no {CONFIG} there; give a model folder of Hugging Face")
    raw = read_json(path / CONFIG)
    form = next((form for form in FORMATS.values() if form.model_type == raw.get("model_type")), None)
    if form is None:
        known = ", ".join(form.model_type for form in FORMATS.values())
        raise UserError(f"{path / CONFIG}: a model of the type {raw.get('model_type')}; those that are read: {known}")
    described = raw.pop(DESCRIPTION, None)
    weights, index = _weights(path)
    return Folder(path, form, _task(path, form, raw), raw, described, weights, index)


def read_json(path: Path) -> dict:
    """A JSON object; raises UserError where the file holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no JSON ({error}); {AGAIN}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no settings by name; {AGAIN}")
    return content


def _task(path: Path, form: Format, raw: Mapping) -> str:
    tasks = {kind.architecture: task for task, kind in form.kinds.items()}
    named = raw.get("architectures") or []
    if len(named) != 1 or named[0] not in tasks:
        raise UserError(
            f"{path / CONFIG}: architectures is {named}; a model with a head that is known here has one of "
            f"{', '.join(tasks)}"
        )
    return tasks[named[0]]


def _weights(path: Path) -> tuple[list[Path], Path | None]:
    """The files of weights, and the index that named them."""
    for single, index in ((SAFE, SAFE_INDEX), (TORCH, TORCH_INDEX)):
        if (path / single).is_file():
            return [path / single], None
        if (path / index).is_file():
            names = read_json(path / index).get("weight_map")
            if not isinstance(names, dict) or not names:
                raise UserError(f"{path / index}: has no weight_map; {AGAIN}")
            files = sorted({str(name) for name in names.values()})
            for name in files:
                if Path(name).name != name or not (path / name).is_file():
                    raise UserError(f"{path / index}: names the file {name}, which is not there; copy the whole folder")
            return [path / name for name in files], path / index
    raise UserError(f"{path}: no {SAFE} (or {TORCH}) there; copy the whole folder")


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            raise UserError(f"{path}: not a whole safetensors file ({error}); {AGAIN}") from None
    try:
        read = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: refused by torch's safe loader ({reason}); {AGAIN}, with safetensors") from None
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: not a whole file of weights ({str(error).splitlines()[0]}); {AGAIN}") from None
    if not isinstance(read, dict) or not all(isinstance(tensor, Tensor) for tensor in read.values()):
        raise UserError(f"{path}: holds more than tensors by name; {AGAIN}")
    return dict(read)
