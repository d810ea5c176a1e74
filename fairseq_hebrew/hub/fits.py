"""Whether a class of transformers can be an encoder exactly, from a table of what that class is."""

from __future__ import annotations

from collections.abc import Sequence

from fairseq_hebrew.modules import EncoderConfig

# choice of EncoderConfig, its value there, and in words what a model there has
Choices = Sequence[tuple[str, object, str]]


def differs(model: str, choices: Choices, config: EncoderConfig) -> str | None:
    """The first choice of `config` that `model`, which has no local layers, does not have; None where all fit."""
    for name, value, has in choices:
        if getattr(config, name) != value:
            return f"{model} has {has}, the model has {name}={getattr(config, name)}"
    if any(config.window(i) for i in range(config.layers)):
        return f"{model}'s layers all read the whole text, the model has local_window={config.local_window}"
    return None
