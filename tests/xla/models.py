"""Models counted on the host."""

from types import SimpleNamespace

from benchmarks.contenders import MODELS, Setting, vocabulary


def parameters(setting: Setting) -> int:
    """Weights of the model that the setting makes."""
    task = SimpleNamespace(source_dictionary=vocabulary(setting.vocab_size))
    model = MODELS[setting.family].build_model(setting.encoder_options(), task)
    return sum(weight.numel() for weight in model.parameters())
