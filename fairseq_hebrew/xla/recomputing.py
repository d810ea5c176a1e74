"""Activations that are computed again for the backward pass, where XLA compiles both passes as one graph."""

from __future__ import annotations

from torch import Tensor


def recompute(layer, *inputs) -> Tensor:
    """A layer's output, of which the inputs alone are kept, as torch.utils.checkpoint has it on other devices.

    XLA would find that the same is computed twice, and keep it: torch_xla's own puts a barrier before the second time.
    It sets the generator back too, so that dropout drops the same.
    """
    import torch_xla.utils.checkpoint

    return torch_xla.utils.checkpoint.checkpoint(layer, *inputs)
