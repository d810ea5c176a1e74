"""Cross-entropy of an output matrix, a chunk of positions at a time: positions x vocabulary never stand at once.

The gradients are made in the forward pass, where the chunk's probabilities are at hand: nothing as wide as the
vocabulary is kept, and no product is computed twice.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fairseq_hebrew.modules.linear import linear
from fairseq_hebrew.modules.precision import products_type

CHUNK_BYTES = 64 << 20  # of logits, in fp32 or fp64


def plain_cross_entropy(x: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, ignore: int) -> Tensor:
    """The sum over positions that `chunked_cross_entropy` is proved equal to."""
    logits = F.linear(x, weight, bias).float() if x.dtype != torch.float64 else F.linear(x, weight, bias)
    return F.cross_entropy(logits, targets, ignore_index=ignore, reduction="sum")


def chunked_cross_entropy(
    x: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, ignore: int, chunk_bytes: int = CHUNK_BYTES
) -> tuple[Tensor, Tensor]:
    """x (N, C), weight (V, C), bias (V,), targets (N,) int64 -> (the loss summed over positions whose target is not
    `ignore`, in nats, fp32 or fp64; how many of them are predicted right, int64).

    Under autocast the products are in its type, softmax and sums in fp32. Gradients reach x, weight and bias; there is
    no second derivative.
    """
    kind = products_type(x.device.type)
    if kind is None:
        return _Chunked.apply(x, weight, bias, targets, ignore, chunk_bytes, x.dtype)
    with torch.autocast(x.device.type, enabled=False):
        return _Chunked.apply(x, weight, bias, targets, ignore, chunk_bytes, kind)


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, targets, ignore, chunk_bytes, kind):
        precise = torch.float64 if kind == torch.float64 else torch.float32
        wanted = ctx.needs_input_grad[:3]
        rows = max(1, chunk_bytes // (precise.itemsize * len(weight)))
        matrix, shift = weight.to(kind), None if bias is None else bias.to(kind)
        loss = torch.zeros((), dtype=precise, device=x.device)
        right = torch.zeros((), dtype=torch.int64, device=x.device)
        grad_x = torch.empty_like(x) if wanted[0] else None
        grad_weight = torch.zeros_like(weight, dtype=torch.promote_types(weight.dtype, precise)) if wanted[1] else None
        grad_bias = torch.zeros(len(weight), dtype=precise, device=x.device) if bias is not None and wanted[2] else None
        for start in range(0, len(x), rows):
            part, target = x[start : start + rows].to(kind), targets[start : start + rows]
            counted = target.ne(ignore)
            target = target.where(counted, 0)[:, None]
            logits = linear(part, matrix, shift).to(precise)  # (R, V), ours to write over
            largest, best = logits.max(1, keepdim=True)  # (R, 1)
            wished = logits.gather(1, target)
            torch.softmax(logits, 1, out=logits)
            # log of the sum of exponents, from the largest probability: a small one may have become zero
            lost = (largest - logits.gather(1, best).log() - wished).squeeze(1)
            loss += lost.where(counted, 0).sum()
            right += (best.eq(target).squeeze(1) & counted).sum()
            if not any(wanted):
                continue
            logits.scatter_add_(1, target, torch.full_like(wished, -1))
            logits *= counted[:, None]
            if grad_bias is not None:
                grad_bias += logits.sum(0)
            grad = logits.to(kind)
            if grad_x is not None:
                grad_x[start : start + rows] = linear(grad, matrix.t())
            if grad_weight is not None and grad_weight.dtype == kind:
                grad_weight.addmm_(grad.t(), part)
            elif grad_weight is not None:
                grad_weight += grad.t() @ part
        ctx.mark_non_differentiable(right)
        ctx.made = (grad_x, grad_weight, grad_bias, weight.dtype, bias.dtype if bias is not None else None)
        return loss, right

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_loss, _):
        if ctx.made is None:
            raise RuntimeError("the chunked cross-entropy keeps its gradients for one backward pass; this is another")
        grad_x, grad_weight, grad_bias, weight_type, bias_type = ctx.made
        ctx.made = None
        for made in (grad_x, grad_weight, grad_bias):
            if made is not None and not (grad_loss.device.type == "cpu" and grad_loss.item() == 1):
                made.mul_(grad_loss.to(made.dtype))
        return (
            grad_x,
            None if grad_weight is None else grad_weight.to(weight_type),
            None if grad_bias is None else grad_bias.to(bias_type),
            *(None,) * 4,
        )
