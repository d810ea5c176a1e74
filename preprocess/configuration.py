"""The YAML file of a corpus: read and checked whole before any work begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from fairseq_hebrew.stage.address import Address, expand_addresses
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import require_inputs
from fairseq_hebrew.stage.options import from_mapping, unknown_key

from . import binarize, clean, dedup, mix, shuffle, split, train_bpe
from .duplicates.banding import Banding, choose_banding
from .engine.backends import EXECUTORS, LocalSettings, RaySettings, SlurmSettings, read_settings
from .engine.phases import PHASES
from .readers import check_source

STAGES = {
    "clean": clean.Settings,
    "dedup": dedup.Settings,
    "shuffle": shuffle.Settings,
    "split": split.Settings,
    "mix": mix.Settings,
    "train-bpe": train_bpe.Settings,
    "binarize": binarize.Settings,
}
SECTIONS = (
    "input",
    "output",
    *STAGES,
    "workers",
    "memory",
    "shards",
    "executor",
    "scratch",
    "slurm",
    "ray",
)
# Where a setting of a stage is given by the configuration itself.
FIXED = {"input", "output", "tokenizer", "split", "dict", "shards", "shard_by_file"}
# How an input is read: told first of the settings it may have of its own, and those it may not have.
_READING = {"documents", "format", "text_field", "header", "max_broken"}
_NOT_AN_INPUTS = {"boilerplate_repeats", "examples", "memory", "workers"}


@dataclass(frozen=True)
class Entry:
    """Files that are cleaned together: lines that repeat across them are boilerplate of one source.

    `corpus` is the name it goes by in a mixture.
    """

    files: list[Address]
    settings: clean.Settings
    corpus: str | None = None


@dataclass
class Configuration:
    """What a configuration says. Of the settings of stages, inputs and outputs are not set: `corpus` names them."""

    path: Path
    output: Address
    entries: list[Entry]
    against: list[Address]  # evaluation files
    dedup: dedup.Settings
    banding: Banding | None
    shuffle: shuffle.Settings
    split: split.Settings
    mix: mix.Settings | None
    train_bpe: train_bpe.Settings
    binarize: binarize.Settings
    shards: int
    executor: str | None
    scratch: str | None
    local: LocalSettings
    slurm: SlurmSettings | None
    ray: RaySettings

    @property
    def splits(self) -> list[str]:
        """The splits that get documents."""
        return [name for name in split.SPLITS if name == "train" or getattr(self.split, f"{name}_bytes")]

    def corpora(self) -> dict[str | None, tuple[list[int], split.Settings]]:
        """The numbers of the entries of each corpus, and how it is split; without a mixture there is one, named None.

        Of what is set apart each corpus gives its share of the mixture.
        """
        if self.mix is None:
            return {None: (list(range(len(self.entries))), self.split)}
        found: dict[str | None, list[int]] = {}
        for number, entry in enumerate(self.entries):
            found.setdefault(entry.corpus, []).append(number)
        whole = sum(self.mix.weights.values())
        return {
            name: (numbers, self._share_of_split(self.mix.weights[name] / whole)) for name, numbers in found.items()
        }

    def _share_of_split(self, share: float) -> split.Settings:
        wanted = {name: getattr(self.split, name) for name in ("valid_bytes", "test_bytes")}
        return replace(self.split, **{name: max(1, round(size * share)) for name, size in wanted.items() if size})


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML's own rule, of which PyYAML takes the last one and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; a UserError names the line that cannot be read or the key that is unknown."""
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; docs/corpus.md shows a configuration") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; a configuration is a YAML file") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date or a number that is none
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or f"not YAML ({' '.join(str(error).split())})"
        raise UserError(f"{path}{line}: {reason}; see docs/corpus.md for a configuration") from None
    if not isinstance(config, Mapping):
        raise UserError(f"{path}: expected `key: value` lines; docs/corpus.md shows a configuration")
    for key in config:
        if key not in SECTIONS:
            raise UserError(f"{path}: {unknown_key(key, SECTIONS)}")
    for key in ("input", "train-bpe"):
        if key not in config:
            raise UserError(f"{path}: the key {key!r} is missing; docs/corpus.md shows a configuration")
    return dict(config)


