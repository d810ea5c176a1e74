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
    """What the letters of a shape stand for: V embeddings, P positions, C width, F feed-forward width, L labels."""
    return {
        "V": config.vocab_size,
        "P": config.max_positions + config.padding_idx + 1,
        "C": config.width,
        "3C": 3 * config.width,
        "F": config.feed_forward_width,
        "2F": 2 * config.feed_forward_width,
        "L": labels,
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
