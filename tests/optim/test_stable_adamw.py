"""StableAdamW against the paper's algorithm 2 (arXiv 2304.13013), written out plainly."""

import pytest
import torch
from torch.nn import Parameter

from fairseq_hebrew.stage.errors import UserError
from tests.optim.building import optimizer
from tests.optim.test_adamw import SHAPES, difference, give_gradients, parameters, run

GIVEN = ("--lr", 1e-2, "--adam-betas", "(0.9, 0.95)", "--adam-eps", 1e-6, "--weight-decay", 0.1)


class Plain:
    """The paper's update of one tensor, line by line, in double precision."""

    def __init__(self, weights, lr=1e-2, beta1=0.9, beta2=0.95, eps=1e-6, decay=0.1, clip=1.0):
        self.weights = weights.detach().double().clone()
        self.v, self.u, self.t = torch.zeros_like(self.weights), torch.zeros_like(self.weights), 0
        self.lr, self.beta1, self.beta2, self.eps, self.decay, self.clip = lr, beta1, beta2, eps, decay, clip

    def step(self, g) -> float:
        """Update the weights; returns the RMS that clips the update."""
        g, self.t = g.double(), self.t + 1
        b1 = self.beta1 * (1 - self.beta1 ** (self.t - 1)) / (1 - self.beta1**self.t)
        b2 = self.beta2 * (1 - self.beta2 ** (self.t - 1)) / (1 - self.beta2**self.t)
        self.v = b1 * self.v + (1 - b1) * g
        self.u = b2 * self.u + (1 - b2) * g * g
        rms = float((g * g / torch.clamp(self.u, min=self.eps**2)).mean().sqrt())
        rate = self.lr / max(1, rms / self.clip)
        self.weights = self.weights - rate * self.decay * self.weights - rate * self.v / (self.u.sqrt() + self.eps)
        return rms


def leap(params, update: int) -> None:
    """Every seventh update the gradient is a hundred times as large, of the second tensor only."""
    give_gradients(params, update)
    if update % 7 == 0:
        params[1].grad *= 100


@pytest.mark.parametrize("clip", [1.0, 0.5, 1e9])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_the_papers_updates(clip, dtype, tolerance):
    params = parameters(dtype)
    plain = [Plain(param, clip=clip) for param in params]
    made = optimizer(params, "--optimizer", "stable_adamw", *GIVEN, "--update-clip", clip)
    largest = 0.0
    for update in range(1, 101):
        leap(params, update)
        largest = max(largest, *(each.step(param.grad) for each, param in zip(plain, params)))
        made.step()
    assert largest > 3  # there was something to clip
    assert difference([param.double() for param in params], [each.weights for each in plain]) < tolerance


def test_tensors_of_one_list_are_clipped_each_by_itself():
    """As on a GPU, where all tensors are updated in one go."""
    from fairseq_hebrew.optim.stable_adamw import _update

    one, all_ = parameters(), parameters()
    group = {"lr": 1e-2, "betas": (0.9, 0.95), "eps": 1e-6, "weight_decay": 0.1, "update_clip": 1.0}
    states = [
        [{"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)} for p in params] for params in (one, all_)
    ]
    with torch.no_grad():
        for update in range(1, 30):
            leap(one, update)
            leap(all_, update)
            for param, state in zip(one, states[0]):
                _update([param], [state], update, group)
            _update(all_, states[1], update, group)
    assert all(torch.equal(a, b) for a, b in zip(one, all_))


def test_without_a_leap_it_is_adamw():
    """With a clip that is never reached; eps stands in the same place in both."""
    ours, theirs = parameters(), parameters()
    run(optimizer(ours, "--optimizer", "stable_adamw", *GIVEN, "--update-clip", 1e9), ours, range(1, 201))
    run(optimizer(theirs, "--optimizer", "adamw", *GIVEN), theirs, range(1, 201))
    assert difference(ours, theirs) < 2e-6


def test_a_leap_moves_the_weights_less_than_with_adamw():
    ours, theirs = parameters(), parameters()
    made = optimizer(ours, "--optimizer", "stable_adamw", *GIVEN)
    other = optimizer(theirs, "--optimizer", "adamw", *GIVEN)
    run(made, ours, range(1, 50))
    run(other, theirs, range(1, 50))
    moved = []
    for params, each in ((ours, made), (theirs, other)):
        before = params[0].detach().clone()
        give_gradients(params, 50)
        params[0].grad *= 1e3
        each.step()
        moved.append(float((params[0] - before).norm()))
    assert moved[0] < moved[1] / 3


def test_a_parameter_without_a_gradient_is_left_and_counts_its_own_updates():
    params = parameters()
    plain = Plain(params[1])
    made = optimizer(params, "--optimizer", "stable_adamw", *GIVEN)
    for update in range(1, 21):
        give_gradients(params, update)
        if update <= 10:
            params[1].grad = None
        else:
            plain.step(params[1].grad)
        before = params[1].detach().clone()
        made.step()
        if update <= 10:
            assert torch.equal(params[1], before)
    assert difference([params[1].double()], [plain.weights]) < 2e-6


def test_zero_gradients_decay_and_make_no_nan():
    params = parameters()
    before = [param.detach().clone() for param in params]
    made = optimizer(params, "--optimizer", "stable_adamw", *GIVEN)
    for param in params:
        param.grad = torch.zeros_like(param)
    made.step()
    for param, old in zip(params, before):
        torch.testing.assert_close(param.detach(), old * (1 - 1e-2 * 0.1))


@pytest.mark.parametrize(
    ("options", "shapes", "line"),
    [
        (("--update-clip", 0), SHAPES, "--update-clip 0 is not above 0; the paper's is 1"),
        ((), [(12,)], "stable_adamw measures each tensor by itself, and these are flattened; leave out --ddp-backend"),
    ],
)
def test_what_cannot_be_clipped(options, shapes, line):
    with pytest.raises(UserError, match=line):
        optimizer([Parameter(torch.zeros(shape)) for shape in shapes], "--optimizer", "stable_adamw", *options)
