"""Rotary positions (RoPE, arXiv 2104.09864): queries and keys turned by an angle that grows with the position."""

from __future__ import annotations

import torch
from torch import Tensor

Turns = tuple[Tensor, Tensor]


def turns(positions: Tensor, head_width: int, theta: float, dtype: torch.dtype) -> Turns:
    """Cosines and sines of the angles, (N, 1, 1, D/2) each, for positions (N,).

    Computed in fp32 whatever the precision of the model, as NeoBERT's published code does: position 4,095 in bf16 would
    be off by whole turns. A model in fp64 gets them in fp64.
    """
    precise = torch.float64 if dtype == torch.float64 else torch.float32
    steps = torch.arange(0, head_width, 2, device=positions.device).to(precise) / head_width
    angles = positions.to(precise)[:, None] * (1.0 / theta**steps)  # (N, D/2)
    return angles.cos()[:, None, None], angles.sin()[:, None, None]


def rotate(x: Tensor, turn: Turns) -> Tensor:
    """x (N, 2, H, D), queries and keys -> the same shape: dimensions i and i + D/2 are turned together.

    NeoBERT turns dimensions 2i and 2i + 1; the same once each head's rows of the query and key matrices are put in the
    order even, then odd (which the adapter of `hub` does). Halves are contiguous, which every device is faster on.
    """
    if torch.compiler.is_compiling():  # a compiler makes one loop of the plain form by itself
        return plain_rotate(x, *turn)
    return _Rotate.apply(x, *turn)


def plain_rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The formula that `rotate` is proved equal to."""
    first, second = x.to(cos.dtype).chunk(2, dim=-1)  # (N, 2, H, D/2)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(x.dtype)


def _turned(x: Tensor, cos: Tensor, sin: Tensor, way: int) -> Tensor:
    """x turned forward (way 1) or back (-1), written in place of four temporary tensors."""
    made = torch.empty(x.shape, dtype=cos.dtype, device=x.device)
    first, second = x.to(cos.dtype).chunk(2, dim=-1)
    to_first, to_second = made.chunk(2, dim=-1)
    torch.mul(first, cos, out=to_first).addcmul_(second, sin, value=-way)
    torch.mul(second, cos, out=to_second).addcmul_(first, sin, value=way)
    return made.to(x.dtype)


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin, 1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return _turned(grad, *ctx.saved_tensors, -1), None, None
