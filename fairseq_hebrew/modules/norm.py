"""LayerNorm and RMSNorm, by the name of the choice."""

from __future__ import annotations

from torch import nn

from fairseq_hebrew.modules.config import EncoderConfig


def make_norm(config: EncoderConfig) -> nn.Module:
    """The encoder's norm over its width (RMSNorm: arXiv 1910.07467, a weight and no bias)."""
    if config.norm == "rms_norm":
        return nn.RMSNorm(config.width, eps=config.norm_eps)
    return nn.LayerNorm(config.width, eps=config.norm_eps, bias=config.norm_bias)
