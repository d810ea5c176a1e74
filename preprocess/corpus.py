"""`corpus CONFIG.yaml`: every stage from raw text to fairseq binaries, in order, each skipped when it is done."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fairseq_hebrew.stage.address import Address, expand_addresses
from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.manifest import require_inputs
from fairseq_hebrew.stage.options import from_mapping
from fairseq_hebrew.stage.progress import log

from . import binarize, clean, dedup, shuffle, split, train_bpe
from .readers import Source, check_source

# What an input may say of how it is read: settings of `clean`.
READING = ("documents", "format", "text_field", "header", "max_broken")
SECTIONS = ("input", "output", "clean", "dedup", "shuffle", "split", "train-bpe", "binarize", "workers", "memory")


def read_config(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; a UserError names the line that cannot be read or the key that is unknown."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; docs/corpus.md shows a configuration") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; a configuration is a YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"{path}{line}: {reason}; see docs/corpus.md for a configuration") from None
    if not isinstance(config, Mapping):
        raise UserError(f"{path}: expected `key: value` lines; docs/corpus.md shows a configuration")
    for key in config:
        if key not in SECTIONS:
            raise UserError(f"{path}: unknown key {key!r}; known keys: {', '.join(SECTIONS)}")
    for key in ("input", "train-bpe"):
        if key not in config:
            raise UserError(f"{path}: the key {key!r} is missing; docs/corpus.md shows a configuration")
    return dict(config)


def prepare(path: Path, output: Path | None, root: Path | None = None, force: bool = False) -> dict[str, dict]:
    """Run the stages of a configuration; the manifest of each by its name.

    Input names are relative to `root`, by default the configuration's folder; the output folder to the current one.
    Under `output` stand `text/` (what each stage made), `tokenizer/` and `data/` (for fairseq-train).
    """
    config = read_config(path)
    if output is None:
        if not isinstance(config.get("output"), str):
            raise UserError(f"{path}: no output folder; set `output:` to a folder's name or give --output")
        output = Path(config["output"])
    common = {name: config[name] for name in ("workers", "memory") if name in config}
    text, tokenizer, data = output / "text", output / "tokenizer", output / "data"

    def settings(kind: type, section: str, **fixed: Any) -> Any:
        values = config.get(section) or {}
        if isinstance(values, Mapping):
            known = {field for field in kind.__dataclass_fields__}
            values = {**{key: value for key, value in common.items() if key in known}, **values}
        return from_mapping(kind, values, f"{path}: {section}", **fixed)

    # Every section is read before any work is done: a mistake in the last one must not cost the first ones' hours.
    sources = _sources(config["input"], path, root or path.parent)
    cleans = [
        settings(clean.Settings, "clean", input=files, output=text / f"clean-{number:03d}.txt", **reading)
        for number, (files, reading) in enumerate(sources)
    ]
    stages = {
        "dedup": settings(
            dedup.Settings, "dedup", input=[c.output for c in cleans], output=text / "dedup.txt", documents="blank"
        ),
        "shuffle": settings(
            shuffle.Settings, "shuffle", input=[text / "dedup.txt"], output=text / "shuffled.txt", documents="blank"
        ),
        "split": settings(
            split.Settings, "split", input=[text / "shuffled.txt"], output=text / "split", documents="blank"
        ),
        "train-bpe": settings(train_bpe.Settings, "train-bpe", input=[text / "split" / "train.txt"], output=tokenizer),
    }
    splits = [name for name in split.SPLITS if name == "train" or getattr(stages["split"], f"{name}_bytes")]
    binaries = [
        settings(
            binarize.Settings,
            "binarize",
            input=[text / "split" / f"{name}.txt"],
            tokenizer=tokenizer,
            output=data,
            split=name,
            dict=None,
        )
        for name in splits
    ]
    done = {f"clean-{number:03d}": clean.clean(made, force) for number, made in enumerate(cleans)}
    done["dedup"] = dedup.dedup(stages["dedup"], force)
    done["shuffle"] = shuffle.shuffle(stages["shuffle"], force)
    done["split"] = split.split(stages["split"], force)
    done["train-bpe"] = train_bpe.train_bpe(stages["train-bpe"], force)
    _drop_stale(output, splits)
    for name, made in zip(splits, binaries):
        done[f"binarize-{name}"] = binarize.binarize(made, force)
    log(f"corpus: ready for fairseq-train {data} --user-dir fairseq_hebrew --task hebrew_masked_lm")
    return done


def _drop_stale(output: Path, splits: Sequence[str]) -> None:
    """Remove what an earlier configuration left: splits that are no more, and binaries of another dictionary."""
    text, data = output / "text" / "split", output / "data"
    copy = data / "dict.txt"
    other = copy.exists() and copy.read_bytes() != (output / "tokenizer" / "dict.txt").read_bytes()
    for name in split.SPLITS:
        stale = [] if name in splits else [text / f"{name}.txt"]
        if other or name not in splits:
            stale += [data / f"{name}.{ending}" for ending in ("manifest.json", "idx", "bin")]
        for path in stale:
            path.unlink(missing_ok=True)


def _sources(given: Any, path: Path, root: Path) -> list[tuple[list[Address], dict[str, Any]]]:
    """(files, how they are read) of each input: a name, an address or a pattern, or a mapping of `path` and READING.

    The files of a pattern are cleaned together: lines that repeat across them are boilerplate of one source.
    """
    found: list[tuple[list[Address], dict[str, Any]]] = []
    for entry in given if isinstance(given, list) else [given]:
        entry = {"path": entry} if isinstance(entry, str) else entry
        keys = {str(key).replace("-", "_") for key in entry} if isinstance(entry, Mapping) else set()
        if "path" not in keys or keys - {"path", *READING}:
            raise UserError(
                f"{path}: input: expected a file name, or `path:` with any of {', '.join(READING)}; found {entry!r}"
            )
        if not isinstance(entry["path"], str):
            raise UserError(f"{path}: input: path: {entry['path']!r} is not text; put it in quotes")
        values = {key: value for key, value in entry.items() if key != "path"}
        checked = from_mapping(clean.Settings, values, f"{path}: input", input=[], output=Path())
        reading = {name: getattr(checked, name) for name in READING}
        found.append((expand_addresses([entry["path"]], base=root), reading))
    # Looked for now: a name with a mistake in it must not cost the hours of the stages before it.
    require_inputs([file for files, _ in found for file in files])
    for files, reading in found:
        for file in files:
            check_source(Source(file, **reading))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    options: argparse.ArgumentParser = parser(
        "fairseq-hebrew corpus", "Prepare a corpus: clean, dedup, shuffle, split, train-bpe, binarize."
    )
    options.add_argument("config", type=Path, help="YAML file with the inputs and the settings of each stage")
    options.add_argument("--input-root", type=Path, help="folder the input names are relative to (the config's)")
    options.add_argument("--output", type=Path, help="folder for all that is made (overrides `output:`)")
    options.add_argument("--force", action="store_true", help="run every stage although it is up to date")
    parsed = options.parse_args(arguments)
    return run_command(lambda: prepare(parsed.config, parsed.output, parsed.input_root, parsed.force), parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
