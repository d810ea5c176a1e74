"""--mirror-checkpoints: a run whose machine is gone goes on from the copies, with the losses of one never stopped."""

import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.remote_folder import RemoteFolder
from fairseq_hebrew.tasks.checkpoint_mirror import CheckpointMirror
from fairseq_hebrew.tasks.mirror import MirrorsCheckpoints, fetch_last, wait_for
from tests.tasks import runs

UPDATES = 14
SAVING = ("--save-interval-updates", 2, "--keep-interval-updates", 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """7 updates an epoch, and the plugin: (data, plugin)."""
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", 50), runs.plugin(folder)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    save = tmp_path_factory.mktemp("whole")
    done = runs.train(*place, save, "--max-update", UPDATES, *SAVING)
    assert done.returncode == 0, done.stderr
    return save


def mirrored(tmp_path):
    return ("--max-update", UPDATES, *SAVING, "--mirror-checkpoints", f"file://{tmp_path}/far/run")


def lose(save: Path) -> None:
    """What a machine loses with its disk; the test's own records stay."""
    for path in save.iterdir():
        if path.name != "records":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_stopped_by_a_signal_on_machines_that_come_and_go(place, whole, tmp_path):
    """The command waits for the copy of the checkpoint that the signal made."""
    save, far = tmp_path / "run", tmp_path / "far" / "run"
    for plant in ({"5.0": "SIGTERM"}, {"9.1": "SIGTERM"}, {}):
        done = runs.train(*place, save, *mirrored(tmp_path), plant=plant)
        assert done.returncode == (143 if plant else 0), done.stderr
        there = runs.state_of(far / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"]
        assert there == (int(next(iter(plant)).split(".")[0]) if plant else UPDATES)
        lose(save)
    assert runs.records(save) == runs.records(whole)
    assert runs.same_state(*(runs.state_of(folder / "checkpoint_last.pt") for folder in (far, whole)))
    assert sorted(path.name for path in far.iterdir()) == sorted(
        ["checkpoint_last.pt", *(path.name for path in whole.glob("checkpoint_*_*.pt"))]
    ), "what fairseq removed is there, or something unfinished"


def test_killed_once_a_checkpoint_was_copied(place, whole, tmp_path):
    save, last = tmp_path / "run", tmp_path / "far" / "run" / "checkpoint_last.pt"
    command = [runs.BIN / "fairseq-train", *runs.arguments(*place, save, *mirrored(tmp_path))]
    with open(tmp_path / "log", "w") as log:
        run = subprocess.Popen(command, cwd=runs.ROOT, env=runs.environment(), stdout=log, stderr=log)
        while not last.exists() and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert last.exists(), (tmp_path / "log").read_text()[-3000:]
    lose(save)
    done = runs.train(*place, save, *mirrored(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"fetched {last} as {save / 'checkpoint_last.pt'}" in done.stdout
    assert runs.records(save) == runs.records(whole)


def test_two_processes_one_of_which_copies_and_fetches(place, tmp_path):
    save = tmp_path / "run"
    more = ("--max-update", 6, "--save-interval-updates", 2, "--update-freq", 1)
    more += ("--mirror-checkpoints", tmp_path / "far")
    done = runs.train(*place, save, *more, plant={"4.0.1": "SIGTERM"}, processes=2)
    assert runs.state_of(tmp_path / "far" / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] == 4
    lose(save)
    done = runs.train(*place, save, *more, processes=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("fetched ") == 1
    assert runs.state_of(tmp_path / "far" / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] == 6


def test_a_place_that_fails_later_does_not_end_the_run(place, tmp_path):
    """The folder is put away, and a file in its place, once the first checkpoint is there."""
    save, far = tmp_path / "run", tmp_path / "far"
    command = [runs.BIN / "fairseq-train", *runs.arguments(*place, save, *mirrored(tmp_path))]
    with open(tmp_path / "log", "w") as log:
        run = subprocess.Popen(command, cwd=runs.ROOT, env=runs.environment(), stdout=log, stderr=log)
        while not (far / "run" / "checkpoint_last.pt").exists() and run.poll() is None:
            time.sleep(0.01)
        far.rename(tmp_path / "away")
        far.touch()
        assert run.wait(timeout=180) == 0
    told = (tmp_path / "log").read_text()
    assert "the checkpoints are not copied: " in told and "tried again with the next one" in told
    assert "does not have the last checkpoints" in told and "Traceback" not in told
    assert runs.state_of(save / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] == UPDATES


@pytest.mark.parametrize(
    "more, told",
    [
        (["--mirror-checkpoints", "FILE/run"], "cannot be"),
        (["--mirror-checkpoints", "nosuch://bucket/run"], "nosuch://bucket/run: cannot be read: Protocol not known"),
        (["--mirror-checkpoints", "SAVE"], "is --save-dir itself; name another place"),
    ],
)
def test_what_cannot_work_is_one_line_before_the_first_update(more, told, place, tmp_path):
    (tmp_path / "file").touch()
    for name, path in {"FILE": tmp_path / "file", "SAVE": tmp_path / "run"}.items():
        more = [word.replace(name, str(path)) for word in more]
    done = runs.train(*place, tmp_path / "run", "--max-update", 2, *more)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and len(lines) == 1 and told in lines[0], done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "run" / "records").exists()


def test_not_with_fairseqs_own_background_writing(tmp_path):
    task = MirrorsCheckpoints()
    task.cfg = SimpleNamespace(mirror_checkpoints=str(tmp_path))
    with pytest.raises(UserError, match="--write-checkpoints-asynchronously: give one of them"):
        task.before_loading(SimpleNamespace(write_checkpoints_asynchronously=True), None)


class Slow(RemoteFolder):
    def put(self, path, name):
        time.sleep(1)
        super().put(path, name)


def ends_with_a_copy_on_its_way(folder: Path, far: str) -> None:
    """What a process does that fairseq started by itself: it ends where its function ends."""
    copies = CheckpointMirror(folder, Slow(far))
    wait_for(copies)
    copies.offer()


def test_a_process_that_fairseq_started_waits_too(tmp_path):
    checkpoint(tmp_path / "run" / "checkpoint_last.pt", 2)
    arguments = (tmp_path / "run", str(tmp_path / "far"))
    process = multiprocessing.get_context("fork").Process(target=ends_with_a_copy_on_its_way, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert updates_in(tmp_path / "far" / "checkpoint_last.pt") == 2


def checkpoint(path: Path, updates: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"optimizer_history": [{"num_updates": updates}], "last_optimizer_state": {"step": updates}}, path)
    return path


def updates_in(path: Path) -> int:
    return torch.load(path)["optimizer_history"][-1]["num_updates"]


def test_a_damaged_copy_is_passed_over_for_the_next(tmp_path, caplog):
    far, here = tmp_path / "far", tmp_path / "run"
    for updates in (4, 10):
        checkpoint(far / f"checkpoint_1_{updates}.pt", updates)
    content = (far / "checkpoint_1_10.pt").read_bytes()
    (far / "checkpoint_last.pt").write_bytes(content[:-100])
    fetch_last(RemoteFolder(str(far)), here)
    assert updates_in(here / "checkpoint_last.pt") == 10 and os.listdir(here) == ["checkpoint_last.pt"]
    assert f"{far}/checkpoint_last.pt: the checkpoint is truncated, its end is missing, passed over" in caplog.messages
    for path in far.iterdir():
        path.write_bytes(b"")
    (here / "checkpoint_last.pt").unlink()
    with pytest.raises(UserError, match="no checkpoint is whole; remove them to begin anew"):
        fetch_last(RemoteFolder(str(far)), here)
    assert os.listdir(here) == []


def test_what_is_here_stays_unless_the_place_is_ahead(tmp_path):
    far, here = RemoteFolder(str(tmp_path / "far")), tmp_path / "run"
    last = checkpoint(here / "checkpoint_last.pt", 10)
    checkpoint(tmp_path / "far" / "checkpoint_last.pt", 8)
    checkpoint(tmp_path / "far" / "checkpoint_1_8.pt", 8)
    fetch_last(far, here)
    assert updates_in(last) == 10
    checkpoint(tmp_path / "far" / "checkpoint_2_1200.pt", 1200)
    with pytest.raises(UserError, match=r"made after 10 updates, and .*far has one made after 1,200; move it away"):
        fetch_last(far, here)


def test_several_hosts_all_begin_from_the_place(tmp_path, caplog, monkeypatch):
    """The host that writes may be ahead of its own copies, and the others have what they fetched long ago."""
    caplog.set_level(logging.INFO)
    far, fetch = RemoteFolder(str(tmp_path / "far")), RemoteFolder.fetch
    writer = checkpoint(tmp_path / "0" / "checkpoint_last.pt", 12)
    with pytest.raises(UserError, match=r"4 hosts go on from what .*far has, which is nothing; copy it there"):
        fetch_last(far, tmp_path / "0", hosts=4)
    fetch_last(far, tmp_path / "1", hosts=4)
    assert caplog.messages == [f"no checkpoint is in {far.address} yet"] and not (tmp_path / "1").exists()
    checkpoint(tmp_path / "far" / "checkpoint_last.pt", 10)
    old = checkpoint(tmp_path / "2" / "checkpoint_last.pt", 2)
    fetched = []
    monkeypatch.setattr(RemoteFolder, "fetch", lambda *given: (fetched.append(given[2].name), fetch(*given)))
    for host in range(4):
        fetch_last(far, tmp_path / str(host), host=host, hosts=4)
    assert len(set(fetched)) == 4, "in a folder that they share they would write over one another"
    assert [updates_in(tmp_path / str(host) / "checkpoint_last.pt") for host in range(4)] == [10] * 4
    assert updates_in(writer) == updates_in(old) == 10
