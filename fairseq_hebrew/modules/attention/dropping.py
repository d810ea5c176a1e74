"""Attention with dropout on its weights, on the CPU, where torch has no fused kernel for it and keeps every score.

A few heads at a time: scores and weights stay in the cache, and the backward pass computes them again.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fairseq_hebrew.modules.dropout import keep_mask, scale

AT_ONCE = 1 << 19  # scores of the heads that are computed together


def dropping_attention(q: Tensor, k: Tensor, v: Tensor, probability: float) -> Tensor:
    """q, k, v (B, H, T, D) -> (B, H, T, D), softmax(q k / sqrt(D)) with dropout, times v."""
    return _Dropping.apply(q, k, v, probability)


def _groups(*tensors: Tensor):
    """The same few heads of each tensor, (heads, T, D)."""
    B, H, T, _ = tensors[0].shape
    step = max(1, min(H, AT_ONCE // (T * T)))
    for row in range(B):
        for head in range(0, H, step):
            yield row, slice(head, head + step), [t[row, head : head + step] for t in tensors]


def _weights(q: Tensor, k: Tensor) -> Tensor:
    """softmax(q k / sqrt(D)), (heads, T, T)"""
    scores = (q / math.sqrt(q.size(-1))) @ k.transpose(1, 2)
    return torch.softmax(scores, -1, out=scores)


class _Dropping(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, probability):
        B, H, T, D = q.shape
        keep = keep_mask(torch.Size((B, H, T, T)), probability)
        ctx.save_for_backward(q, k, v, keep)
        ctx.scale = scale(probability)
        out = q.new_empty(B, T, H, D).transpose(1, 2)  # as the layer wants it next
        for row, heads, (query, key, value) in _groups(q, k, v):
            kept = _weights(query, key).mul_(keep[row, heads])
            out[row, heads] = (kept @ value).mul_(ctx.scale)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        q, k, v, keep = ctx.saved_tensors
        B, H, T, D = q.shape
        grads = [q.new_empty(B, T, H, D).transpose(1, 2) for _ in range(3)]
        factor = 1 / math.sqrt(D)
        for row, heads, (query, key, value, up) in _groups(q, k, v, grad):
            weights, kept = _weights(query, key), keep[row, heads]
            up = up * ctx.scale
            grads[2][row, heads] = (weights * kept).transpose(1, 2) @ up
            back = (up @ value.transpose(1, 2)).mul_(kept)
            back = torch.ops.aten._softmax_backward_data(back, weights, -1, weights.dtype).mul_(factor)
            grads[0][row, heads] = back @ key
            grads[1][row, heads] = back.transpose(1, 2) @ query
        return *grads, None
