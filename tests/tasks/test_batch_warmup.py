"""Batch-size warm-up: the plan, the grouping of micro-batches, and fairseq-train with it, stopped and resumed."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fairseq.data import iterators

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.batch_warmup import BatchWarmup, GrowingGroups, Growth, WarmsBatchUp
from tests.conftest import the_error
from tests.optim.building import binaries, fairseq_train, rows

# From 1 to 4 micro-batches within 6 updates: 1 + 3 n // 6.
PLAN = [1, 1, 2, 2, 3, 3, 4, 4, 4]


def test_the_batch_grows_linearly_with_the_updates_made():
    assert [BatchWarmup(6, 1).size(done, 4) for done in range(9)] == PLAN
    assert [BatchWarmup(4, 2).size(done, 10) for done in range(6)] == [2, 4, 6, 8, 10, 10]
    assert [BatchWarmup(1, 3).size(done, 8) for done in range(3)] == [3, 8, 8]


def test_gpt3s_smallest_batch_to_its_full_one():
    """arXiv 2005.14165, appendix B: from 32k to 3.2M tokens. Half way through the updates it is half way up."""
    sizes = [BatchWarmup(5_000, 1).size(done, 100) for done in range(5_001)]
    assert (sizes[0], sizes[2_500], sizes[4_999], sizes[5_000]) == (1, 50, 99, 100)
    assert sizes == sorted(sizes) and set(sizes) == set(range(1, 101))


class Trainer:
    """The count of updates, and an update that uses up a group."""

    def __init__(self, made=0):
        self.made = made

    def train(self, groups, updates=None) -> list[list[int]]:
        seen = []
        while groups.has_next() and len(seen) != updates:
            seen.append(next(groups))
            self.made += 1
        return seen


def epoch(batches: int, trainer: Trainer, start: int = 0, plan=(6, 1)):
    made = iterators.CountingIterator(list(range(start, batches)), start=start, total=batches)
    made.growth = Growth(BatchWarmup(*plan), lambda: trainer.made)
    return made


def test_groups_follow_the_plan_and_use_every_batch_once():
    trainer = Trainer()
    itr = epoch(30, trainer)
    groups = GrowingGroups(itr, 4)
    assert (groups.n, len(groups)) == (0, 11)
    seen = trainer.train(groups)
    assert [len(group) for group in seen] == [*PLAN, 4, 2]
    assert [batch for group in seen for batch in group] == list(range(30))
    assert groups.n == 11 and not itr.has_next()


@pytest.mark.parametrize("stop", range(1, 11))
def test_a_run_that_goes_on_from_any_update_makes_the_same_groups(stop):
    first = Trainer()
    whole = first.train(GrowingGroups(epoch(30, first), 4))
    trainer = Trainer(stop)
    place = sum(len(group) for group in whole[:stop])  # what fairseq saves as iterations_in_epoch
    groups = GrowingGroups(epoch(30, trainer, start=place), 4)
    assert (groups.n, len(groups)) == (stop, 11)
    assert trainer.train(groups) == whole[stop:]


def test_an_epoch_may_end_within_the_warm_up():
    trainer = Trainer()
    assert [len(group) for group in trainer.train(GrowingGroups(epoch(5, trainer), 4))] == [1, 1, 2, 1]
    assert [len(group) for group in trainer.train(GrowingGroups(epoch(9, trainer), 4))] == [3, 3, 3]
    assert [len(group) for group in trainer.train(GrowingGroups(epoch(9, trainer), 4))] == [4, 4, 1]


def test_an_update_that_is_not_made_does_not_count():
    trainer = Trainer()
    groups = GrowingGroups(epoch(30, trainer), 4)
    trainer.train(groups, 3)
    assert len(next(groups)) == len(next(groups)) == 2  # the first of them overflowed
    trainer.made += 1
    assert [len(group) for group in trainer.train(groups)][:3] == [3, 3, 4]


def test_a_remainder_is_skipped_when_asked():
    trainer = Trainer()
    itr = epoch(30, trainer)
    groups = GrowingGroups(itr, 4, skip_remainder_batch=True)
    assert len(groups) == 10
    assert [len(group) for group in trainer.train(groups)] == [*PLAN, 4]
    assert not groups.has_next() and not itr.has_next()  # so that fairseq sees the end of the epoch


@pytest.mark.parametrize("skip", [False, True])
def test_without_a_plan_it_is_fairseqs_own_grouping(skip):
    groups = GrowingGroups(iterators.CountingIterator(list(range(10))), 4, skip)
    stock = iterators.GroupedIterator(iterators.CountingIterator(list(range(10))), 4, skip)
    assert len(groups) == len(stock) == (2 if skip else 3)
    assert list(groups) == list(stock)


@pytest.mark.parametrize("start", [4, 5])
def test_a_batch_without_room_to_grow(start):
    with pytest.raises(UserError, match=rf"--batch-warmup-from {start} is not less than --update-freq 4, to which"):
        GrowingGroups(epoch(9, Trainer(5), plan=(6, start)), 4)
    trainer = Trainer(6)  # the warm-up is over: more devices may go on with less to each
    assert [len(group) for group in trainer.train(GrowingGroups(epoch(9, trainer, plan=(6, start)), 4))] == [4, 4, 1]


@pytest.mark.parametrize(
    ("updates", "start", "line"),
    [(-1, 1, "--batch-warmup-updates -1 is less than 0"), (5, 0, "--batch-warmup-from 0 is less than one micro-batch")],
)
def test_options_that_cannot_be(updates, start, line):
    task = WarmsBatchUp()
    task.cfg = SimpleNamespace(batch_warmup_updates=updates, batch_warmup_from=start)
    with pytest.raises(UserError, match=line):
        task.batch_warmup()


# fairseq-train: 40 micro-batches of 2 samples of 12 tokens each.


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return binaries(tmp_path_factory.mktemp("data"))


def train(data, save, updates, *more, **launch):
    schedule = ("--lr-scheduler", "cosine_floor", "--lr", 1e-3, "--warmup-updates", 2, "--total-num-update", 40)
    return fairseq_train(
        data, save, "--optimizer", "adamw", *schedule, "--update-freq", 4, "--max-update", updates, *more, **launch
    )


WARM = ("--batch-warmup-updates", 6, "--batch-warmup-from", 1)


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    save = tmp_path_factory.mktemp("unbroken")
    return rows(train(data, save, 20, *WARM)), torch.load(save / "checkpoint_last.pt", weights_only=False)


def test_the_log_shows_the_planned_batches(unbroken):
    log, _ = unbroken
    # 40 micro-batches an epoch: 12 in the six updates of the warm-up, then 7 updates of 4
    assert [float(row["bsz"]) / 2 for row in log] == [*PLAN[:6], *[4] * 14]
    assert [float(row["wpb"]) for row in log] == [float(row["bsz"]) * 12 for row in log]
    assert [row["epoch"] for row in log] == [1] * 13 + [2] * 7


@pytest.mark.parametrize("stop", [3, 15])
def test_a_resumed_run_is_one_never_stopped(unbroken, data, tmp_path, stop):
    """Within the warm-up and in the next epoch: losses and weights to the last bit, also with a data worker."""
    log, end = unbroken
    first = rows(train(data, tmp_path, stop, *WARM))
    second = rows(train(data, tmp_path, 20, *WARM, "--num-workers", 1))
    names = ("loss", "bsz", "wpb", "lr", "gnorm", "num_updates", "epoch")
    assert [[row[name] for name in names] for row in first + second] == [[row[name] for name in names] for row in log]
    model = torch.load(tmp_path / "checkpoint_last.pt", weights_only=False)["model"]
    assert all(torch.equal(model[name], end["model"][name]) for name in end["model"])


def test_two_processes_are_one_with_twice_the_micro_batches(data, tmp_path):
    """Their batches are those of one process, and legacy DDP, which flattens gradients to sum them, changes nothing."""
    alike = ("--dropout", 0, "--attention-dropout", 0, "--batch-warmup-updates", 3, "--no-decay-norms-biases")
    one = rows(train(data, tmp_path / "1", 6, *alike, "--batch-warmup-from", 2, "--update-freq", 8))
    command = Path(sys.executable).parent / "fairseq-train"
    two = train(
        data, tmp_path / "2", 6, *alike, "--batch-warmup-from", 1, "--distributed-backend", "gloo",
        "--ddp-backend", "legacy_ddp", launch=("torchrun", "--standalone", "--nproc-per-node", 2, command),
    )  # fmt: skip
    names = ("bsz", "wpb", "lr", "num_updates")
    assert [[row[name] for name in names] for row in rows(two)] == [[row[name] for name in names] for row in one]
    assert [float(row["bsz"]) for row in one] == [4, 8, 12, 16, 16, 16]
    assert [float(row["loss"]) for row in rows(two)] == pytest.approx([float(row["loss"]) for row in one], abs=2e-3)
    models = [torch.load(tmp_path / n / "checkpoint_last.pt", weights_only=False)["model"] for n in ("1", "2")]
    for name in models[0]:
        torch.testing.assert_close(models[1][name], models[0][name], rtol=0, atol=1e-5)


def test_without_the_option_nothing_changes(data, tmp_path):
    log = rows(train(data, tmp_path, 10, "--no-save"))
    assert [float(row["bsz"]) for row in log] == [8.0] * 10


def test_no_room_to_grow_is_told_in_one_line(data, tmp_path):
    done = train(data, tmp_path, 10, *WARM, "--update-freq", 1)
    assert the_error(done).startswith("error: --batch-warmup-from 1 is not less than --update-freq 1, to which the ba")
