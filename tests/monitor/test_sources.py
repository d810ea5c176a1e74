"""Which logs of a folder are read."""

import os

import pytest

from fairseq_hebrew.monitor.sources import NothingYetError, Run
from fairseq_hebrew.stage.errors import UserError
from tests.monitor.synthetic import train_line

PREFIX = "2026-01-01 10:00:00 | INFO | train_inner | "


def write(path, updates, loss=5.0, prefix="", written=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{prefix}{train_line(update, loss)}\n" for update in updates))
    if written is not None:
        os.utime(path, (written, written))
    return path


def read(path):
    run = Run(path)
    run.read()
    return run


def test_a_file_is_read_whatever_its_name(tmp_path):
    path = write(tmp_path / "anything.bin", [10, 20])
    run = read(path)
    assert run.files == [path] and run.log.steps.updates.tolist() == [10, 20]


def test_other_files_of_a_folder_are_passed_over(tmp_path):
    path = write(tmp_path / "train.log", [10])
    write(tmp_path / "checkpoint_last.pt", [20])
    (tmp_path / "notes.txt").write_text("epoch 1: went well\n")
    (tmp_path / "empty.log").write_text("")
    (tmp_path / "binary.log").write_bytes(bytes(range(256)) * 50)
    assert read(tmp_path).files == [path]


def test_logs_of_runs_that_went_on_are_read_in_the_order_they_were_written(tmp_path):
    later = write(tmp_path / "a.log", [60, 70], loss=2.0, written=2000)
    first = write(tmp_path / "b.log", range(10, 101, 10), loss=1.0, written=1000)
    run = read(tmp_path)
    assert run.files == [first, later]
    assert run.log.steps.updates.tolist() == [10, 20, 30, 40, 50, 60, 70]
    assert run.log.resumed == [(100, 60)]


def test_a_saved_output_beside_the_log_file_tells_the_same_and_is_not_read(tmp_path):
    write(tmp_path / "slurm-1.out", [10, 20], prefix=PREFIX)
    assert [path.name for path in read(tmp_path).files] == ["slurm-1.out"]
    write(tmp_path / "train.log", [10, 20])
    assert [path.name for path in read(tmp_path).files] == ["train.log"]


def test_a_folder_inside_with_the_log(tmp_path):
    path = write(tmp_path / "logs" / "train.log", [10])
    assert read(tmp_path).files == [path]
    write(tmp_path / "other" / "train.log", [10])
    with pytest.raises(UserError, match=r"logs of several runs in it; name one: .*logs, .*other"):
        read(tmp_path)


def test_what_is_no_run(tmp_path):
    with pytest.raises(UserError, match="no such run"):
        Run(tmp_path / "none")
    with pytest.raises(NothingYetError, match=r"no log of fairseq-train in it; train with --log-format json"):
        read(tmp_path)


def test_logs_that_appear_later_are_taken_up(tmp_path):
    write(tmp_path / "a.log", [10, 20], written=1000)
    run = Run(tmp_path)
    assert run.read(growing=True) == 2
    write(tmp_path / "b.log", [30])
    assert run.read(growing=True) == 1 and run.read(growing=True) == 0
    assert run.log.steps.updates.tolist() == [10, 20, 30]
