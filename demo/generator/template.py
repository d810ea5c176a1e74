"""Reads sentence templates: ``<a|b>`` is a choice, ``{...}`` a slot to fill.

``<`` and ``>`` nest, so one template stands for many sentences; a slot's
contents are given to the caller's function, which returns raw text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .chance import Chance
from .spelling import JOINT


@dataclass(frozen=True)
class Slot:
    """A ``{...}`` of a template, with what stood between the braces."""

    command: str


@dataclass(frozen=True)
class Choice:
    """A ``<...|...>`` of a template: its alternatives, each a parsed sequence."""

    branches: tuple[tuple[object, ...], ...]


def _parse(text: str, start: int, inside: bool) -> tuple[list[tuple[object, ...]], int]:
    branches: list[tuple[object, ...]] = []
    parts: list[object] = []
    at = start
    literal = ""
    while at < len(text):
        mark = text[at]
        if mark not in "<{|>" or (not inside and mark in "|>"):
            literal += mark
            at += 1
            continue
        if literal:
            parts.append(literal)
            literal = ""
        if mark == "{":
            end = text.index("}", at)
            parts.append(Slot(text[at + 1 : end]))
            at = end + 1
        elif mark == "<":
            inner, at = _parse(text, at + 1, True)
            parts.append(Choice(tuple(inner)))
        else:
            branches.append(tuple(parts))
            parts = []
            at += 1
            if mark == ">":
                return branches, at
    if inside:
        raise ValueError(f"a choice is not closed in: {text}")
    if literal:
        parts.append(literal)
    branches.append(tuple(parts))
    return branches, at


@cache
def parse(text: str) -> tuple[object, ...]:
    """The parts of a template: strings, slots and choices."""
    branches, _ = _parse(text, 0, False)
    return branches[0]


def expand(text: str, chance: Chance, fill: Callable[[str], str]) -> str:
    """The template with choices made and slots filled (private marks kept).

    Slots are filled in reading order, only in the branches chosen.
    """

    def walk(parts: tuple[object, ...]) -> str:
        out = ""
        for part in parts:
            if isinstance(part, Slot):
                out += JOINT + fill(part.command)
            elif isinstance(part, Choice):
                out += walk(chance.pick(part.branches))
            else:
                out += str(part)
        return out

    return walk(parse(text))
