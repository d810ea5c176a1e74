"""A checkpoint without room: one line that names it, no second attempt, and nothing half-written left behind."""

import errno
import os
import subprocess
from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew_compat import CheckpointNotSaved, full_disk
from tests.conftest import the_error

ZIP_FAILED = "[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598"


@pytest.fixture
def fairseq_files():
    from fairseq import checkpoint_utils

    return checkpoint_utils


def failing(monkeypatch, *errors):
    """A torch.save that writes a little and raises the errors in turn, each from the one before; and its calls."""
    calls = []

    def save(obj, file):
        calls.append(file.name)
        file.write(b"a little")
        for number, error in enumerate(errors):
            error.__context__ = errors[number - 1] if number else None
        raise errors[-1]

    monkeypatch.setattr(torch, "save", save)
    return calls


@pytest.mark.parametrize("code", sorted(full_disk.NO_ROOM))
def test_the_line_names_the_checkpoint(fairseq_files, monkeypatch, tmp_path, caplog, code):
    calls = failing(monkeypatch, OSError(code, os.strerror(code)), RuntimeError(ZIP_FAILED))
    path = str(tmp_path / "a.pt")
    with pytest.raises(CheckpointNotSaved) as caught:
        fairseq_files.torch_persistent_save({}, path)
    problem, remedy = full_disk.NO_ROOM[code]
    assert str(caught.value).startswith(f"{path}: the checkpoint was not saved, {problem}; {remedy} (")
    assert len(calls) == 1 and not caplog.records and not list(tmp_path.iterdir())


@pytest.mark.parametrize("free", [0, 1 << 40])
def test_a_zip_file_that_failed_is_put_down_to_a_full_disk_only(fairseq_files, monkeypatch, tmp_path, free):
    calls = failing(monkeypatch, RuntimeError(ZIP_FAILED))
    monkeypatch.setattr(full_disk.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    with pytest.raises(RuntimeError if free else CheckpointNotSaved):
        fairseq_files.torch_persistent_save({}, str(tmp_path / "a.pt"))
    assert len(calls) == (3 if free else 1) and not list(tmp_path.iterdir())


def test_other_failures_stay_what_they_are(fairseq_files, monkeypatch, tmp_path):
    failing(monkeypatch, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match="Input/output") as caught:
        fairseq_files.torch_persistent_save({}, str(tmp_path / "a.pt"))
    assert not hasattr(caught.value, "clear_line") and not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        fairseq_files.torch_persistent_save({}, str(tmp_path / "none" / "a.pt"))


def test_a_copy_without_room_leaves_the_one_before(fairseq_files, monkeypatch, tmp_path):
    best, last = tmp_path / "best.pt", tmp_path / "last.pt"
    best.write_text("new")
    last.write_text("old")

    def copyfile(source, target):
        with open(target, "w") as file:
            file.write("n")
        raise OSError(errno.ENOSPC, "No space left on device", source, None, target)

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", copyfile)
        with pytest.raises(CheckpointNotSaved, match=f"^{last}: the checkpoint was not saved, no space left"):
            fairseq_files.PathManager.copy(str(best), str(last), overwrite=True)
    assert last.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    assert fairseq_files.PathManager.copy(str(best), str(last), overwrite=True)
    assert last.read_text() == "new" and len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB, where the user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True)
    except OSError as error:
        pytest.skip(f"no mount: {error}")
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_training_on_a_full_disk(run, tmp_path, corpus, stock_arguments, small_disk):
    more = ["--max-update", 1, "--save-dir", small_disk]
    done = run("fairseq-train", corpus, *stock_arguments, *more, cwd=tmp_path)
    line = the_error(done)
    assert line.startswith(f"error: {small_disk}/checkpoint_") and "no space left on the disk; free some" in line
    assert not list(small_disk.glob("*.tmp"))
    assert "ERROR" not in done.stderr
