"""Waiting for the device: in one go, where it has to be."""

from __future__ import annotations

from torch import Tensor


def sync() -> None:
    """Hand what was put off to the device; does not wait for it."""
    import torch_xla

    torch_xla.sync()


def fetch(tensors: list[Tensor]) -> list[Tensor]:
    """Tensors of the device -> of the host, all at once; waits for them."""
    import torch_xla.core.xla_model as xm

    return xm._maybe_convert_to_cpu(list(tensors))
