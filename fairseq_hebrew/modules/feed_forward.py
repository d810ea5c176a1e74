"""The feed-forward sub-layer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.config import EncoderConfig


class GeluFeedForward(nn.Module):
    """Two matrices with an exact (erf) GELU between them, as RoBERTa."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dropout = config.activation_dropout
        self.up = nn.Linear(config.width, config.feed_forward_width, bias=config.bias)
        self.down = nn.Linear(config.feed_forward_width, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        x = F.gelu(self.up(x))  # (B, T, F)
        return self.down(F.dropout(x, self.dropout, self.training))
