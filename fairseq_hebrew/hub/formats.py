"""The formats of Hugging Face that a model of this project can have, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fairseq_hebrew.modules import EncoderConfig

from . import modernbert, neobert
from .keys import Kind, Row


def no_files() -> dict[str, str]:
    """A class that transformers has built in needs no file more."""
    return {}


@dataclass(frozen=True)
class Format:
    """A class of transformers: which encoders it can be, and what is called how.

    refuses(config): why it cannot be that encoder exactly, or None; rows(config, kind): its tensors;
    config_json(config, kind, labels, head_dropout); read_config(raw, tensors, padding_idx): the encoder of a
    config.json; files(): name and text of what stands beside the weights. `kinds`: by the task of a checkpoint.
    `families`: whose own format it is.
    """

    name: str
    model_type: str
    families: tuple[str, ...]
    kinds: Mapping[str, Kind]
    refuses: Callable[[EncoderConfig], str | None]
    rows: Callable[[EncoderConfig, Kind], list[Row]]
    config_json: Callable[[EncoderConfig, Kind, Sequence[str], float | None], dict]
    read_config: Callable[..., EncoderConfig]
    files: Callable[[], dict[str, str]] = no_files


FORMATS = {
    made.name: made
    for made in (
        Format(
            "neobert", "neobert", ("neodictabert",), neobert.KINDS, neobert.refuses, neobert.rows,
            neobert.config_json, neobert.read_config, neobert.files,
        ),
        Format(
            "modernbert", "modernbert", (), modernbert.KINDS, modernbert.refuses, modernbert.rows,
            modernbert.config_json, modernbert.read_config,
        ),
    )
}  # fmt: skip
