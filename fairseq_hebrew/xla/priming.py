"""The optimizer's state stands before the first update: made in it, that update would be another graph."""

from __future__ import annotations

from collections.abc import Callable

import torch

# A step with these leaves no trace. Not a rate of 0: some optimizers divide by it.
NOTHING = {"lr": 1e-30, "weight_decay": 0.0}


def prime(optimizer: torch.optim.Optimizer, sync: Callable[[], None]) -> None:
    """Give each weight its state, as a step with no gradient leaves it, and count no step.

    For optimizers, as all of Adam's family, whose state begins with zeros. `sync` runs what was put off.
    """
    settings = [{name: group[name] for name in NOTHING if name in group} for group in optimizer.param_groups]
    weights = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    for p in weights:
        p.grad = torch.zeros_like(p)
    for group in optimizer.param_groups:
        group.update({name: NOTHING[name] for name in NOTHING if name in group})
    optimizer.step()
    for group, setting in zip(optimizer.param_groups, settings):
        group.update(setting)
    for p in weights:
        p.grad = None
        state = optimizer.state[p]
        if "step" in state:
            state["step"] = torch.zeros_like(state["step"]) if torch.is_tensor(state["step"]) else 0
    sync()
