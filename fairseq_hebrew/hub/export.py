"""`export-hf`: a checkpoint as a folder that transformers reads, with no code of this project."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.stage.progress import log
from fairseq_hebrew.text.tokenizer import BACKENDS, ByteLevelBPE
from fairseq_hebrew.text.vocabulary import Vocabulary

from .card import model_card
from .checkpoint import Checkpoint, read_checkpoint
from .roberta import config_json, to_hf
from .tokenizer_files import open_vocabulary, tokenizer_files

NAME = "export-hf"
MARK = "exported_by"  # in config.json: the folder is ours and may be written again


def export(
    checkpoint_path: Path,
    output: Path,
    tokenizer: Path | None = None,
    dictionary: Path | None = None,
    description: str | None = None,
    license: str = "unknown",
    force: bool = False,
) -> dict:
    """Write the folder `output`, all of its files or none; the manifest.

    Raises UserError when the checkpoint, the tokenizer or the folder is not what it should be, and when the three do
    not belong together.
    """
    check_output(output, force)
    checkpoint = read_checkpoint(checkpoint_path, description)
    vocabulary = open_vocabulary(tokenizer or find_tokenizer(checkpoint), dictionary)
    check_dictionary(checkpoint, vocabulary)
    # All that can be wrong with the input is found before anything of an older export is touched.
    texts = tokenizer_files(vocabulary, checkpoint.config.max_positions)
    tensors = to_hf(checkpoint.state, checkpoint.config, checkpoint.kind, len(checkpoint.labels))
    parameters = sum(tensor.numel() for tensor in checkpoint.state.values())
    head_dropout = checkpoint.setting("task", "head_dropout")
    config = config_json(checkpoint.config, checkpoint.kind, checkpoint.labels, head_dropout)
    config[MARK] = f"fairseq_hebrew {__version__}"
    texts["README.md"] = model_card(output.resolve().name, checkpoint, vocabulary, parameters, license)
    # Renamed last: a folder without it is no model to transformers.
    texts["config.json"] = json.dumps(config, ensure_ascii=False, indent=2) + "\n"

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        from safetensors.torch import save

        weights = output / "model.safetensors"
        with outputs.open(weights) as file:
            file.write(save(tensors, metadata={"format": "pt"}))
        for name, text in texts.items():
            with outputs.open(output / name) as file:
                file.write(text.encode("utf-8"))
        return [weights, *(output / name for name in texts)], {
            "parameters": parameters,
            "embeddings": len(vocabulary),
            "labels": len(checkpoint.labels),
            "updates": checkpoint.updates,
        }

    told = checkpoint.description.to_json() if checkpoint.description else None
    settings = {"license": license, "description": told}
    inputs = [checkpoint_path, vocabulary.folder / ByteLevelBPE.FILE, vocabulary.dictionary_path]
    manifest = run_stage(NAME, output / NAME, inputs, settings, work, force)
    log(f'{NAME}: try it with transformers.pipeline("{checkpoint.kind.pipeline}", "{output}")')
    return manifest


def check_output(output: Path, force: bool) -> None:
    """Raise UserError unless `output` is new, empty or an older export; with `force` it may be any folder."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file; name a folder for the exported model")
    if force or not output.exists():
        return
    # What a killed export leaves is nothing of anyone's.
    if not any(not path.name.endswith(".part") for path in output.iterdir()):
        return
    try:
        ours = MARK in json.loads((output / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        ours = False
    if not ours:
        raise UserError(
            f"{output}: holds files that {NAME} did not write; name another folder, or give --force to write among them"
        )


def find_tokenizer(checkpoint: Checkpoint) -> Path:
    """The folder the checkpoint was fine-tuned with, or, after pretraining, the one at or beside its data folder."""
    if folder := checkpoint.setting("task", "tokenizer_dir"):
        return Path(folder)
    data = Path(str(checkpoint.setting("task", "data", "")).split(":")[0])
    for folder in (data, data.parent / "tokenizer"):
        if any((folder / backend.FILE).is_file() for backend in BACKENDS):
            return folder
    raise UserError(
        f"{checkpoint.path}: names no tokenizer, and none stands beside its data folder {data}; "
        "give the folder written by train-bpe with --tokenizer"
    )


def check_dictionary(checkpoint: Checkpoint, vocabulary: Vocabulary) -> None:
    """Raise UserError unless the dictionary is the one the checkpoint was trained with."""
    here, has = vocabulary.dictionary_path, checkpoint.config.vocab_size
    remedy = "give the tokenizer folder it was trained with (--tokenizer), or the dict.txt of its data folder (--dict)"
    if len(vocabulary) != has:
        raise UserError(
            f"{here}: makes {len(vocabulary):,} embeddings, the checkpoint {checkpoint.path} has {has:,}; {remedy}"
        )
    if checkpoint.fingerprint not in (None, vocabulary.fingerprint):
        raise UserError(
            f"{here}: another dictionary (sha256 {vocabulary.fingerprint[:12]}) than the one of the checkpoint "
            f"{checkpoint.path} (sha256 {checkpoint.fingerprint[:12]}); {remedy}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    options: argparse.ArgumentParser = parser(
        f"fairseq-hebrew {NAME}", "Write a hallelubert checkpoint, pretrained or fine-tuned, as a Hugging Face folder."
    )
    options.add_argument("checkpoint", type=Path, help="checkpoint_best.pt of a training run")
    options.add_argument("output", type=Path, help="folder for the exported model")
    options.add_argument(
        "--tokenizer", type=Path, help="folder written by train-bpe (that of fine-tuning, or beside the training data)"
    )
    options.add_argument("--dict", type=Path, help="another dict.txt than the tokenizer's, as binarize --dict had")
    options.add_argument("--description", help="the task's description, where it was moved since fine-tuning")
    options.add_argument("--license", default="unknown", help="of the model, for the model card")
    options.add_argument(
        "--force", action="store_true", help="run although the output is up to date, or among files of another origin"
    )
    given = options.parse_args(arguments)
    return run_command(
        lambda: export(
            given.checkpoint, given.output, given.tokenizer, given.dict, given.description, given.license, given.force
        ),
        given.debug,
    )


if __name__ == "__main__":
    raise SystemExit(main())
