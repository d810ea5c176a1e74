"""Attention as the paper writes it; the reference that every other back end is proved equal to."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from fairseq_hebrew.modules.layout import Layout


def plain(q: Tensor, k: Tensor, v: Tensor, layout: Layout, window: int = 0, dropout: float = 0.0) -> Tensor:
    """q, k, v (N, H, D) -> (N, H, D), softmax(q k / sqrt(D)) v within each document (arXiv 1706.03762, section 3.2)."""
    q, k, v = (t.view(layout.rows, layout.length, *t.shape[1:]).transpose(1, 2) for t in (q, k, v))  # (B, H, T, D)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.size(-1))  # (B, H, T, T)
    mask = layout.mask(window)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = F.dropout(scores.softmax(-1), dropout)
    return (weights @ v).transpose(1, 2).flatten(0, 1)
