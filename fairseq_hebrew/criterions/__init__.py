"""Losses of the plugin; importing this package registers them with fairseq."""

from . import classification, contrastive, masked_lm, spans, squared_error  # noqa: F401
