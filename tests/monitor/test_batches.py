"""The batches named for an update are those it was trained on, as a run of fairseq-train tells by itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fairseq_hebrew.monitor.batches import BatchOrder, updates_behind
from fairseq_hebrew.monitor.curves import EPOCH, TRAIN, Log, Record
from fairseq_hebrew.monitor.sources import Run
from fairseq_hebrew.monitor.spikes import Spike
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run, the_error
from tests.monitor.synthetic import train_line
from tests.tasks.test_masked_lm import ROOT, binarized

# fairseq-train that writes down what it trains on: update, epoch and ids of every batch.
TRAIN_AND_TELL = """
import json, sys
from fairseq_cli.train import cli_main
from fairseq.tasks.fairseq_task import FairseqTask
stock = FairseqTask.train_step
def train_step(self, sample, model, criterion, optimizer, update_num, ignore_grad=False):
    if not ignore_grad:
        with open(told, "a") as file:
            print(json.dumps([update_num + 1, sample["id"].tolist()]), file=file)
    return stock(self, sample, model, criterion, optimizer, update_num, ignore_grad)
FairseqTask.train_step = train_step
told = sys.argv.pop(1)
cli_main()
"""


def train(folder: Path, data: Path, *more, updates: int) -> None:
    """Train in `folder`, which gets train.log and told.jsonl."""
    folder.mkdir(exist_ok=True)
    options = [
        data, "--user-dir", "fairseq_hebrew", "--task", "hebrew_masked_lm", "--arch", "hallelubert_tiny",
        "--criterion", "hebrew_masked_lm", "--optimizer", "adam", "--lr", "1e-3", "--tokens-per-sample", 8,
        "--max-update", updates, "--save-dir", folder, "--cpu", "--log-format", "json", "--log-interval", 3,
        "--log-file", folder / "train.log", "--num-workers", 0, "--disable-validation", *more,
    ]  # fmt: skip
    command = [sys.executable, "-c", TRAIN_AND_TELL, folder / "told.jsonl", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]


def trained_on(folder: Path) -> dict[int, list[list[int]]]:
    """{update: ids of its batches}, the last telling of an update after a resume."""
    told: dict[int, list[list[int]]] = {}
    last = 0
    for line in (folder / "told.jsonl").read_text().splitlines():
        update, ids = json.loads(line)
        if update != last:
            told[update] = []
        told[update].append(ids)
        last = update
    return told


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    lines = [[4 + i % 20] * (2 + i % 9) for i in range(70)]
    return binarized(tmp_path_factory.mktemp("data"), train=lines)


@pytest.mark.parametrize(
    "more",
    [
        ["--batch-size", 3, "--update-freq", 4, "--batch-warmup-updates", 12],
        ["--max-tokens", 40, "--update-freq", "2,3", "--sample-break-mode", "eos", "--seed", 5],
        ["--batch-size", 3, "--update-freq", 2, "--sample-break-mode", "packed"],
    ],
    ids=["growing batches", "batches by tokens", "packed rows"],
)
def test_every_update_of_a_run_with_several_epochs_and_a_stop(data, tmp_path, more):
    for updates in (7, 23):
        train(tmp_path, data, *more, updates=updates)
    log = Run(tmp_path)
    log.read()
    told = trained_on(tmp_path)
    assert max(told) == 23 and log.log.epochs.column("epoch").max() >= 2
    order = BatchOrder(tmp_path / "checkpoint_last.pt")
    found = list(order.updates(log.log, 1, 23))
    assert [one.update for one in found] == list(range(1, 24))
    assert {one.update: [ids for _, ids in one.batches] for one in found} == told
    assert all(one.exact for one in found)
    # From the middle of the run it is the same.
    assert list(order.updates(log.log, 15, 16)) == found[14:16]


def test_packed_rows_of_a_mixture(data, tmp_path):
    """Whose epochs differ in their rows and in how many there are; with fixed shapes, short batches have empty rows."""
    documents = [line for i in range(40) for line in ([4 + i % 20] * (1 + i % 12), [])]
    binarized(tmp_path / "other", train=documents)
    (tmp_path / "mixture.yaml").write_text(
        f"epoch_tokens: 300\ncorpora:\n  one: {{data: {data}, weight: 1}}\n  other: {{data: other, weight: 2}}\n"
    )
    more = ["--sample-break-mode", "packed", "--mixture", tmp_path / "mixture.yaml", "--batch-size", 5, "--seed", 3]
    folder = tmp_path / "run"
    for updates in (10, 24):
        train(folder, data, *more, "--fixed-shapes", "--update-freq", 2, updates=updates)
    whole = Run(folder)
    whole.read()
    told = {update: [[i for i in ids if i >= 0] for ids in batches] for update, batches in trained_on(folder).items()}
    assert max(told) == 24 and whole.log.epochs.column("epoch").max() >= 2
    assert any(len(ids) < 5 for batches in told.values() for ids in batches)
    found = list(BatchOrder(folder / "checkpoint_last.pt").updates(whole.log, 1, 24))
    assert {one.update: [ids for _, ids in one.batches] for one in found} == told
    assert all(one.exact for one in found)


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory) -> Path:
    """A run of several epochs with update-freq 1."""
    folder = tmp_path_factory.mktemp("plain") / "run"
    train(folder, data, "--batch-size", 4, updates=60)
    return folder


def test_epochs_whose_end_the_log_does_not_tell_are_counted(plain):
    log = Log()
    for update in range(3, 61, 3):
        log.add(Record(TRAIN, update, {"loss": 5.0}))
    found = list(BatchOrder(plain / "checkpoint_last.pt").updates(log, 30, 40))
    assert {one.update: [ids for _, ids in one.batches] for one in found} == {
        update: ids for update, ids in trained_on(plain).items() if 30 <= update <= 40
    }
    assert not any(one.exact for one in found)  # nothing in the log says so


def test_the_batches_of_a_run_on_a_tpu_are_read_anywhere(plain, tmp_path):
    state = torch.load(plain / "checkpoint_last.pt", weights_only=False)
    state["cfg"]["common"]["tpu"] = state["cfg"]["task"]["tpu"] = True
    torch.save(state, tmp_path / "checkpoint_last.pt")
    on_tpu, here = (BatchOrder(folder / "checkpoint_last.pt") for folder in (tmp_path, plain))
    assert on_tpu.batches(1) == here.batches(1) and on_tpu.batches(2) == here.batches(2)


def test_a_log_that_does_not_go_together_with_the_batches_is_told(plain):
    whole = Run(plain)
    whole.read()
    # As if two batches had used up no update at the start.
    log = Log()
    for split, curve in ((TRAIN, whole.log.steps), (EPOCH, whole.log.epochs)):
        for update, row in zip(curve.updates, curve.rows()):
            log.add(Record(split, int(update) - 2, row))
    order = BatchOrder(plain / "checkpoint_last.pt")
    assert not any(one.exact for one in order.updates(log, 1, 3))
    assert all(one.exact for one in order.updates(whole.log, 1, 3))


def test_the_updates_behind_a_spike():
    log = Log()
    for update in (100, 200, 300):
        log.add(Record(TRAIN, update, {"loss": 5.0}))
    spike = Spike("loss", 1, 1, 200, 200, 200, 300, 5.0, 6.0, 9.0)
    assert updates_behind(log, spike) == (100, 200)
    assert updates_behind(log, Spike("loss", 0, 0, 100, 100, 100, 200, 5.0, 6.0, 9.0)) == (1, 100)


def test_the_command_names_the_batches_of_a_spike(plain, tmp_path):
    told = trained_on(plain)
    shutil.copytree(plain, tmp_path, dirs_exist_ok=True)
    # The run's own log with a spike written into it.
    lines = (tmp_path / "train.log").read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if '"num_updates": "45"' in line and '"loss"' in line)
    record = json.loads(lines[place])
    lines[place] = json.dumps({**record, "loss": str(3 * float(record["loss"]))})
    (tmp_path / "train.log").write_text("\n".join(lines) + "\n")
    done = run("fairseq-hebrew", "monitor", tmp_path, "--output", tmp_path / "out", "--batches", timeout=300)
    assert done.returncode == 0, done.stderr
    named = [json.loads(line) for line in (tmp_path / "out" / "batches.jsonl").read_text().splitlines()]
    named = [one for one in named if one["signal"] == "loss"]
    assert [one["update"] for one in named] == [42, 43, 44, 45]
    assert all(one["exact"] and one["spike"] == 45 for one in named)
    assert [[batch["ids"] for batch in one["batches"]] for one in named] == [told[update] for update in range(42, 46)]
    assert "batches: those at the begin of the spikes" in done.stdout and "not exact" not in done.stdout


def test_what_is_no_checkpoint(tmp_path):
    with pytest.raises(UserError, match="no such checkpoint"):
        BatchOrder(tmp_path / "checkpoint_last.pt")
    (tmp_path / "train.log").write_text("".join(train_line(update, 5.0) + "\n" for update in range(10, 400, 10)))
    out = tmp_path / "out"
    assert "no such checkpoint" in the_error(
        run("fairseq-hebrew", "monitor", tmp_path, "--output", out, "--batches", tmp_path / "none.pt")
    )
    done = run("fairseq-hebrew", "monitor", tmp_path, "--batches")
    assert done.returncode == 2 and "--batches needs --output" in done.stderr
