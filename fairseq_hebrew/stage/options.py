"""A stage's settings are one dataclass: its fields are the command's options and the keys of a config file."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import functools
import glob
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .errors import UserError

Settings = TypeVar("Settings")


def setting(
    default: Any = dataclasses.MISSING,
    help: str = "",
    choices: Sequence[str] | None = None,
    changes_result: bool = True,
    least: float | None = None,
) -> Any:
    """A dataclass field with a help text; without a default it is a required option.

    `changes_result=False` marks what the output does not depend on (workers, memory, where it is written): such
    settings are not recorded in the manifest, so changing them does not make a stage run again. `least` is the
    smallest number that makes sense.
    """
    metadata = {"help": help, "choices": choices, "changes_result": changes_result, "least": least}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def add_arguments(parser: argparse.ArgumentParser, kind: type) -> None:
    """Add an option for each field of the dataclass `kind` that has a help text."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if "help" not in field.metadata:
            continue
        option = f"--{field.name.replace('_', '-')}"
        described: dict[str, Any] = {"help": field.metadata["help"], "dest": field.name}
        base, many = _element(hints[field.name])
        if base is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=field.default, **described)
            continue
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            described["required"] = True
        else:
            described["default"] = (
                field.default if field.default is not dataclasses.MISSING else field.default_factory()
            )
        if many:
            described["nargs"] = "+"
        if _is_mapping(hints[field.name]):
            described.update(nargs="+", metavar="NAME=VALUE")
            base = functools.partial(_pair, base)
        parser.add_argument(option, type=base, choices=field.metadata["choices"], **described)


def finite(text: str) -> float:
    """The type of an option that is a number, and neither infinite nor none."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def from_arguments(kind: type[Settings], arguments: argparse.Namespace) -> Settings:
    """The settings of `kind` from parsed arguments."""
    values = {field.name: getattr(arguments, field.name) for field in _described(kind)}
    hints = typing.get_type_hints(kind)
    for field in _described(kind):
        if _is_mapping(hints[field.name]):
            values[field.name] = _mapping(values[field.name], f"--{field.name.replace('_', '-')}")
        _check_least(field, values[field.name], f"--{field.name.replace('_', '-')}")
    return kind(**values)


def from_mapping(kind: type[Settings], values: Mapping | None, where: str, **fixed: Any) -> Settings:
    """The settings of `kind` from a section of a config file; unknown keys and wrong types are refused."""
    if values is not None and not isinstance(values, Mapping):
        raise UserError(f"{where}: expected `key: value` lines, found {values!r}; see docs/corpus.md")
    hints, names, made = typing.get_type_hints(kind), {f.name: f for f in _described(kind)}, dict(fixed)
    for key, value in (values or {}).items():
        name = str(key).replace("-", "_")
        if name in fixed or name not in names:
            raise UserError(f"{where}: {unknown_key(key, sorted(set(names) - set(fixed)))}")
        base, many = _element(hints[name])
        if value is None and names[name].default is not None:
            raise UserError(f"{where}.{key}: has no value; give one or leave the line out")
        if _is_mapping(hints[name]):
            if not isinstance(value, Mapping):
                raise UserError(f"{where}.{key}: expected `name: value` pairs, found {value!r}")
            made[name] = {str(k): _given(base, v, f"{where}.{key}.{k}") for k, v in value.items()}
        elif many:
            # A single value may stand without brackets.
            values_of = value if isinstance(value, list | tuple) else [value]
            made[name] = [_given(base, v, f"{where}.{key}") for v in values_of]
        else:
            made[name] = _convert(base, value, f"{where}.{key}")
        _check_least(names[name], made[name], f"{where}.{key}")
        if (choices := names[name].metadata["choices"]) and made[name] not in choices:
            raise UserError(f"{where}.{key}: {value!r} is none of {', '.join(choices)}")
    for name, field in names.items():
        if name not in made and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise UserError(f"{where}: the key {name!r} is missing ({field.metadata['help']})")
    try:
        return kind(**made)
    except UserError as error:  # settings that do not go together
        raise type(error)(f"{where}: {error}") from None


def unknown_key(key: object, known: Sequence[str]) -> str:
    """What to say of a key nobody knows: the one that was meant, where it can be told, else those there are."""
    name = str(key).replace("-", "_")
    meant = difflib.get_close_matches(name, [one.replace("-", "_") for one in known], n=1)
    if meant:
        spelt = next(one for one in known if one.replace("-", "_") == meant[0])
        return f"unknown key {key!r}; is {spelt!r} meant?"
    return f"unknown key {key!r}; known keys: {', '.join(known)}"


def recorded(settings: Any) -> dict[str, Any]:
    """The settings a manifest holds: those the result depends on."""
    fields = [field for field in _described(type(settings)) if field.metadata["changes_result"]]
    return {field.name: getattr(settings, field.name) for field in fields}


def expand(patterns: Sequence[Path], base: Path | None = None) -> list[Path]:
    """Input files from names and glob patterns, each pattern's matches sorted: the order on disk never matters."""
    found: list[Path] = []
    for pattern in patterns:
        text = str(base / pattern) if base is not None else str(pattern)
        # A name that has such a sign in it is a name first.
        if not any(sign in text for sign in "*?[") or Path(text).exists():
            found.append(Path(text))
            continue
        matches = sorted(Path(match) for match in glob.glob(text))
        if not matches:
            raise UserError(f"{text}: no file matches; check the folder and the pattern")
        found += matches
    return found


def _described(kind: type) -> list[dataclasses.Field]:
    return [field for field in dataclasses.fields(kind) if "help" in field.metadata]


def _check_least(field: dataclasses.Field, value: Any, where: str) -> None:
    # `not >=`: what is no number at all (nan) is refused too.
    if (least := field.metadata["least"]) is not None and not value >= least:
        raise UserError(f"{where} {value}: at least {least} is needed")


def _element(hint: Any) -> tuple[type, bool]:
    """The type of one value of a field and whether the field takes several: `list[Path]` is (Path, True)."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    if _is_mapping(hint):
        return typing.get_args(hint)[1], False
    return hint, False


def _is_mapping(hint: Any) -> bool:
    """Whether a field is names with values: `dict[str, float]`."""
    return typing.get_origin(hint) is dict


def _pair(base: type, text: str) -> tuple[str, Any]:
    """NAME=VALUE as argparse reads it."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=VALUE is needed")
    try:
        return name, base(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: {value!r} is no {base.__name__}") from None


def _mapping(pairs: Sequence[tuple[str, Any]], where: str) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise UserError(f"{where}: a name is given twice")
    return made


def _given(base: type, value: Any, where: str) -> Any:
    if value is None:
        raise UserError(f"{where}: has no value; give one or leave it out")
    return _convert(base, value, where)


def _convert(base: type, value: Any, where: str) -> Any:
    if value is None:
        return None
    if base is bool and not isinstance(value, bool):
        raise UserError(f"{where}: {value!r} is neither true nor false")
    if base in (int, float) and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise UserError(f"{where}: {value!r} is not a number")
    if base is int and value != value // 1:
        raise UserError(f"{where}: {value!r} is not a whole number")
    if issubclass(base, str | Path) and not isinstance(value, str | Path):
        raise UserError(f"{where}: {value!r} is not text; put it in quotes")
    return base(value)
