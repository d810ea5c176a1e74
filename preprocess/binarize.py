"""`binarize`: text straight to fairseq's memory-mapped format, byte for byte what fairseq-preprocess would write."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import manifest_path, require_inputs, run_stage
from fairseq_hebrew.stage.options import recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.progress import Progress, log
from fairseq_hebrew.text.dictionary import MASK, SPECIALS, read_symbols
from fairseq_hebrew.text.tokenizer import model_files
from fairseq_hebrew.text.vocabulary import symbols_fingerprint

from .binaries.count import FROM_CORPUS, dictionary_from_corpus
from .binaries.encoder import ENCODERS
from .binaries.indexed import token_dtype
from .binaries.part import binarize_part
from .binaries.shards import Shard, even_shards, one_shard, shards_by_file
from .text_files import text_files

LAYOUTS = ("files", "folders")
# A dictionary of a tokenizer's own text knows all but what a few rare pieces make.
_MANY_UNKNOWN = 0.01


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns, joined in this order", changes_result=False)
    tokenizer: Path = setting(help="folder written by train-bpe or import-hf", changes_result=False)
    output: Path = setting(help="data folder for fairseq-train: SPLIT.bin, SPLIT.idx, dict.txt", changes_result=False)
    split: str = setting("train", "name of the files: train, valid, test")
    dict: Path = setting(
        None,
        "another dict.txt than the tokenizer's; from-corpus: count this text first, most frequent ids first",
        changes_result=False,
    )
    max_document_tokens: int = setting(
        0, "cut longer documents at the end of a paragraph, then of a sentence; 0: never"
    )
    shards: int = setting(1, "deal the documents to so many shards of about equal size", least=1)
    shard_by_file: bool = setting(False, "one shard an input file")
    shard_layout: str = setting(
        "files",
        "files: SPLIT, SPLIT1, SPLIT2... in one folder, read together; folders: shard0/SPLIT, shard1/SPLIT..., read in "
        "turn, one an epoch, from shard0:shard1:...",
        LAYOUTS,
    )
    encoder: str = setting(
        "auto",
        "auto: the fast encoder, if it gives the same ids as the tokenizer's own library on a sample of this text; "
        "fast: stop if it does not; huggingface: the library",
        ENCODERS,
        changes_result=False,
    )
    workers: int = setting(
        1, "threads, or processes for the library; the output is the same", changes_result=False, least=1
    )

    def __post_init__(self) -> None:
        if self.max_document_tokens < 0 or 0 < self.max_document_tokens < 8:
            raise UserError(f"--max-document-tokens {self.max_document_tokens}: 0 (never) or at least 8")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.split):
            raise UserError(f"--split {self.split!r}: a name of letters, digits, '_', '-' and '.'")
        if self.shard_by_file and self.shards > 1:
            raise UserError("--shards and --shard-by-file: give one of them")


def binarize(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest.

    A line becomes its ids and `</s>`, a blank line a lone `</s>`. The output equals that of
    `fairseq-preprocess --only-source --srcdict dict.txt --workers 1` on the ids written as decimal strings; with
    shards their binaries one after the other are that output.
    """
    inputs = text_files(settings.input)
    require_inputs(inputs)
    shards = _shards(settings, inputs)
    targets = [_target(settings, number) for number in range(len(shards))]
    finals = [folder / f"{name}{ending}" for folder, name in targets for ending in (".bin", ".idx")]
    _drop_stale(settings, finals)
    _require_no_other_shards(settings, finals)
    folders = list(dict.fromkeys(folder for folder, _ in targets))
    others = _other_splits(settings, folders, finals)
    dictionary = settings.dict
    if str(dictionary) == FROM_CORPUS:
        dictionary = dictionary_from_corpus(
            inputs,
            settings.tokenizer,
            folders[0] / "dict.txt",
            others,
            settings.max_document_tokens,
            settings.workers,
            settings.encoder,
            force,
        )
    model = model_files(settings.tokenizer)
    source = dictionary or settings.tokenizer / "dict.txt"
    symbols = [*SPECIALS, *read_symbols(source)]
    # The dictionary in a data folder must be one for all its splits.
    content = source.read_bytes()
    copies = [folder / "dict.txt" for folder in folders]
    for copy in copies:
        if others and copy.exists() and copy.read_bytes() != content:
            raise UserError(f"{copy}: another dictionary than {source}; choose a new --output folder")

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        counts: dict = {}
        encoders: set[str] = set()
        total = sum(path.stat().st_size for path in inputs)
        with Progress(f"binarize {settings.split}", total) as progress:
            for shard, bin_path, idx_path in zip(shards, finals[::2], finals[1::2]):
                made = binarize_part(
                    shard,
                    settings.tokenizer,
                    dictionary,
                    (outputs.path(bin_path), outputs.path(idx_path)),
                    settings.max_document_tokens,
                    settings.workers,
                    settings.encoder,
                    progress.add,
                )
                encoders.add(made.pop("encoder"))
                counts = {key: counts.get(key, 0) + value for key, value in made.items()}
        if counts["unknown"] > _MANY_UNKNOWN * counts["tokens"]:
            log(
                f"binarize: {counts['unknown']:,} of {counts['tokens']:,} tokens are unknown to {source}; "
                "is it the dictionary of this tokenizer?"
            )
        for copy in copies:
            if not copy.exists() or copy.read_bytes() != content:
                # Not through `outputs`: splits that are binarized at the same time share this file.
                with scratch_folder(copy.with_name(f"{settings.split}.dict")) as scratch:
                    (scratch / "dict.txt").write_bytes(content)
                    os.replace(scratch / "dict.txt", copy)
        told = {
            "dtype": token_dtype(len(symbols)).name,
            "symbols": len(symbols),
            "encoder": ", ".join(sorted(encoders)),
        }
        return [*finals, *copies], {**counts, **told}

    settings_recorded = {**recorded(settings), "dictionary": symbols_fingerprint([*symbols, MASK])}
    settings_recorded["specials"] = list(SPECIALS)
    return run_stage("binarize", settings.output / settings.split, [*inputs, *model], settings_recorded, work, force)


