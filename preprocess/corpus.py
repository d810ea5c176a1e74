"""`corpus CONFIG.yaml`: every stage from raw text to fairseq binaries, in order, each skipped when it is done."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.progress import log

from . import binarize, clean, dedup, mix, shuffle, split, train_bpe
from .configuration import Configuration, read_configuration
from .engine.backends import EXECUTORS, Backend, LocalBackend, RayBackend, SlurmBackend


def prepare(path: Path, output: Path | None, root: Path | None = None, force: bool = False) -> dict[str, dict]:
    """Run the stages of a configuration, one after the other in this process; the manifest of each by its name.

    Input names are relative to `root`, by default the configuration's folder; the output folder to the current one.
    Under `output` stand `text/` (what each stage made), `tokenizer/` and `data/` (for fairseq-train).
    """
    return run_stages(read_configuration(path, output, root), force)


def run_stages(config: Configuration, force: bool = False) -> dict[str, dict]:
    """As `prepare`."""
    if config.output.is_remote:
        raise UserError(f"{config.output}: only an executor writes to an address; give --executor local, slurm or ray")
    if remote := [file for file in config.against if file.is_remote]:
        raise UserError(f"{remote[0]}: only an executor reads evaluation files from an address; give --executor local")
    output = Path(config.output)
    text, tokenizer, data = output / "text", output / "tokenizer", output / "data"
    done: dict[str, dict] = {}
    for number, entry in enumerate(config.entries):
        files = {"input": entry.files, "output": text / f"clean-{number:03d}.txt"}
        done[f"clean-{number:03d}"] = clean.clean(replace(entry.settings, **files), force)
    folders: dict[str | None, Path] = {}
    for name, (numbers, split_settings) in config.corpora().items():
        tag = f"-{name}" if name else ""
        cleaned, deduplicated, shuffled, folders[name] = (
            [text / f"clean-{number:03d}.txt" for number in numbers],
            text / f"dedup{tag}.txt",
            text / f"shuffled{tag}.txt",
            text / f"split{tag}",
        )
        settings = replace(config.dedup, input=cleaned, output=deduplicated, against=config.against)
        done[f"dedup{tag}"] = dedup.dedup(settings, force)
        settings = replace(config.shuffle, input=[deduplicated], output=shuffled)
        done[f"shuffle{tag}"] = shuffle.shuffle(settings, force)
        settings = replace(split_settings, input=[shuffled], output=folders[name])
        done[f"split{tag}"] = split.split(settings, force)
    splits = {name: [folder / f"{name}.txt" for folder in folders.values()] for name in config.splits}
    if config.mix is not None:
        corpora = [f"{name}={folder / 'train.txt'}" for name, folder in folders.items()]
        splits["train"] = [text / "mixed.txt"]
        done["mix"] = mix.mix(replace(config.mix, input=corpora, output=text / "mixed.txt"), force)
    settings = replace(config.train_bpe, input=splits["train"], output=tokenizer)
    done["train-bpe"] = train_bpe.train_bpe(settings, force)
    _drop_stale(output, config.splits, config.shards)
    for name in config.splits:
        shards = config.shards if name == "train" else 1
        files = {"input": splits[name], "tokenizer": tokenizer, "output": data, "split": name, "shards": shards}
        done[f"binarize-{name}"] = binarize.binarize(replace(config.binarize, **files), force)
    _tell(config)
    return done


def _drop_stale(output: Path, splits: Sequence[str], shards: int) -> None:
    """Remove what an earlier configuration left: splits and shards that are no more, binaries of another dictionary."""
    text, data = output / "text" / "split", output / "data"
    copy = data / "dict.txt"
    other = copy.exists() and copy.read_bytes() != (output / "tokenizer" / "dict.txt").read_bytes()
    for name in split.SPLITS:
        stale = [] if name in splits else [text / f"{name}.txt"]
        if gone := other or name not in splits:
            stale += [data / f"{name}.manifest.json"]
        # fairseq reads every shard it finds, in one row from the first.
        for path in data.glob(f"{name}*"):
            shard = re.fullmatch(rf"{name}(\d*)\.(idx|bin)", path.name)
            if shard and (gone or int(shard[1] or 0) >= (shards if name == "train" else 1)):
                stale.append(path)
        for path in stale:
            path.unlink(missing_ok=True)


def run_on_executor(config: Configuration, force: bool = False) -> None:
    """Run the same stages as tasks over files, on the executor of the configuration."""
    from .engine.plan import corpus_plan
    from .engine.records import open_sources
    from .engine.run import run_plan

    backend = _backend(config)
    addresses = [*(file for entry in config.entries for file in entry.files), *config.against]
    # Tasks may run in another folder.
    root = config.output if config.output.is_remote else os.path.abspath(config.output)
    sources = open_sources(root, addresses)
    run_plan(corpus_plan(config, sources, backend), root, backend, config.scratch, force)
    if backend.waits:
        _tell(config)


def _backend(config: Configuration) -> Backend:
    if config.executor == "slurm":
        return SlurmBackend(config.slurm)
    return RayBackend(config.ray) if config.executor == "ray" else LocalBackend(config.local)


def _tell(config: Configuration) -> None:
    data = f"{config.output}/data"
    if config.binarize.shard_layout == "folders":
        data = ":".join(f"{data}/shard{number}" for number in range(config.shards))
    log(
        f"corpus: ready for fairseq-train {data} --user-dir fairseq_hebrew --task hebrew_masked_lm "
        "--criterion masked_lm --arch hallelubert_base ... (docs/corpus.md)"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    options: argparse.ArgumentParser = parser(
        "fairseq-hebrew corpus", "Prepare a corpus: clean, dedup, shuffle, split, train-bpe, binarize."
    )
    options.add_argument("config", type=Path, help="YAML file with the inputs and the settings of each stage")
    options.add_argument("--input-root", type=Path, help="folder the input names are relative to (the config's)")
    options.add_argument("--output", help="folder or address for all that is made (overrides `output:`)")
    options.add_argument(
        "--executor",
        choices=EXECUTORS,
        help="run as tasks over files: on this machine, as jobs of Slurm, or on Ray (overrides `executor:`)",
    )
    options.add_argument("--force", action="store_true", help="run every stage although it is up to date")
    parsed = options.parse_args(arguments)

    def work() -> None:
        config = read_configuration(parsed.config, parsed.output, parsed.input_root, parsed.executor)
        (run_stages if config.executor is None else run_on_executor)(config, parsed.force)

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
