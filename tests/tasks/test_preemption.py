"""Signals: the update is finished, a checkpoint written, the status told; and the run goes on as if never stopped."""

import re

import pytest

from tests.tasks import runs

MORE = ("--max-update", 9, "--save-interval-updates", 4)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", 43), runs.plugin(folder)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    save = tmp_path_factory.mktemp("whole")
    assert runs.train(*place, save, *MORE).returncode == 0
    return save


def updates_of(path) -> int:
    return runs.state_of(path)["optimizer_history"][-1]["num_updates"]


def test_the_update_is_finished_and_nothing_lost(place, whole, tmp_path):
    """SIGTERM to every process of the job, data workers too, and again in the second batch of the update."""
    plant = {"3.0": "SIGTERM to all", "3.1": "SIGTERM to all"}
    done = runs.train(*place, tmp_path, *MORE, "--num-workers", 2, plant=plant)
    assert done.returncode == 128 + 15, done.stderr
    assert "SIGTERM: writing a checkpoint, then ending with status 143" in done.stdout
    assert "Traceback" not in done.stderr and updates_of(tmp_path / "checkpoint_last.pt") == 3
    usr1 = runs.train(*place, tmp_path, *MORE, "--num-workers", 1, plant={"6.0": "SIGUSR1"})
    assert usr1.returncode == 128 + 10, usr1.stderr
    assert updates_of(tmp_path / "checkpoint_last.pt") == 6, "an epoch's last update"
    assert runs.train(*place, tmp_path, *MORE).returncode == 0
    lines = (tmp_path / "records").read_text().splitlines()
    assert len([line for line in lines if "begins" not in line]) == len(runs.records(whole)), "an update was done twice"
    assert runs.records(tmp_path) == runs.records(whole)
    assert runs.same_state(*(runs.state_of(folder / "checkpoint_last.pt") for folder in (tmp_path, whole)))


def test_a_validation_is_left(place, tmp_path):
    plant = {"valid.2": "SIGTERM"}
    done = runs.train(*place, tmp_path, *MORE, "--batch-size-valid", 2, plant=plant, validate=True)
    assert done.returncode == 143, done.stderr
    assert not re.search(r"\| valid \|", done.stdout), "the validation went on to its end"
    assert updates_of(tmp_path / "checkpoint_last.pt") == 4 and updates_of(tmp_path / "checkpoint_1_4.pt") == 4


@pytest.mark.parametrize("plant", ["SIGTERM", "SIGTERM to the launcher"])
def test_all_processes_stop_at_the_same_update(place, tmp_path, plant):
    """One of two gets the signal, and the other knows from the statistics they share; or torchrun, who hands it on."""
    more = ("--max-update", 2000, "--update-freq", 1, "--num-workers", 1)
    done = runs.train(*place, tmp_path, *more, processes=2, plant={"3.0.1": plant})
    assert done.returncode == 1, "torchrun's own status for processes that end with another one than 0"
    assert not [line for line in done.stderr.splitlines() if re.match(r"\[rank\d\]:", line)], done.stderr[-3000:]
    assert done.stdout.count("SIGTERM: writing a checkpoint") == 1
    lines = runs.records(tmp_path)
    last = max(line[0] for line in lines)
    assert {line[:2] for line in map(tuple, lines)} == {(u, rank) for u in range(1, last + 1) for rank in (0, 1)}
    assert updates_of(tmp_path / "checkpoint_last.pt") == last
    assert last == 3 or (3 < last < 2000 and plant != "SIGTERM")


def test_before_training_a_signal_ends_at_once(place, tmp_path):
    """Nothing is there yet that a checkpoint could keep."""
    import signal
    import subprocess

    command = [str(part) for part in (runs.BIN / "fairseq-train", *runs.arguments(*place, tmp_path, *MORE))]
    with subprocess.Popen(
        command, cwd=runs.ROOT, env=runs.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        for line in run.stdout:
            if "model: HalleluBertModel" in line:
                run.send_signal(signal.SIGTERM)
        assert run.wait() == -signal.SIGTERM
    assert not list(tmp_path.glob("*.pt"))
