"""torch's scaled dot product for each document by itself: no mask, and no work on what may not be read."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional as F

from fairseq_hebrew.modules.attention.dropping import dropping_attention
from fairseq_hebrew.modules.attention.local import local
from fairseq_hebrew.modules.layout import Layout


def documents(q: Tensor, k: Tensor, v: Tensor, layout: Layout, window: int = 0, dropout: float = 0.0) -> Tensor:
    """As `plain`, for an unpadded layout. Neighbours of one length go through one call."""
    runs = [(length, len(list(same))) for length, same in groupby(layout.known_lengths)]
    if len(runs) == 1:  # rows of one length: nothing to cut, nothing to copy
        return _together(q, k, v, *runs[0], window, dropout)
    cut = [length * count for length, count in runs]
    # split, not slices: the gradient of a slice is as large as the whole
    parts = zip(q.split(cut), k.split(cut), v.split(cut), runs)
    made = [_together(*qkv, *run, window, dropout) for *qkv, run in parts]
    return torch.cat(made) if made else torch.empty_like(v)


def _together(q: Tensor, k: Tensor, v: Tensor, length: int, count: int, window: int, dropout: float) -> Tensor:
    """As `documents`, for `count` documents of one length."""
    one = [t.view(count, length, *t.shape[1:]).transpose(1, 2) for t in (q, k, v)]  # each (documents, H, T, D)
    if 0 < window < length - 1:
        y = local(*one, None, window, dropout)
    elif dropout and q.device.type == "cpu":
        y = dropping_attention(*one, dropout)
    else:
        y = F.scaled_dot_product_attention(*one, dropout_p=dropout)
    return y.transpose(1, 2).flatten(0, 1)
