"""Local attention in blocks of queries, each with the keys that one of them can reach: work grows with the length,
not with its square, and every shape follows from the length and the window alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST = 64  # queries of a block; smaller ones are slower than what they leave out
OUTSIDE = -1  # the segment of what stands beyond the row's ends


def local(q: Tensor, k: Tensor, v: Tensor, segment_ids: Tensor | None, window: int, dropout: float = 0.0) -> Tensor:
    """q, k, v (B, H, T, D) -> (B, H, T, D); a token reads its own segment, at most `window` away on each side.

    segment_ids (B, T) int, not below 0, or None: a row is one segment.
    """
    B, H, T, D = q.shape
    S = max(window, LEAST)
    blocks = -(-T // S)
    spare = blocks * S - T
    if segment_ids is None:
        segment_ids = torch.zeros(1, T, dtype=torch.int32, device=q.device)
    around = (window, window + spare)
    own = F.pad(segment_ids, (0, spare), value=OUTSIDE).unfold(1, S, S)  # (B, blocks, S)
    other = F.pad(segment_ids, around, value=OUTSIDE).unfold(1, S + 2 * window, S)  # (B, blocks, S + 2 window)
    place = torch.arange(S + 2 * window, device=q.device)
    near = (place[window : window + S, None] - place[None, :]).abs().le(window)  # (S, S + 2 window)
    # what fills up the last block reads itself: no softmax is over nothing
    mask = own[..., :, None].eq(other[..., None, :]) & near  # (B, blocks, S, S + 2 window)
    mask = mask.expand(B, -1, -1, -1).flatten(0, 1)[:, None]

    def cut(t: Tensor, size: int, before: int, after: int) -> Tensor:
        t = F.pad(t, (0, 0, before, after)).unfold(2, size, S)  # (B, H, blocks, D, size)
        return t.permute(0, 2, 1, 4, 3).flatten(0, 1)  # (B x blocks, H, size, D)

    queries = cut(q, S, 0, spare)
    keys, values = (cut(t, S + 2 * window, *around) for t in (k, v))
    y = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=dropout)
    return y.view(B, blocks, H, S, D).transpose(1, 2).flatten(2, 3)[:, :, :T]
