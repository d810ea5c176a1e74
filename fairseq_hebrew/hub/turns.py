"""Orders of a tensor's rows that differ between here and there, each with its way back: nothing is computed, so there
and back gives the same bits."""

from __future__ import annotations

import torch
from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig


def heads_of_pairs(rows: Tensor, config: EncoderConfig) -> Tensor:
    """The rows of queries, keys and values (3 C, ...), as here -> as in NeoBERT.

    Here: [q; k; v], each with its heads one after another; rotary positions turn rows i and i + D/2 of a head together.
    There: head by head, [q; k; v] of each; rows 2i and 2i + 1 are turned together.
    """
    heads, half = config.heads, config.head_width // 2
    q_k, v = rows.unflatten(0, (3, heads, 2 * half)).split((2, 1))
    q_k = q_k.unflatten(2, (2, half)).transpose(2, 3).flatten(2, 3)
    return torch.cat((q_k, v)).transpose(0, 1).flatten(0, 2)


def parts_of_halves(rows: Tensor, config: EncoderConfig) -> Tensor:
    """The way back from `heads_of_pairs`."""
    heads, half = config.heads, config.head_width // 2
    q_k, v = rows.unflatten(0, (heads, 3, 2 * half)).transpose(0, 1).split((2, 1))
    q_k = q_k.unflatten(2, (half, 2)).transpose(2, 3).flatten(2, 3)
    return torch.cat((q_k, v)).flatten(0, 2)


# name: (to theirs, to ours)
TURNS = {"heads of pairs": (heads_of_pairs, parts_of_halves)}
