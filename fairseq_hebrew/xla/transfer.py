"""Waiting for the device: in one go, where it has to be."""

from __future__ import annotations

from torch import Tensor


def sync() -> None:
    """Have the device do what was put off, and wait for it."""
    import torch_xla

    torch_xla.sync(wait=True)


def fetch(tensors: list[Tensor]) -> list[Tensor]:
    """Tensors of the device -> of the host, all at once; waits for them."""
    import torch_xla.core.xla_model as xm

    return xm._maybe_convert_to_cpu(list(tensors))
