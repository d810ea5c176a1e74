"""The formats of Hugging Face that a model of this project can have, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig

from . import modernbert, neobert, roberta
from .extras import Extra
from .keys import Kind, Row


def no_files() -> dict[str, str]:
    """A class that transformers has built in needs no file more."""
    return {}


def nothing(state: dict[str, Tensor], written: Mapping[str, Tensor], config: EncoderConfig) -> list[str]:
    """A format whose tensors are ours as they are."""
    return []


def unmoved(state: dict[str, Tensor], padding_idx: int, wanted: int) -> None:
    """A format that has no row for the id of padding but its own."""


@dataclass(frozen=True)
class Format:
    """A class of transformers: which encoders it can be, and what is called how.

    refuses(config): why it cannot be that encoder exactly, or None; rows(config, kind): its tensors;
    config_json(config, kind, labels, head_dropout); read_config(raw, tensors, padding_idx): the encoder of a
    config.json; files(): name and text of what stands beside the weights. `kinds`: by the task of a checkpoint.
    `families`: whose own format it is. `extras`: tensors there that are none of ours. `embedding`:
    the name of its token embedding. finish(state, written, config): what is left to do to our tensors once they are
    read, in place, and why, in words; renumber(state, padding_idx, wanted): what of our tensors depends on the id of
    padding, in place.
    """

    name: str
    model_type: str
    embedding: str
    families: tuple[str, ...]
    kinds: Mapping[str, Kind]
    refuses: Callable[[EncoderConfig], str | None]
    rows: Callable[[EncoderConfig, Kind], list[Row]]
    config_json: Callable[[EncoderConfig, Kind, Sequence[str], float | None], dict]
    read_config: Callable[..., EncoderConfig]
    files: Callable[[], dict[str, str]] = no_files
    extras: tuple[Extra, ...] = ()
    finish: Callable[[dict[str, Tensor], Mapping[str, Tensor], EncoderConfig], list[str]] = nothing
    renumber: Callable[[dict[str, Tensor], int, int], None] = unmoved


FORMATS = {
    made.name: made
    for made in (
        Format(
            "roberta", "roberta", roberta.TOKENS, ("hallelubert",), roberta.KINDS, roberta.refuses, roberta.rows,
            roberta.config_json, roberta.read_config, extras=roberta.EXTRAS, finish=roberta.finish,
            renumber=roberta.renumber,
        ),
        Format(
            "neobert", "neobert", neobert.EMBEDDING.theirs[0], ("neodictabert",), neobert.KINDS, neobert.refuses,
            neobert.rows, neobert.config_json, neobert.read_config, neobert.files, (Extra("model.freqs_cis"),),
        ),
        Format(
            "modernbert", "modernbert", modernbert.EMBEDDING, (), modernbert.KINDS, modernbert.refuses, modernbert.rows,
            modernbert.config_json, modernbert.read_config,
            # Where they are tied it is the embedding; where not, rows() names it.
            extras=(Extra("decoder.weight", same_as=modernbert.EMBEDDING),),
        ),
    )
}  # fmt: skip
TASKS = tuple(dict.fromkeys(task for made in FORMATS.values() for task in made.kinds))


def extras_of(form: Format, rows: Sequence[Row]) -> list[Extra]:
    """The extras that are no tensor of the key map: an output matrix is one where it is not tied."""
    named = {name for row in rows for name in row.theirs}
    return [extra for extra in form.extras if extra.name not in named]


def own_format(family: str) -> Format:
    """The format that a family's models have when none is asked for."""
    return next(form for form in FORMATS.values() if family in form.families)
