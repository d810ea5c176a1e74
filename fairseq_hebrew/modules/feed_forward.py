"""The feed-forward sub-layer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.config import GATED, EncoderConfig
from fairseq_hebrew.modules.dropout import dropout
from fairseq_hebrew.modules.linear import Linear

GATES = {"swiglu": F.silu, "geglu": F.gelu}


class FeedForward(nn.Module):
    """Two matrices with an exact (erf) GELU between them, or a gated unit (arXiv 2002.05202).

    The rows of a gated `up.weight` are [gate; value]: the activation acts on the first half, the second multiplies.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dropout = config.activation_dropout
        self.gate = GATES[config.feed_forward] if config.feed_forward in GATED else None
        up = config.feed_forward_width * (2 if self.gate else 1)
        self.up = Linear(config.width, up, bias=config.bias)
        self.down = Linear(config.feed_forward_width, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C) -> (N, C)"""
        x = self.up(x)
        if self.gate is None:
            x = F.gelu(x)  # (N, F)
        else:
            gate, value = x.chunk(2, dim=-1)
            x = self.gate(gate) * value  # (N, F)
        return self.down(dropout(x, self.dropout, self.training))
