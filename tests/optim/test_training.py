"""The schedules and optimizers in fairseq-train itself: the rates it logs, clipping, stopping and going on."""

import pytest
import torch

from tests.conftest import the_error
from tests.optim.building import binaries, curve, fairseq_train, rows, schedule

COSINE = ("--lr-scheduler", "cosine_floor", "--lr", 1e-3, "--warmup-updates", 4)
TRAPEZOID = ("--lr-scheduler", "trapezoidal", "--lr", 1e-3, "--warmup-updates", 4, "--decay-updates", 5)
POLYNOMIAL = ("--lr-scheduler", "polynomial_decay", "--lr", 4e-4, "--warmup-updates", 2, "--total-num-update", 20)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return binaries(tmp_path_factory.mktemp("data"))


def logged(done) -> dict[int, float]:
    """{update: the learning rate after it}, six digits of it."""
    return {int(row["num_updates"]): float(row["lr"]) for row in rows(done)}


@pytest.mark.parametrize(
    ("given", "optimizer", "golden"),
    [
        # HalleluBERT's curve at a five-thousandth of its length
        (POLYNOMIAL, ("adam", "--adam-betas", "(0.9, 0.98)"), {1: 2e-4, 2: 4e-4, 11: 2e-4, 19: 4e-4 / 18, 20: 0}),
        # NeoBERT's shape: half way between updates 4 and 18 half way down to the floor
        (COSINE, ("adamw",), {1: 2.5e-4, 4: 1e-3, 11: 5.5e-4, 18: 1e-4, 19: 1e-4, 20: 1e-4}),
        (TRAPEZOID, ("stable_adamw",), {1: 2.5e-4, 4: 1e-3, 15: 1e-3, 16: 8e-4, 19: 2e-4, 20: 0}),
    ],
)
def test_the_rates_that_a_run_logs(data, tmp_path, given, optimizer, golden):
    rates = logged(fairseq_train(data, tmp_path, *given, "--optimizer", *optimizer, "--max-update", 20, "--no-save"))
    assert sorted(rates) == list(range(1, 21))
    assert {update: rates[update] for update in golden} == pytest.approx(golden, rel=1e-5, abs=1e-12)
    whole = curve(schedule(*given, "--max-update", 20), 20)
    assert list(rates.values()) == pytest.approx(whole[1:], rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("name", ["adamw", "stable_adamw"])
def test_a_stopped_run_that_is_prolonged_is_one_planned_so(data, tmp_path, name):
    """Stopped within the stable phase, going on for longer than was planned; weights to the last bit, also clipped."""
    given = (*TRAPEZOID, "--optimizer", name, "--weight-decay", 0.1, "--no-decay-norms-biases", "--clip-norm", 0.5)
    planned = rows(fairseq_train(data, tmp_path / "planned", *given, "--max-update", 24))
    first = rows(fairseq_train(data, tmp_path / "two", *given, "--max-update", 9, "--total-num-update", 20))
    second = rows(fairseq_train(data, tmp_path / "two", *given, "--max-update", 24))
    names = ("loss", "lr", "gnorm", "clip", "num_updates")
    assert [[row[n] for n in names] for row in first + second] == [[row[n] for n in names] for row in planned]
    assert {float(row["clip"]) for row in planned} == {100.0}
    ends = [torch.load(tmp_path / of / "checkpoint_last.pt", weights_only=False) for of in ("planned", "two")]
    assert all(torch.equal(ends[0]["model"][key], ends[1]["model"][key]) for key in ends[0]["model"])
    states = [end["last_optimizer_state"]["state"] for end in ends]
    assert all(
        torch.equal(states[0][number][key], states[1][number][key])
        for number in states[0]
        for key in ("exp_avg", "exp_avg_sq")
    )


def test_fp16_trains_with_a_master_copy_whose_norms_do_not_decay(data, tmp_path):
    """--fp16 runs on a CPU too; --bf16 means a TPU to fairseq."""
    given = (*COSINE, "--optimizer", "adamw", "--no-decay-norms-biases", "--weight-decay", 0.1)
    half = ("--fp16", "--fp16-no-flatten-grads", "--fp16-scale-window", 100)
    log = rows(fairseq_train(data, tmp_path, *given, "--max-update", 6, *half))
    whole = rows(fairseq_train(data, tmp_path / "fp32", *given, "--max-update", 6, "--no-save"))
    assert [float(row["loss"]) for row in log] == pytest.approx([float(row["loss"]) for row in whole], abs=0.01)
    groups = torch.load(tmp_path / "checkpoint_last.pt", weights_only=False)["last_optimizer_state"]["param_groups"]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("--warmup-updates", 30), "error: --warmup-updates 30 and --decay-updates 5 are more than the 20 updates of"),
        (("--memory-efficient-fp16",), "error: adamw keeps its averages in the type of the weights"),
    ],
)
def test_impossible_settings_end_in_one_line(data, tmp_path, more, line):
    done = fairseq_train(data, tmp_path, *TRAPEZOID, "--optimizer", "adamw", "--max-update", 20, *more)
    assert the_error(done).startswith(line)
