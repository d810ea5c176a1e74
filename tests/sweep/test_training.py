"""The call of fairseq-train, and what a run's log and output are taken for."""

import json
import os
import subprocess
import sys
import time

import pytest

from fairseq_hebrew.sweep.configuration import read_configuration
from fairseq_hebrew.sweep.points import Point, Setting
from fairseq_hebrew.sweep.training import (
    Outcome,
    Stopped,
    TrialError,
    command,
    outcome,
    reason,
    run_guarded,
    updates_of,
)
from tests.sweep.sweeps import configured

POINT = Point("hallelubert_tiny", Setting(7e-6, 5), 3)


def config_of(folder, **changes):
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "dict.txt").write_text("a 1\n")
    return read_configuration(configured(folder, folder / "tokenizer", **changes))


def test_updates_by_hand(tmp_path):
    # 32 examples, 5 a batch: 7 batches, 2 an update: 4 updates an epoch, 40 in 10 epochs, 6 % of them rounded: 2
    config = config_of(tmp_path, epochs=10, options={"update-freq": 2})
    assert updates_of(config, POINT) == (40, 2)


def test_the_call(tmp_path):
    (tmp_path / "base.pt").write_text("")
    options = {"adam-eps": 1e-8, "fp16": True, "length-buckets": False}
    config = config_of(tmp_path, epochs=10, warmup=0.1, checkpoint="base.pt", options=options)
    told = command(config, POINT, tmp_path / "x")
    assert told[0].endswith("/fairseq-train") and told[1] == str(tmp_path / "data")
    for argument in (
        "--lr=7e-06", "--batch-size=5", "--seed=3", "--max-epoch=10", "--patience=12", "--total-num-update=70",
        "--warmup-updates=7", "--best-checkpoint-metric=macro_f1", "--maximize-best-checkpoint-metric", "--cpu",
        "--task=sequence_classification", "--criterion=classification", "--adam-eps=1e-08", "--fp16",
        f"--finetune-from-model={tmp_path / 'base.pt'}", f"--save-dir={tmp_path / 'x'}",
        "--lr-scheduler=polynomial_decay",
    ):  # fmt: skip
        assert told.count(argument) == 1, argument
    assert not [argument for argument in told if "length-buckets" in argument]


def test_a_schedule_is_told_what_it_takes(tmp_path):
    told = command(config_of(tmp_path, options={"lr-scheduler": "fixed"}), POINT, tmp_path / "x")
    assert "--warmup-updates=5" in told and not [one for one in told if one.startswith("--total-num-update")]


def finished(folder, values, losses=None, **files):
    rows = [
        {"epoch": i, "valid_loss": str(loss), "valid_f1": str(value), "valid_num_updates": str(10 * i)}
        for i, (value, loss) in enumerate(zip(values, losses or [1.0] * len(values)), start=1)
    ]
    (folder / "train.log").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "checkpoint_best.pt").write_text("")
    (folder / "output.txt").write_text("")
    return folder


def test_the_best_epoch_is_the_last_of_the_best(tmp_path):
    found = outcome(finished(tmp_path, [10.0, 30.5, 30.5, 20.0]), 0, "f1")
    assert found == Outcome((10.0, 30.5, 30.5, 20.0), 40)
    assert (found.value, found.epoch) == (30.5, 3)  # as fairseq keeps its checkpoint_best.pt


@pytest.mark.parametrize(
    ("values", "losses", "told"),
    [
        ([50.0, "nan"], [1, 1], "dev f1 is nan or missing at validation 2 of 2"),
        ([50.0, 0.0], [1, "nan"], "dev loss is nan or missing at validation 2 of 2"),
        ([50.0, "inf"], [1, 1], "dev f1 is inf at validation 2 of 2"),
        ([], [], "no validation in train.log"),
    ],
)
def test_what_is_no_number_fails_the_trial(tmp_path, values, losses, told):
    with pytest.raises(TrialError, match=told):
        outcome(finished(tmp_path, values, losses), 0, "f1")


def test_what_is_missing_fails_the_trial(tmp_path):
    with pytest.raises(TrialError, match=r"train\.log: no such log"):
        outcome(tmp_path, 0, "f1")
    (finished(tmp_path, [1.0]) / "checkpoint_best.pt").unlink()
    with pytest.raises(TrialError, match=r"no checkpoint_best\.pt was written"):
        outcome(tmp_path, 0, "f1")
    with pytest.raises(TrialError, match="dev f2 is nan or missing"):
        outcome(finished(tmp_path, [1.0]), 0, "f2")


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ("a\nerror: x.tsv:3: wrong\nb\n", 1, "exit status 1: error: x.tsv:3: wrong"),
        ("usage\nfairseq-train: error: unrecognized arguments: --x\n", 2, "exit status 2: fairseq-train: error: unrec"),
        (
            "Traceback\n  File\nRuntimeError: CUDA out of memory\n\n",
            1,
            "exit status 1: RuntimeError: CUDA out of memory",
        ),
        ("epoch 1\n", -9, "ended by SIGKILL, perhaps for want of memory; its last line: epoch 1"),
        ("", -11, "ended by SIGSEGV; its last line: it said nothing"),
        ("x" * 10_000, 1, "exit status 1: xxx"),
    ],
)
def test_the_reason_is_one_line(tmp_path, said, status, told):
    (tmp_path / "output.txt").write_text(said)
    found = reason(tmp_path / "output.txt", status)
    assert found.startswith(told) and "\n" not in found and len(found) < 400


def test_commands_are_run_with_their_device_and_their_status(tmp_path):
    script = "import os, sys; print(os.environ.get('CUDA_VISIBLE_DEVICES')); sys.exit(7)"
    said = tmp_path / "said"
    assert run_guarded([sys.executable, "-c", script], said, "3", lambda: False) == 7 and said.read_text() == "3\n"


def test_a_command_is_killed_with_its_children_when_it_is_to_stop(tmp_path):
    script = (
        "import os, subprocess, sys, time\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(os.getpid(), one.pid, flush=True)\ntime.sleep(60)\n"
    )
    said = tmp_path / "said"

    def told():
        return said.exists() and len(said.read_text().split()) == 2

    with pytest.raises(Stopped):
        run_guarded([sys.executable, "-c", script], said, None, told)
    time.sleep(0.2)
    for number in map(int, said.read_text().split()):
        assert not _lives(number)


def test_a_command_dies_with_the_one_that_runs_it(tmp_path):
    code = (
        "import sys, pathlib\nfrom fairseq_hebrew.sweep.training import run_guarded\n"
        "script = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'\n"
        f"run_guarded([sys.executable, '-c', script], pathlib.Path({str(tmp_path / 'said')!r}), None, lambda: False)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not (tmp_path / "said").exists() or not (tmp_path / "said").read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    number = int((tmp_path / "said").read_text())
    assert _lives(number)
    parent.kill()
    parent.wait()
    while _lives(number):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(number):
    try:
        os.kill(number, 0)
        return open(f"/proc/{number}/stat").read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
