"""An update whose gradient is not finite changes nothing, without the host asking the device."""

from __future__ import annotations

import torch


def step_if_finite(optimizer) -> None:
    """Let a fairseq optimizer's step leave weights and state as they were where the norm that its `clip_grad_norm`
    returned before is not finite. What it counts on the host goes on.
    """
    clip, inner = optimizer.clip_grad_norm, optimizer.optimizer
    step, norms = inner.step, []

    def clip_grad_norm(*args, **kwargs):
        norms[:] = [clip(*args, **kwargs)]
        return norms[0]

    def step_where_finite(*args, **kwargs):
        if not norms:
            return step(*args, **kwargs)
        finite = torch.isfinite(norms.pop())
        before = [(tensor, tensor.detach().clone()) for tensor in _on_device(inner)]
        result = step(*args, **kwargs)
        with torch.no_grad():
            for tensor, old in before:
                tensor.copy_(torch.where(finite, tensor, old))
        return result

    optimizer.clip_grad_norm, inner.step = clip_grad_norm, step_where_finite


def _on_device(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """The weights that are stepped, and the optimizer's tensors beside them."""
    stepped = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    states = [value for p in stepped for value in optimizer.state[p].values() if torch.is_tensor(value)]
    return stepped + [state for state in states if state.device == stepped[0].device]
