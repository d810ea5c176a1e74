"""Gated units (arXiv 2002.05202): an activation of one half times the other half."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# choice: (activation, its gradient with respect to its input)
GATES = {
    "swiglu": (F.silu, torch.ops.aten.silu_backward.default),
    "geglu": (F.gelu, torch.ops.aten.gelu_backward.default),
}


def gated(x: Tensor, choice: str) -> Tensor:
    """x (N, 2F), [gate; value] -> (N, F), activation(gate) * value; only x is kept for the backward pass."""
    if torch.compiler.is_compiling():
        return plain_gated(x, choice)
    return _Gated.apply(x, choice)


def plain_gated(x: Tensor, choice: str) -> Tensor:
    """The formula that `gated` is proved equal to."""
    gate, value = x.chunk(2, dim=-1)
    return GATES[choice][0](gate) * value


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, choice):
        ctx.save_for_backward(x)
        ctx.choice = choice
        gate, value = x.chunk(2, dim=-1)
        return GATES[choice][0](gate).mul_(value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        gate, value = x.chunk(2, dim=-1)
        activation, backward = GATES[ctx.choice]
        made = torch.empty_like(x)
        to_gate, to_value = made.chunk(2, dim=-1)
        torch.mul(activation(gate), grad, out=to_value)
        to_gate.copy_(backward(grad * value, gate))
        return made, None