def _shards(settings: Settings, inputs: Sequence[Path]) -> list[Shard]:
    if settings.shard_by_file:
        return shards_by_file(inputs)
    return even_shards(inputs, settings.shards) if settings.shards > 1 else one_shard(inputs)


def _target(settings: Settings, number: int) -> tuple[Path, str]:
    """The folder and the name, without ending, of a shard's files."""
    if settings.shard_layout == "folders":
        return settings.output / f"shard{number}", settings.split
    return settings.output, f"{settings.split}{number or ''}"


def _outputs_before(settings: Settings) -> set[Path]:
    """The files of the last run of this split, by its manifest."""
    path = manifest_path(settings.output / settings.split)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["outputs"]
        return {path.parent / record["path"] for record in found}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _drop_stale(settings: Settings, finals: Sequence[Path]) -> None:
    """Remove the shards that the last run of this split made and this one will not: fairseq would read them too."""
    for path in _outputs_before(settings) - set(finals):
        if path.suffix in (".bin", ".idx"):
            path.unlink(missing_ok=True)


def _require_no_other_shards(settings: Settings, finals: Sequence[Path]) -> None:
    """Raise UserError for a file that fairseq would read as a shard of this split and nobody answers for.

    A run that was killed may have left it. One that has a manifest was asked for by its own name.
    """
    if settings.shard_layout == "folders":
        return
    for path in sorted(settings.output.glob(f"{settings.split}*")):
        is_shard = re.fullmatch(rf"{re.escape(settings.split)}\d+\.(idx|bin)", path.name)
        if is_shard and path not in finals and not manifest_path(path.with_suffix("")).exists():
            raise UserError(
                f"{path}: fairseq would read it as a shard of {settings.split}, which it is not; remove it or choose a "
                "new --output folder"
            )


def _other_splits(settings: Settings, folders: Sequence[Path], finals: Sequence[Path]) -> bool:
    """Whether binaries of other splits stand in the data folders."""
    return any(path not in finals for folder in folders for path in folder.glob("*.idx"))


COMMAND = StageCommand("binarize", "Write text as fairseq's .bin and .idx files.", Settings, binarize)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
