"""The place in an epoch: every batch is read once, by however many processes, in groups of whatever size."""

import itertools

import pytest
import torch


class Numbers(torch.utils.data.Dataset):
    """Samples that are their own number."""

    def __len__(self):
        return 53

    def __getitem__(self, index):
        return index


def iterator(processes, rank, **options):
    from fairseq.data.iterators import EpochBatchIterator

    batches = [[i, i + 1] for i in range(0, 52, 2)] + [[52]]
    return EpochBatchIterator(Numbers(), list, batches, seed=3, num_shards=processes, shard_id=rank, epoch=2, **options)


def read(processes, update_freq, updates, state=None, **options):
    """(updates, each a list of the batches of all processes; the state after them) of one part of an epoch."""
    from fairseq.data.iterators import GroupedIterator

    skip = options.get("skip_remainder_batch", False)
    epochs = [iterator(processes, rank, **options) for rank in range(processes)]
    if state is not None:
        for epoch in epochs:
            epoch.load_state_dict(dict(state))
    groups = [GroupedIterator(epoch.next_epoch_itr(), update_freq, skip_remainder_batch=skip) for epoch in epochs]
    made = []
    while groups[0].has_next() and len(made) < updates:
        parts = [next(group) for group in groups]
        made.append([batch for column in itertools.zip_longest(*parts, fillvalue=[]) for batch in column if batch])
    return made, epochs[0].state_dict()


@pytest.mark.parametrize("options", [{}, {"buffer_size": 2}, {"grouped_shuffling": False}], ids=str)
@pytest.mark.parametrize(
    "parts",
    [
        [(1, 2, 3), (2, 1, 99)],
        [(2, 1, 3), (1, 2, 99)],
        [(3, 1, 2), (2, 2, 1), (5, 1, 99)],
        [(2, 3, 1), (4, 1, 2), (4, 1, 1), (3, 1, 99)],
        [(1, 1, 5), (1, 4, 99)],
    ],
    ids=str,
)
def test_every_batch_is_read_once_and_in_its_turn(parts, options):
    """Parts are (processes, update_freq, updates)."""
    whole = [batch for update in read(1, 1, 99, **options)[0] for batch in update]
    state, seen = None, []
    for processes, update_freq, updates in parts:
        made, state = read(processes, update_freq, updates, state, **options)
        seen += [batch for update in made for batch in update]
    assert seen == whole
    assert (state["epoch"], state["iterations_in_epoch"]) == (3, 0) and "before" not in state


def test_batches_shuffled_in_groups_of_the_processes():
    whole = [batch for update in read(4, 1, 99, grouped_shuffling=True)[0] for batch in update]
    first, state = read(4, 1, 3, grouped_shuffling=True)
    second, state = read(3, 1, 2, state, grouped_shuffling=True)
    third, _ = read(1, 1, 99, state, grouped_shuffling=True)
    assert [batch for update in first + second + third for batch in update] == whole


@pytest.mark.parametrize("update_freq", [1, 4])
@pytest.mark.parametrize("stop", [1, 3])
@pytest.mark.parametrize("buffer_size", [0, 2])
def test_the_remainder_is_skipped_at_the_end_alone(update_freq, stop, buffer_size):
    options = {"skip_remainder_batch": True, "buffer_size": buffer_size}
    whole, _ = read(1, update_freq, 99, **options)
    first, state = read(1, update_freq, stop, **options)
    second, state = read(1, update_freq, 99, state, **options)
    assert first + second == whole and len(whole) == 26 // update_freq and state["epoch"] == 3


def test_a_state_of_stock_is_taken_as_ever():
    made, state = read(2, 1, 3)
    stock = {key: state[key] for key in ("version", "epoch", "iterations_in_epoch", "shuffle")}
    assert read(2, 1, 99, stock) == read(2, 1, 99, state) and made
