"""torch's flex attention: one compiled kernel that skips blocks of scores no document needs (CUDA)."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from fairseq_hebrew.modules.layout import Layout


def flex(q: Tensor, k: Tensor, v: Tensor, layout: Layout, window: int = 0, dropout: float = 0.0) -> Tensor:
    """As `plain`, without dropout. Off CUDA it runs uncompiled, which is right and slow: for tests."""
    q, k, v = (t.view(layout.rows, layout.length, *t.shape[1:]).transpose(1, 2) for t in (q, k, v))  # (B, H, T, D)
    y = _kernel(q.device.type)(q, k, v, block_mask=_blocks(layout, window))
    return y.transpose(1, 2).flatten(0, 1)


def missing(device: torch.device, dtype: torch.dtype, dropout: float) -> str | None:
    """Why `flex` cannot serve, or None when it can."""
    if device.type not in ("cuda", "cpu"):
        return f"it runs on CUDA, not on {device.type}"
    if device.type == "cpu" and torch.is_grad_enabled():
        return "torch has no gradient of it on the CPU"
    return "it has no dropout on the attention weights; add --attention-dropout 0" if dropout else None


@functools.cache
def _kernel(device_type: str):
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False) if device_type == "cuda" else flex_attention


def _blocks(layout: Layout, window: int):
    """The blocks that hold something to read, found once a batch and kind of layer; None: all of everything."""
    made = layout.kept.get(window)
    if made is None and (layout.segments is not None or window):
        from torch.nn.attention.flex_attention import create_block_mask

        ids = layout.segments

        def readable(b, h, query, key):
            near = (query - key).abs() <= window if window else query >= 0
            return near if ids is None else near & (ids[b, query] == ids[b, key])

        made = create_block_mask(
            readable, layout.rows, None, layout.length, layout.length, device=str(layout.positions.device)
        )
        layout.kept[window] = made
    return made
