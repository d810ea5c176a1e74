"""A token embedding that is the output matrix too, with one gradient for both uses instead of two as large."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def tied_embedding(embedding: nn.Embedding, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """tokens (N,) int64 -> their vectors (N, C), and the matrix (V, C) for the output.

    The gradient of the matrix is written into: one function makes it, and no other use of it may keep it. Both together
    equal what `embedding(tokens)` and `embedding.weight` get from autograd.
    """
    return _Tied.apply(embedding.weight, tokens, embedding.padding_idx)


class _Tied(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, tokens, padding_idx):
        ctx.save_for_backward(tokens)
        ctx.padding_idx = padding_idx
        ctx.shape = weight.shape
        return weight[tokens], weight.view_as(weight)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad, grad_matrix):
        (tokens,) = ctx.saved_tensors
        if ctx.padding_idx is not None:  # padding's row is not learned here, as in nn.Embedding
            grad = grad.masked_fill(tokens.eq(ctx.padding_idx)[:, None], 0)
        return grad_matrix.index_add_(0, tokens, grad.to(grad_matrix.dtype)), None, None
