"""The self-attention sub-layer: one matrix for queries, keys and values, rotary positions, a back end."""

from __future__ import annotations

from torch import Tensor, nn

from fairseq_hebrew.modules.config import EncoderConfig
from fairseq_hebrew.modules.linear import Linear
from fairseq_hebrew.modules.rotary import Turns, rotate


class SelfAttention(nn.Module):
    """Bidirectional multi-head attention (arXiv 1706.03762, section 3.2), scaled by 1/sqrt(head width).

    The rows of `qkv.weight` are [q; k; v], each with its heads one after another. `project`, then a back end of
    `choose`, then `out`: the layer calls them apart, so that what stands around the back end can be compiled.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.heads = config.heads
        self.head_width = config.head_width
        self.qkv = Linear(config.width, 3 * config.width, bias=config.bias)
        self.out = Linear(config.width, config.width, bias=config.bias)

    def project(self, x: Tensor, turn: Turns | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """x (N, C) -> queries, keys, values (N, H, D); `turn` from `rotary.turns`, for positions=rope."""
        qkv = self.qkv(x).view(-1, 3, self.heads, self.head_width)
        if turn is None:
            return qkv.unbind(1)
        qk, v = qkv.split((2, 1), dim=1)
        q, k = rotate(qk, turn).unbind(1)
        return q, k, v.squeeze(1)
