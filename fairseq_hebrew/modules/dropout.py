"""Dropout that costs a CPU little: four decisions are cut from each random number, where torch draws one for each.

Elsewhere, and inside compiled code, it is torch's own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PARTS = 1 << 16  # a decision is 16 random bits: probabilities are rounded to 1/65,536


def dropout(x: Tensor, probability: float, training: bool) -> Tensor:
    """x with each element zero with this probability and the others scaled so that the mean stays, in training."""
    if not training or not probability:
        return x
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, probability)
    return _Dropout.apply(x, probability)


def keep_mask(shape: torch.Size, probability: float) -> Tensor:
    """bool of this shape, True where an element is kept; drawn from torch's default generator, on the CPU."""
    count = shape.numel()
    bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
    return bits.view(torch.int16)[:count].view(shape).ge(dropped(probability) - PARTS // 2)


def dropped(probability: float) -> int:
    """Of 65,536 equal parts, those that are dropped; at least one is kept."""
    return min(round(probability * PARTS), PARTS - 1)


def scale(probability: float) -> float:
    """What the elements that are kept are multiplied by."""
    return PARTS / (PARTS - dropped(probability))


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, probability):
        keep = keep_mask(x.shape, probability)
        ctx.save_for_backward(keep)
        ctx.scale = scale(probability)
        return kept(x, keep, ctx.scale)

    @staticmethod
    def backward(ctx, grad):
        (keep,) = ctx.saved_tensors
        return kept(grad, keep, ctx.scale), None


def kept(x: Tensor, keep: Tensor, factor: float) -> Tensor:
    """x * keep * factor; keep bool of x's shape."""
    # torch converts bytes in vectors, bools one by one
    return torch.mul(x, keep.view(torch.uint8)).mul_(factor)
