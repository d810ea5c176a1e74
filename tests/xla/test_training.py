"""fairseq-train --tpu, on XLA's own compiler and runtime: one graph for a kind of step, resumed, moved, on devices."""

import pytest

from tests.tasks import runs
from tests.xla.commands import compiles, logged, plain, said, start


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """(folder, result) of two epochs with validation and checkpoints in between."""
    save = tmp_path_factory.mktemp("whole")
    done = start(plain(place[0], save, "--save-interval-updates", 6, "--validate-interval-updates", 6))
    assert done.returncode == 0, done.stderr[-3000:]
    return save, done


def test_two_epochs_with_validation_and_checkpoints_compile_nothing_new(whole):
    """2 of an update: its first batch, and its last with the optimizer's step; and what is made ready before."""
    _, done = whole
    assert int(logged(done)[-1]["num_updates"]) == 28, "two epochs"
    steps = [(step, new) for step, new, _ in compiles(done)]
    assert [step for step, _ in steps] == ["update 1", "validation"], said(done)[-3000:]
    assert steps[1][1] == 1


def test_a_resumed_run_compiles_nothing_more_and_goes_on_as_if_it_had_not_stopped(place, whole, tmp_path):
    _, done = whole
    first = start(plain(place[0], tmp_path, "--save-interval-updates", 6, "--max-update", 6))
    assert first.returncode == 0, first.stderr[-3000:]
    again = start(plain(place[0], tmp_path, "--save-interval-updates", 6, "--validate-interval-updates", 6))
    assert again.returncode == 0, again.stderr[-3000:]
    assert [step for step, _, _ in compiles(again)] == ["update 7", "validation"], said(again)[-3000:]
    told = {row["num_updates"]: row["loss"] for row in logged(done)}
    rest = {row["num_updates"]: row["loss"] for row in logged(again)}
    assert list(rest) == list(told)[6:]
    assert rest == {update: told[update] for update in rest}


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("more", [(), ("--xla-shard-parameters",)], ids=["replicated", "sharded"])
def test_several_devices_train_as_one(place, whole, tmp_path, devices, more):
    """To 1e-5; what is logged has five digits."""
    done = start(plain(place[0], tmp_path, "--max-update", 8, *more), devices=devices)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"spread over {devices} devices" in said(done)
    if more:
        assert "and their optimizer state, are spread over the devices" in said(done)
    ours = [float(row["loss"]) for row in logged(done)]
    assert ours == pytest.approx([float(row["loss"]) for row in logged(whole[1])[:8]], rel=1e-5, abs=1.1e-3)
    assert [step for step, _, _ in compiles(done)] == ["update 1", "validation"]


def test_checkpoints_go_from_xla_to_the_cpu_and_back(place, whole, tmp_path):
    """As a run on either that was never moved, but for the order of sums."""
    told = [float(row["loss"]) for row in logged(whole[1])]
    for name, first, second in (("to the cpu", "--tpu", "--cpu"), ("to xla", "--cpu", "--tpu")):
        for device, updates in ((first, 6), (second, 12)):
            fixed = ("--fixed-shapes",) if device == "--cpu" else ()
            done = start(plain(place[0], tmp_path / name, "--max-update", updates, *fixed, device=device))
            assert done.returncode == 0, done.stderr[-3000:]
        ours = [float(row["loss"]) for row in logged(done)]
        assert len(ours) == 6 and ours == pytest.approx(told[6:12], abs=2e-3)


def test_the_head_is_tied_after_the_move_and_after_loading(whole):
    """One matrix in the checkpoint, and no output matrix beside it."""
    state = runs.state_of(whole[0] / "checkpoint_last.pt")["model"]
    assert "encoder.embed_tokens.weight" in state and "lm_head.weight" not in state
    assert all(value.device.type == "cpu" for value in state.values())
