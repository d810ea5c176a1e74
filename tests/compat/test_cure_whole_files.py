"""Checkpoints are whole or not there, whenever the process that writes them is killed; and the one before is kept."""

import errno
import multiprocessing
import os
import random
import resource
import signal
import time

import pytest
import torch

from fairseq_hebrew_compat import damaged_checkpoints, whole_files


@pytest.fixture(scope="module")
def files():
    from fairseq import checkpoint_utils

    return checkpoint_utils


def checkpoint(number: int, size: int = 200_000) -> dict:
    """A state whose every part tells its number."""
    tensors = {f"layer{i}": torch.full((size,), float(number)) for i in range(4)}
    return {"model": tensors, "last_optimizer_state": {"n": number}, "optimizer_history": [{"num_updates": number}]}


def number_in(path) -> int:
    """The number of a checkpoint, after a look at all of it."""
    assert damaged_checkpoints.what_is_wrong(str(path)) is None
    state = torch.load(path)
    (number,) = {float(value) for tensor in state["model"].values() for value in tensor.unique()}
    assert state["last_optimizer_state"]["n"] == number
    return int(number)


def save_for_ever(files, folder, announce) -> None:
    """As fairseq saves: a checkpoint, its copy as the last one, and every third time the last one alone."""
    for number in range(1, 10_000):
        last = str(folder / "checkpoint_last.pt")
        if number % 3:
            files.torch_persistent_save(checkpoint(number), str(folder / "checkpoint_1_1.pt"))
            files.PathManager.copy(str(folder / "checkpoint_1_1.pt"), last, overwrite=True)
        else:
            files.torch_persistent_save(checkpoint(number), last)
        announce.send(number)


def test_killed_at_any_moment(files, tmp_path):
    chance, moments = random.Random(1), 40
    context = multiprocessing.get_context("fork")
    for _ in range(moments):
        for path in tmp_path.glob("*"):
            path.unlink()
        told, announce = context.Pipe(duplex=False)
        writer = context.Process(target=save_for_ever, args=(files, tmp_path, announce))
        writer.start()
        announce.close()
        assert told.recv() == 1
        time.sleep(chance.random() * 0.1)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        done = 1
        while told.poll():
            try:
                done = told.recv()
            except EOFError:
                break
        assert number_in(tmp_path / "checkpoint_last.pt") in (done, done + 1)
        for path in tmp_path.glob("*.pt"):
            assert done - 3 <= number_in(path) <= done + 1


def fail_beyond(limit: int, files, path: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        files.torch_persistent_save(checkpoint(2), path)
    except OSError:
        os._exit(3)


@pytest.mark.parametrize("part", [0, 0.001, 0.1, 0.5, 0.99, 0.99999])
def test_a_write_that_fails_at_any_byte(files, tmp_path, part):
    path = tmp_path / "checkpoint_last.pt"
    files.torch_persistent_save(checkpoint(1), str(path))
    limit = int(path.stat().st_size * part)
    writer = multiprocessing.get_context("fork").Process(target=fail_beyond, args=(limit, files, str(path)))
    writer.start()
    writer.join()
    assert writer.exitcode == 3 and number_in(path) == 1 and list(tmp_path.iterdir()) == [path]


def test_a_second_attempt_begins_the_file_anew(files, tmp_path, monkeypatch):
    save, attempts = torch.save, []

    def fail_once(obj, file):
        attempts.append(file)
        if len(attempts) == 1:
            file.write(b"half of it")
            raise OSError(errno.EIO, "Input/output error")
        save(obj, file)

    monkeypatch.setattr(torch, "save", fail_once)
    files.torch_persistent_save(checkpoint(1), str(tmp_path / "a.pt"))
    assert len(attempts) == 2 and (tmp_path / "a.pt").read_bytes()[:4] == b"PK\x03\x04"
    assert number_in(tmp_path / "a.pt") == 1


def test_names_are_given_to_what_is_on_the_disk(files, tmp_path, monkeypatch):
    order = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda place: order.append(os.readlink(f"/proc/self/fd/{place}")) or sync(place))
    monkeypatch.setattr(os, "replace", lambda a, b: order.append(f"{a} -> {b}") or rename(a, b))
    one, two = tmp_path / "a.pt", tmp_path / "b.pt"
    files.torch_persistent_save(checkpoint(1), str(one))
    files.PathManager.copy(str(one), str(two), overwrite=True)
    expected = []
    for path in (one, two):
        expected += [f"{path}.tmp", f"{path}.tmp -> {path}", str(tmp_path)]
    assert order == expected


@pytest.mark.parametrize("links", [True, False])
def test_the_one_before_is_kept_where_no_other_file_holds_it(files, tmp_path, monkeypatch, links):
    last, before, other = (tmp_path / f"checkpoint_{name}.pt" for name in ("last", "previous", "1_1"))

    def refuse(*paths):
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    files.torch_persistent_save(checkpoint(1), str(last))
    assert not before.exists()
    files.torch_persistent_save(checkpoint(2), str(last))
    assert (number_in(last), number_in(before)) == (2, 1)
    files.torch_persistent_save(checkpoint(3), str(other))
    files.PathManager.copy(str(other), str(last), overwrite=True)
    assert (number_in(last), number_in(before)) == (3, 1), "checkpoint_1_1.pt holds it as well"
    files.torch_persistent_save(checkpoint(4), str(tmp_path / "checkpoint_last-shard0.pt"))
    files.torch_persistent_save(checkpoint(5), str(tmp_path / "checkpoint_last-shard0.pt"))
    assert number_in(tmp_path / "checkpoint_previous-shard0.pt") == 4 and number_in(before) == 1
    assert not list(tmp_path.glob("*.tmp"))


def test_a_file_system_without_fsync(tmp_path, monkeypatch):
    def refuse(number):
        def fsync(place):
            raise OSError(number, os.strerror(number))

        return fsync

    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    whole_files.to_disk(str(tmp_path))
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        whole_files.to_disk(str(tmp_path))