def read_configuration(
    path: Path, output: str | Path | None = None, root: Path | None = None, executor: str | None = None
) -> Configuration:
    """The configuration in a file, every section read and every input found.

    `output` and `executor` override what the file says. Names of inputs are relative to `root`, by default the
    folder of the file.
    """
    config = read_mapping(path)
    if output is None:
        if not (isinstance(config.get("output"), str) and config["output"]):
            raise UserError(f"{path}: no output folder; set `output:` to a folder's name or give --output")
        output = config["output"]
    base = root or path.parent
    common = {name: config[name] for name in ("workers", "memory") if name in config}
    try:
        local = from_mapping(LocalSettings, common, str(path))
    except UserError as error:
        raise UserError(str(error).replace(f"{path}.", f"{path}: ", 1)) from None

    def settings(section: str, values: Mapping | None = None) -> Any:
        values = config.get(section) if values is None else values
        kind = STAGES[section]
        if isinstance(values, Mapping | None):
            known = {field.name for field in fields(kind)}
            values = {**{key: value for key, value in common.items() if key in known}, **(values or {})}
        fixed: dict[str, Any] = {field.name: None for field in fields(kind) if field.name in FIXED}
        if "documents" in {field.name for field in fields(kind)} and section != "clean":
            fixed["documents"] = "blank"
        if section == "binarize":
            fixed |= {"split": "train", "shards": 1, "shard_by_file": False}
        if section == "mix":
            fixed |= {"input": [f"{entry.corpus}=-" for entry in entries]}
        return from_mapping(kind, values, f"{path}: {section}", **fixed)

    entries = _entries(config["input"], path, base, lambda values: settings("clean", values), config.get("clean"))
    stages = {section: settings(section) for section in STAGES if section != "mix"}
    shards, scratch = _whole_number(config, "shards", path), _text(config, "scratch", path)
    chosen = executor or _text(config, "executor", path)
    if chosen is not None and chosen not in EXECUTORS:
        raise UserError(f"{path}: executor: {chosen!r} is none of {', '.join(EXECUTORS)}")
    slurm = None
    if "slurm" in config or chosen == "slurm":
        slurm = read_settings(SlurmSettings, config.get("slurm"), f"{path}: slurm", PHASES)
    ray = read_settings(RaySettings, config.get("ray"), f"{path}: ray", PHASES)
    near = stages["dedup"]
    banding = None
    if near.near:
        try:
            banding = choose_banding(near.near_threshold, near.near_ngram, near.bands, near.rows)
        except UserError as error:
            raise type(error)(f"{path}: dedup: {error}") from None
    # As they were written: a Path would spoil an address.
    given = (config.get("dedup") or {}).get("against", [])
    against = expand_addresses(given if isinstance(given, list) else [given], base=base)
    if against:
        require_inputs(against)
    return Configuration(
        path,
        Address(output),
        entries,
        against,
        near,
        banding,
        stages["shuffle"],
        stages["split"],
        _mixture(config, entries, path, settings),
        stages["train-bpe"],
        stages["binarize"],
        shards,
        chosen,
        scratch,
        local,
        slurm,
        ray,
    )


def _whole_number(config: Mapping, key: str, path: Path) -> int:
    value = config.get(key, 1)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{path}: {key}: {value!r} is not a whole number")
    if value < 1:
        raise UserError(f"{path}: {key} {value}: at least 1 is needed")
    return value


def _text(config: Mapping, key: str, path: Path) -> str | None:
    value = config.get(key)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{path}: {key}: {value!r} is not text; put it in quotes")
    return value


def _mixture(config: Mapping, entries: list[Entry], path: Path, settings: Callable) -> mix.Settings | None:
    untagged = [entry.files[0] for entry in entries if entry.corpus is None]
    if "mix" not in config:
        if len(untagged) < len(entries):
            raise UserError(f"{path}: input: `corpus:` names a part of a mixture; give its weight in the section mix")
        return None
    if untagged:
        raise UserError(
            f"{path}: input: {untagged[0]} has no `corpus:`; in a mixture each input names the one it is of"
        )
    if isinstance(config["mix"], Mapping) and config["mix"].get("unit") == "tokens":
        raise UserError(f"{path}: mix.unit: the tokenizer is trained on the mixture; give bytes or words")
    return settings("mix")


def _entries(given: Any, path: Path, base: Path, settings: Callable, shared: Any) -> list[Entry]:
    """The entries of `input`: a name or pattern, or a mapping with `path` and what `clean` is to do otherwise."""
    found: list[Entry] = []
    if given == []:
        raise UserError(f"{path}: no input files; name at least one after `input:`")
    known = {field.name for field in fields(clean.Settings)} - FIXED - _NOT_AN_INPUTS
    for entry in given if isinstance(given, list) else [given]:
        entry = {"path": entry} if isinstance(entry, str) else entry
        own = {str(key).replace("-", "_"): value for key, value in entry.items()} if isinstance(entry, Mapping) else {}
        keys = ["path", *sorted(known & _READING), "corpus", *sorted(known - _READING)]
        for key in sorted(set(own) - set(keys)):
            raise UserError(f"{path}: input: {unknown_key(key, keys)}")
        if "path" not in own:
            raise UserError(f"{path}: input: expected a file name, or one after `path:`; found {entry!r}")
        for key in ("path", "corpus"):
            if not isinstance(own.get(key, ""), str):
                raise UserError(f"{path}: input: {key}: {own[key]!r} is not text; put it in quotes")
        pattern, corpus = own.pop("path"), own.pop("corpus", None)
        if corpus is not None and not re.fullmatch(r"\w[\w-]*", corpus):
            raise UserError(f"{path}: input: corpus: {corpus!r}: a name of letters, digits, '_' and '-'")
        cleaning = settings(shared)  # says what is wrong with the section itself
        if own:
            try:
                cleaning = settings({**(shared or {}), **own})
            except UserError as error:
                raise UserError(str(error).replace(f"{path}: clean", f"{path}: input", 1)) from None
        found.append(Entry(expand_addresses([pattern], base=base), cleaning, corpus))
    # Looked for now: a name with a mistake in it must not cost the hours of the stages before it.
    require_inputs([file for entry in found for file in entry.files])
    for entry in found:
        for file in entry.files:
            # A wrong format, layout or field is found with the first document.
            check_source(clean.source_of(file, entry.settings))
    return found
