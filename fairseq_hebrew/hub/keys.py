"""Key maps: which tensor of ours is which of theirs, as data, read strictly in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError

from .turns import TURNS

HEAD = "labels"  # name of the head in a fine-tuned checkpoint: heads.labels.*


@dataclass(frozen=True)
class Row:
    """A tensor of ours and what it is called there; several names: its rows are cut into as many equal parts.

    The shape is in letters, see `sizes`. `turn`: the name, in TURNS, of another order of its rows there.
    """

    ours: str
    theirs: tuple[str, ...]
    shape: tuple[str, ...]
    turn: str | None = None


@dataclass(frozen=True)
class Extra:
    """A tensor of theirs that no tensor of ours is made of.

    `unread`: it may be there, and says nothing that the model computes with. `same_as`: the same where it is there, but
    a copy of that tensor. Without either it must be there: one row of `shape`, the same for every token of a text,
    which becomes part of the tensor `added_to` of ours; export writes zeros.
    """

    theirs: str
    unread: bool = False
    same_as: str | None = None
    shape: tuple[str, ...] = ()
    added_to: str | None = None


@dataclass(frozen=True)
class Kind:
    """What a task's checkpoints are there: the class of transformers, its pipeline, the tensors of its head."""

    architecture: str
    pipeline: str
    head: tuple[Row, ...]


def linear(ours: str, theirs: str, out: str, into: str, bias: bool = True) -> tuple[Row, ...]:
    """The matrix and the bias of a linear layer."""
    parts = (("weight", (out, into)), ("bias", (out,)))
    return tuple(Row(f"{ours}.{part}", (f"{theirs}.{part}",), shape) for part, shape in parts[: 1 + bias])


def norm(ours: str, theirs: str, bias: bool = True) -> tuple[Row, ...]:
    """The weight and the bias of a norm."""
    return tuple(Row(f"{ours}.{part}", (f"{theirs}.{part}",), ("C",)) for part in ("weight", "bias")[: 1 + bias])


def layers(config: EncoderConfig, rows: Sequence[Row], theirs: str) -> list[Row]:
    """The rows of one layer for all of them: ours after `encoder.layers.{i}.`, theirs after `{theirs}.{i}.`"""
    return [
        Row(f"encoder.layers.{i}.{row.ours}", tuple(f"{theirs}.{i}.{name}" for name in row.theirs), row.shape, row.turn)
        for i in range(config.layers)
        for row in rows
    ]


def sizes(config: EncoderConfig, labels: int = 0) -> dict[str, int]:
    """What the letters of a shape stand for: V embeddings, P positions, C width, F feed-forward width, L labels; 3C,
    2F, 1: so many."""
    return {
        "V": config.vocab_size,
        "P": config.max_positions + config.padding_idx + 1,
        "C": config.width,
        "3C": 3 * config.width,
        "F": config.feed_forward_width,
        "2F": 2 * config.feed_forward_width,
        "L": labels,
        "1": 1,
    }


def to_theirs(
    rows: Sequence[Row], state: Mapping[str, Tensor], sizes: Mapping[str, int], config: EncoderConfig
) -> dict[str, Tensor]:
    """Our tensors under their names, in their type, no two of them sharing memory.

    Raises UserError, in one line, when a tensor is missing, unknown, or not of the shape the settings give.
    """
    _check_names({row.ours for row in rows}, state.keys(), "the checkpoint")
    made = {}
    for row in rows:
        tensor = state[row.ours]
        _check_shape(row.ours, tensor.shape, [sizes[letter] for letter in row.shape])
        if row.turn is not None:
            tensor = TURNS[row.turn][0](tensor, config)
        for name, part in zip(row.theirs, tensor.chunk(len(row.theirs))):
            made[name] = part.clone(memory_format=torch.contiguous_format)
    return made


def to_ours(
    rows: Sequence[Row], state: Mapping[str, Tensor], sizes: Mapping[str, int], config: EncoderConfig
) -> dict[str, Tensor]:
    """The way back from `to_theirs`, as strict."""
    _check_names({name for row in rows for name in row.theirs}, state.keys(), "the model")
    made = {}
    for row in rows:
        shape = [sizes[letter] for letter in row.shape]
        for name in row.theirs:
            _check_shape(name, state[name].shape, [shape[0] // len(row.theirs), *shape[1:]])
        tensor = torch.cat([state[name] for name in row.theirs])
        if row.turn is not None:
            tensor = TURNS[row.turn][1](tensor, config)
        made[row.ours] = tensor.contiguous()
    return made


def with_extras(
    extras: Sequence[Extra], state: Mapping[str, Tensor], sizes: Mapping[str, int]
) -> dict[str, Tensor]:
    """Their tensors together with those that no tensor of ours makes, as zeros."""
    made = {extra.theirs: torch.zeros([sizes[letter] for letter in extra.shape]) for extra in extras if extra.added_to}
    return {**made, **state}


def without_extras(
    extras: Sequence[Extra], state: Mapping[str, Tensor], sizes: Mapping[str, int]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(their tensors that ours are made of; name of ours: the row to add to it, where that is not zero).

    Raises UserError, in one line, for a copy that differs from what it is a copy of, and an extra that is missing.
    """
    left, added = dict(state), {}
    for extra in extras:
        found = left.pop(extra.theirs, None)
        if extra.same_as is not None and found is not None:
            if extra.same_as not in state:
                left[extra.same_as] = found
            elif not torch.equal(found, state[extra.same_as]):
                raise UserError(
                    f"{extra.theirs} is not equal to {extra.same_as}, the settings say that they are one; "
                    "the model cannot be imported exactly"
                )
        elif extra.added_to is not None:
            if found is None:
                raise UserError(f"the model lacks 1 tensor, first {extra.theirs}; it is damaged: take another copy")
            _check_shape(extra.theirs, found.shape, [sizes[letter] for letter in extra.shape])
            if found.any():
                added[extra.added_to] = found[0]
    return left, added


def _check_names(wanted: set[str], there, what: str) -> None:
    for names, problem in ((wanted - there, "lacks"), (there - wanted, "has unknown")):
        if names:
            raise UserError(
                f"{what} {problem} {len(names)} tensor{'s' * (len(names) > 1)}, first {min(names)}; "
                "its settings do not make this model, or it is damaged: take another copy"
            )


def _check_shape(name: str, shape: Sequence[int], wanted: Sequence[int]) -> None:
    if list(shape) != list(wanted):
        raise UserError(
            f"{name} is {list(shape)}, the settings say {list(wanted)}; it is damaged or was edited, take another copy"
        )
