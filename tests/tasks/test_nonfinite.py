"""Updates that are not finite: skipped without a trace in the weights, written down, and the end after too many."""

import json
import math
import re
from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks import nonfinite
from tests.conftest import the_error
from tests.tasks import runs


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", 60), runs.plugin(folder)


def written(save) -> list[dict]:
    return [json.loads(line) for line in (save / nonfinite.FILE).read_text(encoding="utf-8").splitlines()]


def logs(done) -> list[dict]:
    return [json.loads(row) for row in re.findall(r"\| train_inner \| (\{.*\})", done.stdout)]


def weights(path) -> dict:
    state = runs.state_of(path)
    return {"model": state["model"], "state": state["last_optimizer_state"]["state"]}


PLANTS = {"3.1": "nan loss", "4.0": "inf loss", "6.1": "nan gradient"}


def test_the_update_leaves_no_trace(place, tmp_path):
    """A NaN, an infinite loss whose gradient is finite, and a NaN gradient: checkpoints before and after are equal."""
    more = ("--max-update", 8, "--save-interval-updates", 1)
    done = runs.train(*place, tmp_path, *more, plant=PLANTS)
    assert done.returncode == 0, done.stderr[-3000:]
    for before, after, same in ((2, 4, True), (5, 6, True), (4, 5, False), (6, 7, False)):
        pair = [weights(tmp_path / f"checkpoint_1_{update}.pt") for update in (before, after)]
        assert runs._equal(*pair) == same, (before, after)
    lines = written(tmp_path)
    assert [(line["update"], line["in_a_row"], line["epoch"]) for line in lines] == [(3, 1, 1), (4, 2, 1), (6, 1, 1)]
    assert lines[0]["batches"][1]["loss"] == "nan"
    assert lines[1]["batches"][0]["loss"] == "inf" and lines[2]["gnorm"] == "nan"
    assert all(math.isfinite(batch["loss"]) for batch in lines[2]["batches"])
    ids = {line[0]: [] for line in runs.records(tmp_path)}
    for update, _, batch, _ in runs.records(tmp_path):
        ids[update].append(batch)
    assert [[batch["ids"] for batch in line["batches"]] for line in lines] == [ids[3], ids[4], ids[6]]
    assert not (tmp_path / "crash.pt").exists()
    logged = logs(done)
    assert [int(row["num_updates"]) for row in logged] == [1, 2, 5, 7, 8], "a skipped update has a number of its own"
    assert all(math.isfinite(float(row["loss"])) for row in logged) and logged[-1]["skipped"] == "3"
    rates = {row["num_updates"]: row["lr"] for row in logs(runs.train(*place, tmp_path / "plain", "--max-update", 8))}
    assert all(rates[row["num_updates"]] == row["lr"] for row in logged), "the schedule moves on"


def test_too_many_in_a_row(place, tmp_path):
    plant = {f"{update}.0": "nan loss" for update in (2, 4, 5, 6, 7)}
    done = runs.train(*place, tmp_path, "--max-update", 8, "--stop-after-nonfinite", 3, plant=plant)
    line = the_error(done)
    assert line.startswith(f"error: {tmp_path}/{nonfinite.FILE}: 3 updates in a row had a loss or gradient that is not")
    assert "up to update 6; look at the batches named there" in line
    assert [entry["update"] for entry in written(tmp_path)] == [2, 4, 5, 6]


def test_going_on_after_skipped_updates_changes_nothing(place, tmp_path):
    """With fp16 too: its own loss scale skips the update, which then has no number."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    runs.train_in_turn(
        [
            runs.arguments(*place, whole, "--max-update", 9, plant=PLANTS),
            *(runs.arguments(*place, parts, "--max-update", updates, plant=PLANTS) for updates in (3, 9)),
        ]
    )
    assert runs.records(parts) == runs.records(whole)
    assert runs.same_state(*(runs.state_of(folder / "checkpoint_last.pt") for folder in (parts, whole)))


@pytest.mark.parametrize("wrapper", ["pytorch_ddp", "legacy_ddp"])
def test_all_processes_skip_together(place, tmp_path, wrapper):
    """The loss of one process alone is not finite."""
    more = ("--max-update", 5, "--update-freq", 1, "--ddp-backend", wrapper, "--save-interval-updates", 1)
    done = runs.train(*place, tmp_path, *more, processes=2, plant={"3.0.1": "inf loss"})
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = written(tmp_path)
    assert [(batch["rank"], batch["loss"] == "inf") for batch in line["batches"]] == [(0, False), (1, True)]
    assert line["update"] == 3 and all(len(batch["ids"]) == 4 for batch in line["batches"])
    assert runs._equal(*(weights(tmp_path / f"checkpoint_1_{update}.pt") for update in (2, 3)))
    assert done.stdout.count("is skipped: its loss or gradient is not finite") == 1


def test_a_limit_that_cannot_be():
    class Task(nonfinite.SkipsNonFinite):
        pass

    with pytest.raises(UserError, match="--stop-after-nonfinite 0: give at least 1"):
        Task(SimpleNamespace(stop_after_nonfinite=0))


class Optimizer:
    """What watch() needs of one, with the factor of half precision."""

    _multiply_factor = 1.0

    def __init__(self, scaler=None):
        self.weight = torch.ones(2, requires_grad=True)
        self.params, self.scaler = [self.weight], scaler

    def backward(self, loss):
        loss.backward()

    def clip_grad_norm(self, max_norm):
        self._multiply_factor = self.weight.grad.norm()
        return self._multiply_factor


def test_a_finite_loss_is_left_as_it_is_to_the_last_bit():
    one, other = Optimizer(), Optimizer()
    nonfinite.watch(one, lambda norm: None)
    for optimizer in (one, other):
        optimizer.backward((optimizer.weight * 0.1).sum() / 3)
    assert torch.equal(one.weight.grad, other.weight.grad)


def test_the_factor_of_half_precision_is_taken_back():
    def refuse(norm):
        raise nonfinite.UpdateSkipped

    optimizer = Optimizer()
    nonfinite.watch(optimizer, refuse)
    optimizer.backward(optimizer.weight.sum() + math.inf)
    with pytest.raises(nonfinite.UpdateSkipped):
        optimizer.clip_grad_norm(1.0)
    assert optimizer._multiply_factor == 1.0 and optimizer.weight.grad.isnan().all()


def test_a_loss_scale_is_left_alone():
    optimizer = Optimizer(scaler=object())
    nonfinite.watch(optimizer, lambda norm: pytest.fail("looked at"))
    optimizer.backward(optimizer.weight.sum() * math.nan)
    assert torch.isnan(optimizer.clip_grad_norm(1.0))


def test_a_task_that_looks_at_no_xla_device_does_not_train_on_one(monkeypatch):
    """Updates that are not finite would be skipped by the device, and nobody would know."""

    class Task(nonfinite.SkipsNonFinite):
        pass

    monkeypatch.setattr(nonfinite, "begun", lambda: True)
    with pytest.raises(UserError, match=r"^--task token_classification does not train with --tpu; leave it out"):
        Task(SimpleNamespace(stop_after_nonfinite=1, _name="token_classification"))
