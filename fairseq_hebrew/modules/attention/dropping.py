"""Attention with dropout on its weights, on the CPU, where torch has no fused kernel for it and keeps every score.

A few heads at a time, in buffers that are used again for the next ones: scores and weights stay in the cache, and the
backward pass computes them again. Kept for it is a byte a weight, whether it is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from fairseq_hebrew.modules.dropout import keep_mask, scale

AT_ONCE = 1 << 19  # scores of the heads that are computed together


def dropping_attention(q: Tensor, k: Tensor, v: Tensor, probability: float) -> Tensor:
    """q, k, v (B, H, T, D) -> (B, H, T, D), softmax(q k / sqrt(D)) with dropout, times v."""
    return _Dropping.apply(q, k, v, probability)


def _groups(q: Tensor) -> Iterator[tuple[int, slice]]:
    """A row and a few of its heads, until all have been named."""
    B, H, T, _ = q.shape
    step = max(1, min(H, AT_ONCE // (T * T)))
    for row in range(B):
        for head in range(0, H, step):
            yield row, slice(head, min(head + step, H))


def _buffers(q: Tensor, count: int) -> list[Tensor]:
    """Room for the scores of a group, (heads, T, T) each."""
    _, H, T, _ = q.shape
    return [q.new_empty(max(1, min(H, AT_ONCE // (T * T))), T, T) for _ in range(count)]


def _weights(q: Tensor, k: Tensor, out: Tensor) -> Tensor:
    """softmax(q k / sqrt(D)), (heads, T, T)"""
    torch.bmm(q / math.sqrt(q.size(-1)), k.transpose(1, 2), out=out)
    return torch.softmax(out, -1, out=out)


class _Dropping(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, probability):
        B, H, T, D = q.shape
        keep = keep_mask(torch.Size((B, H, T, T)), probability)
        out = q.new_empty(B, T, H, D).transpose(1, 2)  # as the layer wants it next
        buffers = _buffers(q, 2)
        for row, heads in _groups(q):
            query, key, value, mask = (t[row, heads] for t in (q, k, v, keep))
            weights, factors = (t[: len(query)] for t in buffers)
            _weights(query, key, out=weights).mul_(factors.copy_(mask.view(torch.uint8)))
            out[row, heads] = weights @ (value * scale(probability))
        ctx.save_for_backward(q, k, v, keep, out)
        ctx.scale = scale(probability)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        q, k, v, keep, out = ctx.saved_tensors
        B, H, T, D = q.shape
        grads = [q.new_empty(B, T, H, D).transpose(1, 2) for _ in range(3)]
        factor = 1 / math.sqrt(D)
        buffers = _buffers(q, 3)
        for row, heads in _groups(q):
            query, key, value, up, made, mask = (t[row, heads] for t in (q, k, v, grad, out, keep))
            weights, factors, back = (t[: len(query)] for t in buffers)
            # a row's sum of weights times their gradients is that of its outputs times theirs
            along = (up * made).sum(-1, keepdim=True)  # (heads, T, 1)
            up = up * ctx.scale
            factors.copy_(mask.view(torch.uint8))
            _weights(query, key, out=weights)
            torch.bmm(up, value.transpose(1, 2), out=back)
            back.mul_(factors).sub_(along).mul_(weights)
            grads[2][row, heads] = weights.mul_(factors).transpose(1, 2) @ up
            grads[0][row, heads] = back @ (key * factor)
            grads[1][row, heads] = back.transpose(1, 2) @ (query * factor)
        return *grads, None
