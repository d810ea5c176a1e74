"""An update that is not finite leaves weights and state as they were; one that is finite is the plain one."""

import copy
from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew.xla.guard import step_if_finite


def guarded():
    """(fairseq's side of an optimizer, its weights)."""
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(3, 2)), torch.nn.Parameter(torch.zeros(2))]
    inner = torch.optim.AdamW(weights, lr=0.1)
    made = SimpleNamespace(
        optimizer=inner, clip_grad_norm=lambda limit: torch.stack([w.grad.norm() for w in weights]).norm()
    )
    return made, weights


def update(made, weights, gradient: float) -> None:
    for weight in weights:
        weight.grad = torch.full_like(weight, gradient)
    made.clip_grad_norm(0.0)
    made.optimizer.step()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_changes_nothing(wrong):
    made, weights = guarded()
    step_if_finite(made)
    update(made, weights, 0.3)
    before = copy.deepcopy([w.detach() for w in weights])
    averages = [copy.deepcopy(made.optimizer.state[w]["exp_avg_sq"]) for w in weights]
    update(made, weights, wrong)
    assert all(torch.equal(w, old) for w, old in zip(weights, before))
    assert all(torch.equal(made.optimizer.state[w]["exp_avg_sq"], old) for w, old in zip(weights, averages))
    update(made, weights, 0.3)
    assert not torch.equal(weights[0], before[0]) and torch.isfinite(weights[0]).all()


def test_finite_updates_are_the_plain_ones():
    (made, weights), (plain, others) = guarded(), guarded()
    step_if_finite(made)
    for gradient in (0.3, -0.1, 2.0):
        update(made, weights, gradient)
        update(plain, others, gradient)
    assert all(torch.equal(one, other) for one, other in zip(weights, others))
