"""AdamW: the paper's updates, fairseq's `adam` but for where eps stands, resuming to the last bit."""

import copy
import logging
import math

import pytest
import torch
from torch.nn import Parameter

from tests.optim.building import optimizer

SHAPES = [(7, 5), (5,), (3, 4, 2), (1,)]
PUBLISHED = ("--lr", 1e-3, "--adam-betas", "(0.9, 0.98)", "--adam-eps", 1e-6, "--weight-decay", 0.01)


def parameters(dtype=torch.float32) -> list[Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in SHAPES]


def give_gradients(params, update: int) -> None:
    """Gradients of several magnitudes, the same for the same update."""
    generator = torch.Generator().manual_seed(update)
    for number, param in enumerate(params):
        param.grad = torch.randn(param.shape, generator=generator).to(param.dtype) * 10.0 ** (-2 * number)


def run(made, params, updates, between=lambda update: None):
    for update in updates:
        between(update)
        give_gradients(params, update)
        made.step()
        made.zero_grad()


def difference(ours, theirs) -> float:
    """The largest difference, relative to the weights' own largest."""
    with torch.no_grad():
        return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs))


def test_it_is_fairseqs_adam_where_eps_is_set_to_match():
    """The one difference: eps here is eps / sqrt(1 - beta2^t) there. 500 updates in double precision, lr changing."""
    ours, theirs = parameters(torch.float64), parameters(torch.float64)
    made = optimizer(ours, "--optimizer", "adamw", *PUBLISHED)
    stock = optimizer(theirs, "--optimizer", "adam", *PUBLISHED)

    def set_both(update):
        for each in (made, stock):
            each.set_lr(1e-3 * (1 + math.sin(update)))
        made.optimizer.param_groups[0]["eps"] = 1e-6 / math.sqrt(1 - 0.98**update)

    run(made, ours, range(1, 501), set_both)
    run(stock, theirs, range(1, 501), set_both)
    assert difference(ours, theirs) < 1e-12


@pytest.mark.parametrize(
    ("dtype", "eps", "tolerance"),
    [
        (torch.float64, 1e-12, 1e-8),  # eps hardly counts
        (torch.float64, 1e-6, 5e-4),  # HalleluBERT's, with gradients down to 1e-6
        (torch.float32, 1e-12, 5e-5),  # rounding, above all of 1 - lr * decay
        (torch.float32, 1e-6, 5e-4),
    ],
)
def test_it_stays_near_fairseqs_adam_as_both_are_set(dtype, eps, tolerance):
    """After 500 updates, relative to the largest weight of a tensor."""
    ours, theirs = parameters(dtype), parameters(dtype)
    run(optimizer(ours, "--optimizer", "adamw", *PUBLISHED, "--adam-eps", eps), ours, range(1, 501))
    run(optimizer(theirs, "--optimizer", "adam", *PUBLISHED, "--adam-eps", eps), theirs, range(1, 501))
    assert difference(ours, theirs) < tolerance


def test_the_papers_updates_in_double_precision():
    """arXiv 1711.05101, algorithm 2, written out."""
    params = parameters(torch.float64)
    plain = [(param.detach().clone(), torch.zeros_like(param), torch.zeros_like(param)) for param in params]
    run(optimizer(params, "--optimizer", "adamw", *PUBLISHED), params, range(1, 101))
    for update in range(1, 101):
        holders = [Parameter(weights) for weights, _, _ in plain]
        give_gradients(holders, update)
        for (weights, first, second), holder in zip(plain, holders):
            first.mul_(0.9).add_(0.1 * holder.grad)
            second.mul_(0.98).add_(0.02 * holder.grad**2)
            scaled = (first / (1 - 0.9**update)) / ((second / (1 - 0.98**update)).sqrt() + 1e-6)
            weights.copy_(weights - 1e-3 * (scaled + 0.01 * weights))
    for param, (weights, _, _) in zip(params, plain):
        torch.testing.assert_close(param.detach(), weights, rtol=1e-12, atol=1e-12)


def test_the_fused_kernel_is_taken_and_equals_the_plain_one():
    fused, plain = parameters(), parameters()
    made, other = (optimizer(params, "--optimizer", "adamw", *PUBLISHED) for params in (fused, plain))
    assert made.optimizer.param_groups[0]["fused"] is True
    other.optimizer.param_groups[0]["fused"] = False
    run(made, fused, range(1, 201))
    run(other, plain, range(1, 201))
    assert difference(fused, plain) < 1e-6


def test_devices_without_the_kernel_take_the_plain_one(caplog):
    params = [Parameter(torch.zeros(2, 2, device="meta"))]
    with caplog.at_level(logging.INFO):
        made = optimizer(params, "--optimizer", "adamw")
    assert made.optimizer.param_groups[0]["fused"] is False
    assert "torch has no fused AdamW for meta; its plain one is taken" in caplog.text


def test_a_checkpoint_of_a_fused_run_goes_on_without_the_kernel_and_back():
    """Also where the count of updates lives differs: on the device, or on the host."""
    params, whole = parameters(), parameters()
    made = optimizer(params, "--optimizer", "adamw", *PUBLISHED)
    run(made, params, range(1, 11))
    state = copy.deepcopy(made.state_dict())
    for group in state["param_groups"]:
        group["fused"] = False
    again = optimizer(params, "--optimizer", "adamw", *PUBLISHED)
    again.load_state_dict(state)
    assert again.optimizer.param_groups[0]["fused"] is True
    run(again, params, range(11, 21))
    run(optimizer(whole, "--optimizer", "adamw", *PUBLISHED), whole, range(1, 21))
    assert all(torch.equal(a, b) for a, b in zip(params, whole))
