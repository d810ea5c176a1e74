"""What stands at the pieces of a word, brought together at its first piece."""

from __future__ import annotations

import torch
from torch import Tensor


def word_means(values: Tensor, word_starts: Tensor) -> Tensor:
    """values (B, T, C), word_starts (B, T) int64, for each position that of the first piece of its word -> (B, T, C):
    at the first piece of a word the mean over its pieces, at the others zeros. Every shape is fixed.
    """
    index = word_starts.unsqueeze(2)
    sums = torch.zeros_like(values).scatter_add(1, index.expand_as(values), values)
    ones = torch.ones_like(values[..., :1])
    counts = torch.zeros_like(ones).scatter_add(1, index, ones)
    return sums / counts.clamp(min=1)
