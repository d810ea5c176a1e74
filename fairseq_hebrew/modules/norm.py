"""LayerNorm and RMSNorm, by the name of the choice."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.config import EncoderConfig


def make_norm(config: EncoderConfig) -> nn.Module:
    """The encoder's norm over its width."""
    if config.norm == "rms_norm":
        return RMSNorm(config.width, eps=config.norm_eps)
    return nn.LayerNorm(config.width, eps=config.norm_eps, bias=config.norm_bias)


class RMSNorm(nn.RMSNorm):
    """x / sqrt(mean(x^2) + eps) * weight (arXiv 1910.07467, equation 4), over the last dimension.

    On the CPU, where torch has no kernel of its own for it, forward and backward are written out: a fifth of the memory
    that autograd would keep. Elsewhere, and inside compiled code, it is torch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)"""
        if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or torch.compiler.is_compiling():
            return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)
        return _RMSNorm.apply(x, self.weight, self.eps)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, eps):
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        factor = (size.square_() / x.size(-1)).add_(eps).rsqrt_()  # (..., 1)
        ctx.save_for_backward(x, weight, factor)
        return (x * factor).mul_(weight)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        x, weight, factor = ctx.saved_tensors
        normal = x * factor
        grad_weight = (grad * normal).flatten(0, -2).sum(0)
        grad = grad * weight
        along = (grad * normal).mean(-1, keepdim=True)
        return grad.sub_(normal.mul_(along)).mul_(factor), grad_weight, None
