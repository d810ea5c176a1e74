"""The YAML file that names the corpora of a mixture and their shares."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import yaml

from fairseq_hebrew.data.mixture import by_temperature, by_weight
from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.stage.options import unknown_key

REMEDY = "a mixture is `corpora:` and, for each, `NAME: {data: FOLDER, weight: NUMBER}`"
KEYS = ("corpora", "temperature", "epoch_tokens")
CORPUS_KEYS = ("data", "weight", "min_document_tokens")


@dataclass(frozen=True)
class Corpus:
    """A corpus of a mixture: folders of binaries, all read as one; only documents of at least min_document_tokens."""

    name: str
    folders: tuple[str, ...]
    weight: float | None = None
    min_document_tokens: int = 0
    line: int | None = None  # of the file


@dataclass(frozen=True)
class MixtureFile:
    """`corpora`, all with a weight or none; without weights their sizes say the shares, by `temperature`."""

    path: str
    corpora: tuple[Corpus, ...]
    temperature: float = 1.0
    epoch_tokens: int | None = None  # None: as many as the corpora have together
    epoch_line: int | None = None

    def corpus(self, name: str) -> Corpus | None:
        """The corpus of that name; None where there is none."""
        return next((corpus for corpus in self.corpora if corpus.name == name), None)

    def shares(self, sizes: Mapping[str, int]) -> dict[str, Fraction]:
        """The share of each corpus by its name, from the tokens that each has."""
        if self.corpora[0].weight is None:
            return by_temperature(sizes, self.temperature)
        return by_weight({corpus.name: corpus.weight for corpus in self.corpora})


def read_mixture(path: str) -> MixtureFile:
    """Read the file; relative folders are relative to it. Raises UserError that names it, and the line."""
    top = _Mapping(path, _root(path))
    top.check(KEYS)
    named = top.mapping("corpora")
    if named is None or not named.values:
        raise top.error("corpora", "no corpora are named")
    corpora = tuple(_corpus(path, named, name) for name in named.values)
    weighted = [corpus for corpus in corpora if corpus.weight is not None]
    if weighted and len(weighted) < len(corpora):
        bare = next(corpus.name for corpus in corpora if corpus.weight is None)
        raise named.error(bare, f"{bare} has no weight, {weighted[0].name} has one", "give all a weight, or none")
    if weighted and "temperature" in top.values:
        raise top.error("temperature", "the weights say the shares already", "leave out temperature, or the weights")
    return MixtureFile(
        path,
        corpora,
        top.number("temperature", above=0, default=1.0),
        top.number("epoch_tokens", above=0, whole=True),
        top.lines.get("epoch_tokens"),
    )


def _corpus(path: str, named: _Mapping, name: object) -> Corpus:
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w-]*", name):
        raise named.error(name, f"{name!r} is no name of a corpus", "take letters, digits, '_' and '-'")
    given = named.mapping(name)
    if given is None:
        raise named.error(name, f"{name}: nothing is said of it")
    given.check(CORPUS_KEYS)
    data = given.text("data")
    if not data:
        raise named.error(name, f"{name} has no data", "name a folder of binaries, or several shards with : between")
    base = os.path.dirname(path)
    return Corpus(
        name,
        tuple(os.path.join(base, folder) for folder in data.split(os.pathsep) if folder),
        given.number("weight", above=0),
        given.number("min_document_tokens", above=0, whole=True, default=0),
        named.lines[name],
    )


def _root(path: str) -> yaml.Node:
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8"), yaml.SafeLoader)
    except OSError as error:
        raise at(path, None, error.strerror.lower(), "give the path of a mixture's YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise at(path, mark.line + 1 if mark else None, "not a YAML file", REMEDY) from error
    if not isinstance(root, yaml.MappingNode):
        raise at(path, root.start_mark.line + 1 if root else None, "no `key: value` lines", REMEDY)
    return root


class _Mapping:
    """A mapping of the file, its values by key, with the line of each."""

    def __init__(self, path: str, node: yaml.MappingNode):
        self.path, self.line = path, node.start_mark.line + 1
        self.values: dict[object, yaml.Node] = {}
        self.lines: dict[object, int] = {}
        for key_node, value in node.value:
            key = _value(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            line = key_node.start_mark.line + 1
            if key in self.values:
                raise at(path, line, f"{key} stands here twice", "leave one out")
            self.values[key], self.lines[key] = value, line

    def error(self, key: object, problem: str, remedy: str = REMEDY) -> UserError:
        """About a key, in its line, or about the mapping where it has none of that name."""
        return at(self.path, self.lines.get(key, self.line), problem, remedy)

    def check(self, known: tuple[str, ...]) -> None:
        for key in self.values:
            if key not in known:
                raise self.error(key, unknown_key(key, known))

    def mapping(self, key: object) -> _Mapping | None:
        node = self.values.get(key)
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return None
        if not isinstance(node, yaml.MappingNode):
            raise self.error(key, f"{key}: no `key: value` lines")
        return _Mapping(self.path, node)

    def text(self, key: str) -> str | None:
        value = self._scalar(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"{key}: {value!r} is not text", "put it in quotes")
        return value

    def number(self, key: str, above: float, whole: bool = False, default: float | None = None) -> float | None:
        value = self._scalar(key)
        if value is None:
            return default
        kind = "whole number" if whole else "number"
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise self.error(key, f"{key}: {value!r} is no {kind}", f"give a {kind} above {above}")
        if not above < value < float("inf"):
            raise self.error(key, f"{key}: {value} is no {kind} above {above}", f"give a {kind} above {above}")
        return value

    def _scalar(self, key: str) -> object:
        node = self.values.get(key)
        if node is not None and not isinstance(node, yaml.ScalarNode):
            raise self.error(key, f"{key}: one value is wanted here")
        value = None if node is None else _value(node)
        if node is not None and value is None:
            raise self.error(key, f"{key} has no value", "give one or leave the line out")
        return value


def _value(node: yaml.ScalarNode) -> object:
    """As YAML reads it; the text itself where YAML makes nothing of it, such as a day that is none."""
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node.value
