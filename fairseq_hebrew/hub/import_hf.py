"""`import-hf`: a model folder of transformers as a checkpoint of fairseq, with its tokenizer beside it.

The ids of fairseq's dictionary are those of the tokenizer in another order (`import_vocabulary.py`); the rows of the
embedding, of an output matrix and of its bias are put into that order, and nothing else of them changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.output import Outputs, partial_name
from fairseq_hebrew.stage.progress import log
from fairseq_hebrew.text.dictionary import MASK, PAD, SPECIALS, read_symbols
from fairseq_hebrew.text.tokenizer import model_files
from fairseq_hebrew.text.vocabulary import symbols_fingerprint

from .checkpoint import BY_ID
from .extras import take_out
from .folder import CONFIG, Folder, open_folder
from .formats import Format, extras_of
from .import_vocabulary import Imported, import_vocabulary
from .keys import HEAD, Kind, sizes, to_ours
from .labels import Labels, read_labels
from .new_checkpoint import content

NAME = "import-hf"
CHECKPOINT = "checkpoint.pt"


def import_hf(source: Path, output: Path, description: str | None = None, force: bool = False) -> dict:
    """Write OUTPUT/checkpoint.pt and OUTPUT/tokenizer/, all or nothing; the manifest.

    Raises UserError, in one line, where the folder is no such model, is damaged, or is one that cannot be read exactly.
    """
    folder = open_folder(source)
    form, task, kind = folder.form, folder.task, folder.kind
    check_output(output, force)
    tensors = folder.tensors()
    imported = import_vocabulary(source, folder.embeddings(tensors))
    labels = read_labels(folder, task, description)
    check_padding(folder, imported)
    config = form.read_config(folder.settings, tensors, imported.specials.pad)
    state = to_state(form, kind, config, tensors, labels.count)
    by_our_ids(state, config, imported, labels)
    config = replace(config, padding_idx=PAD)
    tokenizer = output / "tokenizer"

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        written = imported.write(outputs, tokenizer)
        symbols = [*SPECIALS, *read_symbols(partial_name(tokenizer / "dict.txt")), MASK]
        fingerprint = {"sha256": symbols_fingerprint(symbols), "entries": len(symbols)}
        made = content(folder, config, state, labels, tokenizer.resolve(), fingerprint)
        checkpoint = output / CHECKPOINT
        with outputs.open(checkpoint) as file:
            torch.save(made, file)
        return [checkpoint, *written], {
            "parameters": sum(tensor.numel() for tensor in state.values()),
            "embeddings": imported.rows,
            "embeddings_without_a_token": imported.unused,
            "ids": "as they were" if imported.order is None else "in another order",
            "labels": len(labels.names),
        }

    told = labels.description.to_json() if labels.description else None
    inputs = [*folder.files, *model_files(source)]
    # The checkpoint names the folder of its tokenizer.
    settings = {"description": told, "output": str(output.resolve())}
    manifest = run_stage(NAME, output / NAME, inputs, settings, work, force)
    for what in imported.changes:
        log(f"{NAME}: before it cuts a text, the tokenizer changes it: {what}")
    return manifest


def check_padding(folder: Folder, imported: Imported) -> None:
    """Raise UserError where the tokenizer pads with another id than the model knows as padding."""
    told = folder.settings.get("pad_token_id")
    if told is not None and told != imported.specials.pad:
        raise UserError(
            f"{folder.path / CONFIG}: says pad_token_id={told}, the tokenizer's padding is {imported.specials.pad}; "
            "take tokenizer and weights of the same model"
        )


def to_state(
    form: Format, kind: Kind, config: EncoderConfig, tensors: dict[str, Tensor], outputs: int
) -> dict[str, Tensor]:
    """Our tensors, float32, still in the order of their ids; raises UserError as `keys.to_ours`."""
    if why := form.refuses(config):
        raise UserError(f"config.json: {why}; it cannot be imported")
    rows = form.rows(config, kind)
    letters = sizes(config, outputs)
    tensors = {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
    written = take_out(extras_of(form, rows), tensors)
    state = to_ours(rows, tensors, letters, config)
    for told in form.finish(state, written, config):
        log(f"{NAME}: {told}")
    return state


def by_our_ids(state: dict[str, Tensor], config: EncoderConfig, imported: Imported, labels: Labels) -> None:
    """Put the rows that belong to ids and to labels into our order, in place."""
    if imported.order is not None:
        order = torch.from_numpy(imported.order)
        for name in BY_ID:
            if name in state:
                state[name] = state[name][order]
    if labels.order is not None:
        for part in ("weight", "bias"):
            state[f"heads.{HEAD}.out.{part}"] = state[f"heads.{HEAD}.out.{part}"][labels.order]
        log(f"{NAME}: the labels were put into the order of the description")


def check_output(output: Path, force: bool) -> None:
    """Raise UserError unless `output` is new, empty or an older import; with `force` it may be any folder."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file; name a folder for the checkpoint")
    if force or not output.exists() or (output / f"{NAME}.manifest.json").is_file():
        return
    if any(path.is_file() and not path.name.endswith(".part") for path in output.rglob("*")):
        raise UserError(
            f"{output}: holds files that {NAME} did not write; name another folder, or give --force to write among them"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    options: argparse.ArgumentParser = parser(
        f"fairseq-hebrew {NAME}", "Read a model folder of Hugging Face into a checkpoint and a tokenizer for fairseq."
    )
    options.add_argument("folder", type=Path, help="folder with config.json, the weights and the tokenizer")
    options.add_argument("output", type=Path, help=f"folder for {CHECKPOINT} and tokenizer/")
    options.add_argument(
        "--description", help="what a fine-tuned model was trained on, where the names of its labels do not tell"
    )
    options.add_argument(
        "--force", action="store_true", help="run although the output is up to date, or among files of another origin"
    )
    given = options.parse_args(arguments)
    return run_command(lambda: import_hf(given.folder, given.output, given.description, given.force), given.debug)


if __name__ == "__main__":
    raise SystemExit(main())
