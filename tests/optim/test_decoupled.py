"""fairseq's side of the optimizers: options, resuming, clipping, and its wrappers for 16 bits."""

import copy
import logging

import pytest
import torch
from fairseq import optim
from torch.nn import Parameter

from fairseq_hebrew.stage.errors import UserError
from tests.optim.building import optimizer, parsed
from tests.optim.test_adamw import PUBLISHED, give_gradients, parameters, run

NAMES = ["adamw", "stable_adamw"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("groups", [(), ("--no-decay-norms-biases",)])
def test_a_resumed_run_is_one_never_stopped_to_the_last_bit(name, groups, tmp_path):
    given = ("--optimizer", name, *PUBLISHED, *groups)
    whole, params = parameters(), parameters()
    run(optimizer(whole, *given), whole, range(1, 41))
    first = optimizer(params, *given)
    run(first, params, range(1, 18))
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = optimizer(params, *given)
    second.load_state_dict(torch.load(tmp_path / "state.pt"), {})
    run(second, params, range(18, 41))
    assert all(torch.equal(a, b) for a, b in zip(params, whole))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_clipped_by_their_norm(name):
    params = parameters()
    made = optimizer(params, "--optimizer", name, "--no-decay-norms-biases")
    give_gradients(params, 1)
    wanted = torch.cat([param.grad.flatten() for param in params]).norm()
    assert made.clip_grad_norm(0.5) == pytest.approx(wanted.item(), rel=1e-6)
    assert torch.cat([param.grad.flatten() for param in params]).norm() == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("precision", [("--bf16",), ("--fp16", "--fp16-no-flatten-grads", "--fp16-scale-window", 4)])
def test_fairseqs_optimizer_of_16_bits_wraps_them(name, precision, tmp_path):
    """The weights of 32 bits are updated as without it, those of 16 bits follow; resumed to the last bit."""
    given = ("--optimizer", name, *PUBLISHED, "--no-decay-norms-biases", *precision)
    cfg = parsed(*given)
    dtype = torch.bfloat16 if precision[0] == "--bf16" else torch.float16

    def wrapped(params):
        return optim.FP16Optimizer.build_optimizer(cfg, params)

    def step(made, params, update):
        made.zero_grad()
        generator = torch.Generator().manual_seed(update)
        made.backward(sum((p * torch.randn(p.shape, generator=generator).to(dtype)).sum() for p in params))
        norm = made.clip_grad_norm(1.0)
        made.step()
        return float(norm)

    whole, params = parameters(dtype), parameters(dtype)
    made, first = wrapped(whole), wrapped(params)
    assert [len(group["params"]) for group in made.param_groups] == [2, 2]
    norms = [step(made, whole, update) for update in range(1, 13)]
    assert all(1 < norm < 20 for norm in norms)
    for update in range(1, 6):
        step(first, params, update)
    torch.save((first.state_dict(), params, first.fp32_params), tmp_path / "state.pt")
    state, _, masters = torch.load(tmp_path / "state.pt", weights_only=False)
    second = wrapped(params)
    second.load_state_dict(state)
    for own, saved in zip(second.fp32_params, masters):
        own.data.copy_(saved.data)
    for update in range(6, 13):
        step(second, params, update)
    assert all(torch.equal(a, b) for a, b in zip(second.fp32_params, made.fp32_params))
    assert all(torch.equal(p, q.to(dtype)) for p, q in zip(params, made.fp32_params))


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_16_bits_alone_are_refused(name):
    with pytest.raises(UserError, match=f"{name} keeps its averages in the type of the weights.*--optimizer adam"):
        optim.MemoryEfficientFP16Optimizer.build_optimizer(
            parsed("--optimizer", name, "--memory-efficient-bf16"), parameters(torch.bfloat16)
        )


def test_only_pointwise_updates_may_be_flattened():
    assert optimizer(parameters(), "--optimizer", "adamw").supports_flat_params
    assert not optimizer(parameters(), "--optimizer", "stable_adamw").supports_flat_params


@pytest.mark.parametrize("name", NAMES)
def test_other_groups_than_the_checkpoints_are_refused(name):
    params = parameters()
    state = optimizer(params, "--optimizer", name, "--no-decay-norms-biases").state_dict()
    with pytest.raises(UserError, match=r"--no-decay-norms-biases was not given now; give it as in the run"):
        optimizer(params, "--optimizer", name).load_state_dict(state)
    state = optimizer(params, "--optimizer", name).state_dict()
    with pytest.raises(UserError, match=r"--no-decay-norms-biases was given now"):
        optimizer(params, "--optimizer", name, "--no-decay-norms-biases").load_state_dict(state)


def test_other_settings_than_the_checkpoints_are_told_and_can_be_overridden(caplog):
    params = parameters()
    given = ("--optimizer", "adamw", "--no-decay-norms-biases")
    state = optimizer(params, *given, "--weight-decay", 0.1).state_dict()
    made = optimizer(params, *given, "--weight-decay", 0.2)
    with caplog.at_level(logging.WARNING):
        made.load_state_dict(copy.deepcopy(state), {})
    assert "--weight-decay 0.2 is not followed: the checkpoint goes on with its own, 0.1" in caplog.text
    assert [group["weight_decay"] for group in made.param_groups] == [0.1, 0.0]
    caplog.clear()
    made.load_state_dict(state, {"weight_decay": 0.2, "lr": 3e-3})
    assert not caplog.records and made.get_lr() == 3e-3
    assert [group["weight_decay"] for group in made.param_groups] == [0.2, 0.0]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--adam-betas", "(0.9, 1)"), r"--adam-betas \(0.9, 1\) is not two numbers from 0 up to 1; write it as"),
        (("--adam-betas", "0.9"), "--adam-betas 0.9 is not two numbers"),
        (("--adam-betas", "(0.9, x)"), r"--adam-betas \(0.9, x\) is not two numbers"),
        (("--adam-betas", "(0.9, '0.98')"), "is not two numbers"),
        (("--adam-eps=-1e-8",), "--adam-eps -1e-08 is less than 0; give 0 for none"),
        (("--weight-decay", -0.1), "--weight-decay -0.1 is less than 0"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_options_that_cannot_be(name, options, line):
    with pytest.raises(UserError, match=line) as caught:
        optimizer([Parameter(torch.zeros(2, 2))], "--optimizer", name, *options)
    assert "\n" not in str(caught.value)
