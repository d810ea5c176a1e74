"""Attention over whole rows whose every shape is fixed by the batch's shape, for XLA; never the whole matrix of scores.

A row may hold any documents: nothing is counted, selected or asked of the device, so one compiled graph serves all.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fairseq_hebrew.modules.attention.local import local
from fairseq_hebrew.modules.layout import Layout

STRETCH = 512  # queries at a time: (B, H, 512, T) scores


def static(q: Tensor, k: Tensor, v: Tensor, layout: Layout, window: int = 0, dropout: float = 0.0) -> Tensor:
    """As `plain`."""
    ids = layout.segments
    q, k, v = (t.view(layout.rows, layout.length, *t.shape[1:]).transpose(1, 2) for t in (q, k, v))  # (B, H, T, D)
    if window:
        return local(q, k, v, ids, window, dropout).transpose(1, 2).flatten(0, 1)
    made = []
    for start, queries in zip(range(0, layout.length, STRETCH), q.split(STRETCH, dim=2)):
        mask = None
        if ids is not None:
            own = ids[:, start : start + STRETCH]
            mask = own[:, None, :, None].eq(ids[:, None, None, :])  # (B, 1, stretch, T)
        made.append(F.scaled_dot_product_attention(queries, k, v, attn_mask=mask, dropout_p=dropout))
    return torch.cat(made, dim=2).transpose(1, 2).flatten(0, 1)
