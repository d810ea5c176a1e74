"""A YAML file whose values know the lines they stand on, so that a mistake in one is told by its line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.stage.options import unknown_key

Keys = tuple[str | int, ...]  # the way to a value: of mappings their keys, of lists the places
DEEPEST = 20  # an alias may point at what it stands in


class MarkedFile:
    """The values of a YAML file and the line (from 1) of each; `remedy` ends every line that tells a mistake."""

    def __init__(self, path: Path, remedy: str) -> None:
        self.path, self.remedy = path, remedy
        self._lines: dict[Keys, int] = {}
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; {remedy}") from None
        except UnicodeDecodeError as error:
            raise at(path, error.object.count(b"\n", 0, error.start) + 1, "invalid UTF-8", remedy) from None
        except OSError as error:
            raise at(path, None, str(error.strerror), remedy) from None
        try:
            self._loader = yaml.SafeLoader(text)
            node = self._loader.get_single_node()
            values = self._build(node, ()) if node is not None else None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or " ".join(str(error).split())
            raise at(path, mark.line + 1 if mark else None, f"not YAML ({reason})", remedy) from None
        if not isinstance(values, dict):
            raise at(path, None, "expected `key: value` lines", remedy)
        self.values: dict[str, Any] = values

    def _build(self, node: yaml.Node, keys: Keys) -> Any:
        self._lines.setdefault(keys, node.start_mark.line + 1)
        if len(keys) > DEEPEST:
            raise self.error(keys, f"nested more than {DEEPEST} deep")
        if isinstance(node, yaml.SequenceNode):
            return [self._build(child, (*keys, place)) for place, child in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._loader.construct_object(node)
        self._loader.flatten_mapping(node)
        found: dict[str, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise at(self.path, key_node.start_mark.line + 1, "a key is no single word", self.remedy)
            key = str(key_node.value)
            if key in found:
                raise at(self.path, key_node.start_mark.line + 1, f"the key {key!r} is given twice", self.remedy)
            self._lines[(*keys, key)] = key_node.start_mark.line + 1
            found[key] = self._build(child, (*keys, key))
        return found

    def error(self, keys: Keys, problem: str) -> UserError:
        """A mistake in the value at `keys`, or in the nearest one above it that stands in the file."""
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return at(self.path, self._lines.get(keys), problem, self.remedy)

    def get(self, keys: Keys, default: Any = None) -> Any:
        """The value at `keys`; `default` where there is none."""
        found: Any = self.values
        for key in keys:
            if (isinstance(found, list) and isinstance(key, int)) or (isinstance(found, dict) and key in found):
                found = found[key]
            else:
                return default
        return found

    def section(self, keys: Keys, known: Sequence[str] | None = None) -> dict[str, Any]:
        """The mapping at `keys`, empty where there is none; its keys are of `known`."""
        found = self.get(keys, {})
        if not isinstance(found, dict):
            raise self.error(keys, f"{keys[-1]}: expected `key: value` pairs, found {found!r}")
        for key in found:
            if known is not None and key not in known:
                raise self.error((*keys, key), unknown_key(key, known))
        return found

    def text(self, keys: Keys, default: str | None = None, choices: Sequence[str] | None = None) -> str | None:
        """Text; `default` where the key is missing."""
        found = self.get(keys, default)
        if found is default:
            return default
        if not isinstance(found, str) or not found:
            raise self.error(keys, f"{keys[-1]}: {found!r} is not text")
        if choices and found not in choices:
            raise self.error(keys, f"{keys[-1]}: {found!r} is none of {', '.join(choices)}")
        return found

    def flag(self, keys: Keys, default: bool) -> bool:
        found = self.get(keys, default)
        if not isinstance(found, bool):
            raise self.error(keys, f"{keys[-1]}: {found!r} is neither true nor false")
        return found

    def whole(self, keys: Keys, default: int | None = None, least: int = 1) -> int:
        """A whole number, at least `least`."""
        found = self.get(keys, default)
        if isinstance(found, bool) or not isinstance(found, int):
            raise self.error(keys, f"{_name(keys)}: {found!r} is no whole number")
        if found < least:
            raise self.error(keys, f"{_name(keys)}: {found}: at least {least} is needed")
        return found

    def number(self, keys: Keys, default: float | None = None) -> float:
        """A finite number. YAML takes 1e-5 for text: so it is read here too."""
        found = self.get(keys, default)
        try:
            if isinstance(found, bool) or not isinstance(found, int | float | str):
                raise ValueError
            number = float(found)
        except ValueError:
            raise self.error(keys, f"{_name(keys)}: {found!r} is no number") from None
        if not math.isfinite(number):
            raise self.error(keys, f"{_name(keys)}: {found!r} is no finite number")
        return number

    def listed(self, keys: Keys, read: Callable[[Keys], Any]) -> list:
        """The values of a list, or the one that stands without brackets, each by `read(its keys)`; none twice."""
        found = self.get(keys)
        if found == []:
            raise self.error(keys, f"{keys[-1]}: the list is empty")
        places = [(*keys, place) for place in range(len(found))] if isinstance(found, list) else [keys]
        made = []
        for place in places:
            made.append(read(place))
            if made[-1] in made[:-1]:
                raise self.error(place, f"{keys[-1]}: {self.get(place)!r} is given twice")
        return made


def _name(keys: Keys) -> str:
    return next(key for key in reversed(keys) if isinstance(key, str))
