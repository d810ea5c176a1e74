"""torch's attention over documents of any lengths in one kernel (CUDA, half precision); not in torch before 2.10."""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor

from fairseq_hebrew.modules.layout import Layout


def varlen(q: Tensor, k: Tensor, v: Tensor, layout: Layout, window: int = 0, dropout: float = 0.0) -> Tensor:
    """As `plain`, for an unpadded layout; q, k, v in fp16 or bf16, no dropout."""
    from torch.nn.attention.varlen import varlen_attn

    longest = max(layout.lengths) if layout.lengths else layout.length
    ends = layout.cu_seqlens
    near = {"window_size": (window, window)} if window else {}  # an argument that the first releases do not have
    return varlen_attn(q, k, v, ends, ends, longest, longest, **near)


def missing(device: torch.device, dtype: torch.dtype, dropout: float) -> str | None:
    """Why `varlen` cannot serve, or None when it can."""
    if device.type != "cuda":
        return f"it runs on CUDA, not on {device.type}"
    try:
        there = importlib.util.find_spec("torch.nn.attention.varlen") is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        return f"torch {torch.__version__} does not have it"
    if dtype not in (torch.float16, torch.bfloat16):
        return f"it takes fp16 and bf16, not {str(dtype).removeprefix('torch.')}; add --autocast bf16"
    if dropout:
        return "it has no dropout on the attention weights; add --attention-dropout 0"
    if torch.cuda.get_device_capability(device) < (8, 0):
        return "it needs a GPU of compute capability 8.0 or above"
    return None
