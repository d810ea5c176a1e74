"""The state an optimizer has before its first update is what it would have begun with."""

import copy

import pytest
import torch

from fairseq_hebrew.optim.stable_adamw import ClippedAdamW
from fairseq_hebrew.xla.priming import prime

SETTINGS = {"betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.1}


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.Adam, ClippedAdamW])
def test_a_primed_optimizer_trains_as_a_fresh_one(kind):
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(4, 3)), torch.nn.Parameter(torch.zeros(3))]
    others = copy.deepcopy(weights)
    primed, fresh = kind(weights, lr=0.1, **SETTINGS), kind(others, lr=0.1, **SETTINGS)
    synced = []
    prime(primed, lambda: synced.append(True))
    assert synced and all(torch.equal(one, other) for one, other in zip(weights, others))
    assert all(weight.grad is None for weight in weights) and primed.param_groups[0]["lr"] == 0.1
    for step in range(4):
        for weight in (*weights, *others):
            weight.grad = torch.full_like(weight, 0.1 * (step - 1))
        primed.step()
        fresh.step()
    for one, other in zip(weights, others):
        assert torch.equal(one, other)
        assert all(
            torch.equal(torch.as_tensor(v), torch.as_tensor(fresh.state[other][k]))
            for k, v in primed.state[one].items()
        )
