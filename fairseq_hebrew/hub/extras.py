"""Tensors that a model folder may hold beside those of the key map: what they must be, and that they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairseq_hebrew.stage.errors import UserError


@dataclass(frozen=True)
class Extra:
    """A tensor of theirs that is none of ours.

    same_as: it is another name of that one, and must hold the same numbers. Neither that nor `written`: a buffer that
    is made anew, or weights that nothing reads. written: its shape in letters (`keys.sizes`, and "1"); an export holds
    it, all zeros.
    """

    name: str
    same_as: str | None = None
    written: tuple[str, ...] = ()


def add_written(extras: Sequence[Extra], tensors: dict[str, Tensor], sizes: Mapping[str, int]) -> None:
    """Put the extras that an export holds among its tensors, in place."""
    for extra in extras:
        if extra.written:
            tensors[extra.name] = torch.zeros([{**sizes, "1": 1}[letter] for letter in extra.written])


def take_out(extras: Sequence[Extra], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take the extras out of a model's tensors, in place; those that are written, by name.

    Raises UserError, in one line, where a second name holds other numbers than the first.
    """
    written = {}
    for extra in extras:
        if extra.name not in tensors:
            continue
        found = tensors.pop(extra.name)
        if extra.written:
            written[extra.name] = found
        first = tensors.get(extra.same_as)
        if extra.same_as is not None and (first is None or not torch.equal(first, found)):
            raise UserError(
                f"{extra.name} is not {extra.same_as}, as this model's settings say; an output matrix of its own "
                "cannot be imported"
            )
    return written
