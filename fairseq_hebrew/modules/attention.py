"""Self-attention: one matrix for queries, keys and values, and torch's scaled dot product."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.config import EncoderConfig


class SelfAttention(nn.Module):
    """Bidirectional multi-head attention (arXiv 1706.03762, section 3.2), scaled by 1/sqrt(head width).

    The rows of `qkv.weight` are [q; k; v], each with its heads one after another.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.heads = config.heads
        self.head_width = config.head_width
        self.dropout = config.attention_dropout
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=config.bias)
        self.out = nn.Linear(config.width, config.width, bias=config.bias)

    def forward(self, x: Tensor, attend: Tensor | None = None) -> Tensor:
        """x (B, T, C); attend bool, broadcastable to (B, H, T, T), True where a key may be read, or None for all."""
        B, T, C = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, self.head_width)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, H, T, D)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=attend, dropout_p=dropout)  # (B, H, T, D)
        return self.out(y.transpose(1, 2).reshape(B, T, C))
