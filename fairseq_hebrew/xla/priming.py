"""The optimizer's state stands before the first update: made in it, that update would be another graph."""

from __future__ import annotations

from collections.abc import Callable

import torch

SMALLEST = 1e-30  # a learning rate that changes no weight; some optimizers divide by it


def prime(optimizer: torch.optim.Optimizer, sync: Callable[[], None]) -> None:
    """Give each weight its state, as a step with no gradient leaves it, and count no step.

    For optimizers, as all of Adam's family, whose state begins with zeros. `sync` runs what was put off.
    """
    rates = [group["lr"] for group in optimizer.param_groups]
    weights = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    for p in weights:
        p.grad = torch.zeros_like(p)
    for group in optimizer.param_groups:
        group["lr"] = SMALLEST
    optimizer.step()
    for group, rate in zip(optimizer.param_groups, rates):
        group["lr"] = rate
    for p in weights:
        p.grad = None
        state = optimizer.state[p]
        if "step" in state:
            state["step"] = torch.zeros_like(state["step"]) if torch.is_tensor(state["step"]) else 0
    sync()
