"""A run that was stopped goes on as if it had not been: the same batches, and the same losses to the last bit."""

import pytest
import torch

from tests.tasks import runs

UPDATES = 20
SAVING = ("--save-interval-updates", 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two shards, of 7 and 6 updates an epoch, and the plugin: (data, plugin)."""
    folder = tmp_path_factory.mktemp("data")
    shards = runs.binarized(folder / "a", 50), runs.binarized(folder / "b", 43, seed=2)
    return ":".join(map(str, shards)), runs.plugin(folder)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """The folder of a run that nothing stopped, with a checkpoint of every update."""
    save = tmp_path_factory.mktemp("whole")
    done = runs.train(*place, save, "--max-update", UPDATES, "--save-interval-updates", 1, "--num-workers", 2)
    assert done.returncode == 0, done.stderr
    return save


def test_the_run_is_worth_resuming(whole):
    lines = runs.records(whole)
    assert [line[0] for line in lines][-1] == UPDATES and len({line[3] for line in lines}) == len(lines)
    ends = [runs.state_of(whole / name) for name in ("checkpoint_1_6.pt", "checkpoint_2_12.pt")]
    assert [state["extra_state"]["train_iterator"]["epoch"] for state in ends] == [1, 2]
    assert runs.state_of(whole / "checkpoint_3_14.pt")["extra_state"]["train_iterator"]["iterations_in_epoch"] == 2


def test_killed_in_the_middle_of_an_update_again_and_again(place, whole, tmp_path):
    """Mid-accumulation in the first shard; in the first update of the second; after checkpoints at an epoch's end."""
    more = ("--max-update", UPDATES, *SAVING)
    workers = iter((2, 0, 1, 3))
    for plant in ({"6.1": "SIGKILL"}, {"8.1": "SIGKILL"}, {"16.0": "SIGKILL"}, {}):
        done = runs.train(*place, tmp_path, *more, "--num-workers", next(workers), plant=plant)
        assert done.returncode == (-9 if plant else 0), done.stderr
    lines = [line.split(",")[0] for line in (tmp_path / "records").read_text().splitlines()]
    assert len(lines) > len(runs.records(tmp_path)), "nothing was done a second time: the run was not killed"
    assert runs.records(tmp_path) == runs.records(whole)
    last = [runs.state_of(folder / "checkpoint_last.pt") for folder in (tmp_path, whole)]
    assert runs.same_state(*last)


def test_from_every_update_on(place, whole, tmp_path):
    """Each of the checkpoints, with other workers and other buffers than the run that wrote it."""
    expected, commands = runs.records(whole), []
    names = {int(path.stem.split("_")[2]): path for path in whole.glob("checkpoint_*_*.pt")}
    assert len(names) >= UPDATES - 3, "an epoch's last checkpoint has no name of its own"
    for update, path in names.items():
        more = ("--restore-file", path, "--max-update", min(update + 4, UPDATES), "--no-save")
        commands.append(runs.arguments(*place, tmp_path / str(update), *more, "--data-buffer-size", update % 3))
    runs.train_in_turn([command for update, command in zip(names, commands) if update < UPDATES])
    for update in names:
        wanted = [line for line in expected if update < line[0] <= update + 4]
        if wanted:
            assert runs.records(tmp_path / str(update)) == wanted, update


@pytest.mark.parametrize(
    "more",
    [
        ("--skip-remainder-batch",),
        ("--fp16", "--fp16-no-flatten-grads", "--fp16-init-scale", 4, "--fp16-scale-window", 3),
        ("--autocast", "bf16", "--num-workers", 1),
        ("--arch", "neodictabert_tiny", "--dropout", 0.1, "--sample-break-mode", "packed"),
        ("--optimizer", "adamw", "--update-freq", 3, "--batch-warmup-updates", 8),
        ("--optimizer", "stable_adamw", "--lr-scheduler", "cosine_floor"),
        ("--optimizer", "adamw", "--lr-scheduler", "trapezoidal", "--decay-updates", 30),
    ],
    ids=lambda more: " ".join(map(str, more)),
)
def test_with_options_that_stock_forgets(place, tmp_path, more):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    runs.train_in_turn(
        [
            runs.arguments(*place, whole, "--max-update", 16, *more),
            *(runs.arguments(*place, parts, "--max-update", updates, *more) for updates in (4, 9, 16)),
        ]
    )
    assert runs.records(parts) == runs.records(whole)
    assert runs.same_state(*(runs.state_of(folder / "checkpoint_last.pt") for folder in (parts, whole)))


def test_a_run_that_has_come_to_its_end_trains_no_more(place, whole, tmp_path):
    last = whole / "checkpoint_last.pt"
    more = ("--restore-file", last, "--max-update", UPDATES)
    runs.train_in_turn([runs.arguments(*place, tmp_path, *more)])
    assert not (tmp_path / "records").exists() and not list(tmp_path.glob("*.pt"))


def test_other_update_freq_within_an_epoch_reads_every_batch_once(place, tmp_path):
    runs.train_in_turn(
        [
            runs.arguments(*place, tmp_path, "--max-update", 3, "--update-freq", 1),
            runs.arguments(*place, tmp_path, "--max-epoch", 1, "--update-freq", 4),
        ]
    )
    read = [index for line in runs.records(tmp_path) for index in line[2]]
    assert sorted(read) == list(range(50)) and torch.tensor(read).unique().numel() == 50
