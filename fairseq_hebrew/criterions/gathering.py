"""The vectors of all processes, with a gradient that finds its way back to the process that made them."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F


class _AllGather(torch.autograd.Function):
    """(N, C), of one shape in all processes -> (W, N, C), by rank. Backward: what all of them have to say of this
    process's vectors, summed, since each process has a loss of its own."""

    @staticmethod
    def forward(context, vectors: Tensor, group) -> Tensor:
        context.group = group
        return all_gathered(vectors, group)

    @staticmethod
    def backward(context, gradient: Tensor):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient, group=context.group)
        return gradient[dist.get_rank(context.group)], None


def all_gathered(values: Tensor, group) -> Tensor:
    """(...) of one shape in all processes -> (W, ...), by rank, without a gradient."""
    values = values.contiguous()
    found = [torch.empty_like(values) for _ in range(dist.get_world_size(group))]
    dist.all_gather(found, values, group=group)
    return torch.stack(found)


def gather_rows(vectors: Tensor, ids: Tensor, there: Tensor, group) -> tuple[Tensor, Tensor, Tensor, int]:
    """vectors (N, C), ids (N,) int64 and there (N,) bool, of any number of rows in each process -> those of all
    processes, (M, C), (M,) and (M,), and at which row this process's own begin.

    Every process gets as many rows as the one with the most has; those that are filled up are not there.
    """
    counts = all_gathered(torch.tensor([len(ids)], device=ids.device), group)
    most = int(counts.max())
    missing = most - len(ids)
    vectors = _AllGather.apply(F.pad(vectors, (0, 0, 0, missing)), group)  # (W, N, C)
    told = all_gathered(F.pad(torch.stack((ids, there.long())), (0, missing)), group)  # (W, 2, N)
    return vectors.flatten(0, 1), told[:, 0].flatten(), told[:, 1].flatten().bool(), dist.get_rank(group) * most
