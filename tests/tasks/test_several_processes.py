"""torchrun with two processes on the CPU: the losses of one process with twice the --update-freq, and going on."""

import json
import re

import pytest

from tests.tasks import runs

# 43 samples are 11 batches: in the last update of an epoch the second process has one batch, and then none.
PLAIN = ("--dropout", 0, "--attention-dropout", 0, "--max-update", 8)
VALIDATING = ("--save-interval-updates", 3, "--batch-size-valid", 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", 43), runs.plugin(folder)


def logged(done, kind: str) -> dict[int, dict[str, float]]:
    """{update: numbers} of a run's log."""
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(row) for row in re.findall(rf"\| {kind} \| (\{{.*\}})", done.stdout)]
    return {int(row["num_updates" if kind == "train_inner" else f"{kind}_num_updates"]): row for row in rows}


def by_update(save) -> dict[int, tuple[list[int], float]]:
    """{update: (the samples it read, the sum of its losses)}, of all processes."""
    found = {}
    for update, _, ids, loss in runs.records(save):
        read, total = found.get(update, ([], 0.0))
        found[update] = (sorted(read + ids), total + float.fromhex(loss))
    return found


@pytest.fixture(scope="module")
def alone(place, tmp_path_factory):
    save = tmp_path_factory.mktemp("alone")
    done = runs.train(*place, save, *PLAIN, *VALIDATING, "--update-freq", 4, validate=True)
    return done, save


@pytest.mark.parametrize("wrapper", ["pytorch_ddp", "legacy_ddp"])
def test_the_losses_are_those_of_one_process(alone, place, tmp_path, wrapper):
    more = ("--update-freq", 2, "--ddp-backend", wrapper, "--num-workers", 1)
    done = runs.train(*place, tmp_path, *PLAIN, *VALIDATING, *more, processes=2, validate=True)
    one, two = by_update(alone[1]), by_update(tmp_path)
    for update in range(1, 9):
        assert two[update][0] == one[update][0], f"update {update} is made of other samples"
        assert two[update][1] == pytest.approx(one[update][1], rel=1e-5), update
    for kind, names in (("train_inner", ("loss", "gnorm", "wpb")), ("valid", ("valid_loss",))):
        ours, theirs = logged(done, kind), logged(alone[0], kind)
        assert ours.keys() == theirs.keys() and len(ours) >= 3
        for update in ours:
            for name in names:
                assert float(ours[update][name]) == pytest.approx(float(theirs[update][name]), abs=2e-3), (update, name)
    states = [runs.state_of(folder / "checkpoint_last.pt")["model"] for folder in (alone[1], tmp_path)]
    assert all(states[0][name].allclose(states[1][name], atol=1e-5) for name in states[0])


def test_two_processes_killed_and_going_on_as_two_and_as_one(place, tmp_path):
    """All of it with dropout; the last part, by one process, reads what the two have left of the epoch."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    more = ("--max-update", 7, "--save-interval-updates", 2, "--update-freq", 1, "--batch-size", 3)
    assert runs.train(*place, whole, *more, processes=2).returncode == 0
    killed = runs.train(*place, parts, *more, processes=2, plant={"5.0.1": "SIGKILL"})
    assert killed.returncode == 1
    done = runs.train(*place, parts, *more, processes=2)
    assert done.returncode == 0, done.stderr
    assert runs.records(parts) == runs.records(whole)
    assert runs.same_state(*(runs.state_of(folder / "checkpoint_last.pt") for folder in (parts, whole)))
    runs.train_in_turn([runs.arguments(*place, parts, *more[2:], "--update-freq", 2, "--max-epoch", 1)])
    read = [index for line in runs.records(parts) for index in line[2]]
    assert sorted(read) == list(range(43))


def told(done) -> list[str]:
    """What the processes themselves say, without torchrun's own report: torch names the process before each line."""
    assert done.returncode == 1, done.stderr[-3000:]
    return [line for line in done.stderr.splitlines() if line.startswith("[rank")]


def test_errors_are_told_once(place, tmp_path):
    done = runs.train(place[0] / "none", place[1], tmp_path, processes=2)
    (line,) = told(done)
    assert line.startswith(f"[rank0]: error: {place[0]}/none/dict.txt: no dictionary here; ")


def test_the_error_of_one_process_is_its_own(place, tmp_path):
    done = runs.train(*place, tmp_path, "--max-update", 2, processes=2, plant={"1.0.1": "error"})
    assert "[rank1]: error: planted; pull it out" in told(done)
