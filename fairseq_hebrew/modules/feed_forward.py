"""The feed-forward sub-layer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.config import GATED, EncoderConfig
from fairseq_hebrew.modules.dropout import dropout
from fairseq_hebrew.modules.gate import gated
from fairseq_hebrew.modules.linear import Linear


class FeedForward(nn.Module):
    """Two matrices with an exact (erf) GELU between them, or a gated unit.

    The rows of a gated `up.weight` are [gate; value]: the activation acts on the first half, the second multiplies.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dropout = config.activation_dropout
        self.choice = config.feed_forward
        up = config.feed_forward_width * (2 if self.choice in GATED else 1)
        self.up = Linear(config.width, up, bias=config.bias)
        self.down = Linear(config.feed_forward_width, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C) -> (N, C)"""
        x = self.up(x)
        x = gated(x, self.choice) if self.choice in GATED else F.gelu(x)  # (N, F)
        return self.down(dropout(x, self.dropout, self.training))
