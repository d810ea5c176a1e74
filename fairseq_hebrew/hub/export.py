"""`export-hf`: a checkpoint as a folder that transformers reads, with no code of this project."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.stage.progress import log
from fairseq_hebrew.text.tokenizer import model_file, model_files
from fairseq_hebrew.text.vocabulary import Vocabulary

from .card import Card, model_card
from .checkpoint import DESCRIPTION, Checkpoint, read_checkpoint
from .extras import add_written
from .formats import FORMATS, Format, own_format
from .keys import Kind, sizes, to_theirs
from .original_ids import with_original_ids
from .provenance import read_manifests, read_scores
from .tokenizer_files import open_vocabulary, tokenizer_files

NAME = "export-hf"
MARK = "exported_by"  # in config.json: the folder is ours and may be written again
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Asked:
    """What may be asked of an export beside its checkpoint; None: found or chosen from the checkpoint."""

    tokenizer: Path | None = None
    dictionary: Path | None = None
    description: str | None = None
    form: str | None = None
    scores: Sequence[Path] = ()
    license: str | None = None
    original_ids: bool = False
    force: bool = False


def export(checkpoint_path: Path, output: Path, asked: Asked = Asked()) -> dict:
    """Write the folder `output`, all of its files or none; the manifest.

    Raises UserError when the checkpoint, the tokenizer or the folder is not what it should be, when they do not belong
    together, and when the format cannot be that model exactly.
    """
    check_output(output, asked.force)
    checkpoint = read_checkpoint(checkpoint_path, asked.description)
    if checkpoint.setting("task", "crf"):
        raise UserError(
            f"{checkpoint_path}: its tags are chosen by a CRF, which transformers' token classification has not; "
            "export one that was fine-tuned without --crf"
        )
    form, kind = choose_format(checkpoint, asked.form)
    vocabulary = open_vocabulary(asked.tokenizer or find_tokenizer(checkpoint), asked.dictionary)
    check_dictionary(checkpoint, vocabulary)
    # All that can be wrong with the input is found before anything of an older export is touched.
    # What `predict` cuts texts at, transformers' pipelines shall too; words of tagged sentences are never cut off here.
    longest = checkpoint.longest if checkpoint.task == "sequence_classification" else None
    longest = longest or checkpoint.config.max_positions
    texts = tokenizer_files(vocabulary, longest, asked.original_ids) | form.files()
    ids: dict[str, int] = {}
    if asked.original_ids:
        checkpoint, ids = with_original_ids(checkpoint, vocabulary, form)
    tensors = to_tensors(checkpoint, form, kind)
    parameters = sum(tensor.numel() for tensor in checkpoint.state.values())
    config = form.config_json(
        checkpoint.config, kind, checkpoint.labels, checkpoint.setting("task", "head_dropout")
    ) | {MARK: f"fairseq_hebrew {__version__}"}
    config |= {name: i for name, i in ids.items() if name in config}
    if checkpoint.description:
        config[DESCRIPTION] = json.loads(checkpoint.description.to_json())
    known = read_manifests(checkpoint, vocabulary.folder)
    scores = [read_scores(path) for path in asked.scores]
    license = asked.license or UNKNOWN
    texts["README.md"] = model_card(
        Card(output.resolve().name, checkpoint, kind, form, vocabulary, parameters, license, known, scores)
    )
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
    settings = {"license": license, "description": told, "format": form.name, "original_ids": asked.original_ids}
    inputs = [
        checkpoint_path,
        *model_files(vocabulary.folder),
        vocabulary.dictionary_path,
        *asked.scores,
        *(Path(manifest.path) for manifest in known),
    ]
    manifest = run_stage(NAME, output / NAME, inputs, settings, work, asked.force)
    code = ", trust_remote_code=True" if form.files() else ""
    if kind.pipeline != "question-answering":  # transformers 5 has no such pipeline
        log(f'{NAME}: try it with transformers.pipeline("{kind.pipeline}", "{output}"{code})')
    return manifest


def choose_format(checkpoint: Checkpoint, asked: str | None) -> tuple[Format, Kind]:
    """The format asked for, or the family's own, and what the checkpoint's task is there.

    Raises UserError, with the reason and the formats that serve, for one that cannot be this model exactly.
    """
    form = FORMATS[asked] if asked else own_format(checkpoint.family)
    why = _refusal(form, checkpoint)
    if why is None:
        return form, form.kinds[checkpoint.task]
    others = [other.name for other in FORMATS.values() if _refusal(other, checkpoint) is None]
    remedy = f"give --format {' or '.join(others)}" if others else "no format here holds it"
    raise UserError(f"{checkpoint.path}: cannot be exported as {form.name} exactly: {why}; {remedy}")


def _refusal(form: Format, checkpoint: Checkpoint) -> str | None:
    if checkpoint.task not in form.kinds:
        return f"there is no head for {checkpoint.task} there that is the one here"
    return form.refuses(checkpoint.config)


def to_tensors(checkpoint: Checkpoint, form: Format, kind: Kind) -> dict[str, Tensor]:
    """All tensors of the folder, float32; raises UserError as `keys.to_theirs`."""
    config, rows = checkpoint.config, form.rows(checkpoint.config, kind)
    letters = sizes(config, checkpoint.outputs)
    state = {name: tensor.to(torch.float32) for name, tensor in checkpoint.state.items()}
    made = to_theirs(rows, state, letters, config)
    add_written(form.extras, made, letters)
    return made


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
    """The folder the checkpoint was fine-tuned with, or, after pretraining, the one at or beside its data folder, or
    what import-hf wrote beside the checkpoint."""
    beside = checkpoint.path.parent / "tokenizer"
    if folder := checkpoint.setting("task", "tokenizer_dir"):
        return beside if checkpoint.imported and not Path(folder).is_dir() else Path(folder)
    data = Path(str(checkpoint.setting("task", "data", "")).split(":")[0])
    for folder in (data, data.parent / "tokenizer", *([beside] if checkpoint.imported else [])):
        if folder.is_dir() and _has_tokenizer(folder):
            return folder
    raise UserError(
        f"{checkpoint.path}: names no tokenizer, and none stands beside its data folder {data}; "
        "give the folder written by train-bpe with --tokenizer"
    )


def _has_tokenizer(folder: Path) -> bool:
    try:
        return bool(model_file(folder))
    except UserError:
        return False


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
        f"fairseq-hebrew {NAME}", "Write a checkpoint, pretrained or fine-tuned, as a Hugging Face folder."
    )
    options.add_argument("checkpoint", type=Path, help="checkpoint_best.pt of a training run")
    options.add_argument("output", type=Path, help="folder for the exported model")
    options.add_argument(
        "--tokenizer", type=Path, help="folder written by train-bpe (that of fine-tuning, or beside the training data)"
    )
    options.add_argument("--dict", type=Path, help="another dict.txt than the tokenizer's, as binarize --dict had")
    options.add_argument("--description", help="the task's description, where it was moved since fine-tuning")
    options.add_argument("--format", choices=FORMATS, help="class of transformers (that of the checkpoint's family)")
    options.add_argument("--license", help="of the model, for the model card")
    options.add_argument(
        "--scores", type=Path, nargs="+", default=[], help="what `fairseq-hebrew score` wrote, for the model card"
    )
    options.add_argument(
        "--original-ids", action="store_true", help="of an imported model: the ids its tokenizer came with"
    )
    options.add_argument(
        "--force", action="store_true", help="run although the output is up to date, or among files of another origin"
    )
    given = options.parse_args(arguments)
    asked = Asked(
        given.tokenizer, given.dict, given.description, given.format, given.scores, given.license,
        given.original_ids, given.force,
    )  # fmt: skip
    return run_command(lambda: export(given.checkpoint, given.output, asked), given.debug)


if __name__ == "__main__":
    raise SystemExit(main())
