"""Rotary positions (RoPE, arXiv 2104.09864): queries and keys turned by an angle that grows with the position."""

from __future__ import annotations

import torch
from torch import Tensor

Turns = tuple[Tensor, Tensor]


def turns(positions: Tensor, head_width: int, theta: float, dtype: torch.dtype) -> Turns:
    """Cosines and sines of the angles, (N, 1, D/2) each, for positions (N,).

    Computed in fp32 whatever the precision of the model, as NeoBERT's published code does: position 4,095 in bf16 would
    be off by whole turns. A model in fp64 gets them in fp64.
    """
    precise = torch.float64 if dtype == torch.float64 else torch.float32
    steps = torch.arange(0, head_width, 2, device=positions.device).to(precise) / head_width
    angles = positions.to(precise)[:, None] * (1.0 / theta**steps)  # (N, D/2)
    return angles.cos()[:, None], angles.sin()[:, None]


def rotate(x: Tensor, turn: Turns) -> Tensor:
    """x (N, H, D) -> (N, H, D): dimensions i and i + D/2 are turned together.

    NeoBERT turns dimensions 2i and 2i + 1; the same once each head's rows of the query and key matrices are put in the
    order even, then odd (which the adapter of `hub` does). Halves are contiguous, which every device is faster on.
    """
    cos, sin = turn
    first, second = x.to(cos.dtype).chunk(2, dim=-1)  # (N, H, D/2)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(x.dtype)
