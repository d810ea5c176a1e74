"""Batches reach the device below the counter of the position, and an update has as many as any other."""

import pytest
import torch
from fairseq.data import iterators

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.xla.feeding import DeviceBuffer, Placement, device_loader


def batch(number: int) -> dict:
    inputs = {"src_tokens": torch.full((2, 3), number), "src_lengths": torch.tensor([3, 3])}
    return {"id": torch.tensor([number]), "ntokens": 6, "net_input": inputs, "target": torch.full((2, 3), number)}


def moved(tensors: list) -> list:
    return [tensor + 100 for tensor in tensors]


def emptied(given: dict) -> dict:
    return {**given, "ntokens": 0, "id": torch.tensor([-1])}


@pytest.fixture
def placed(monkeypatch):
    placement = Placement(moved, emptied)
    monkeypatch.setattr(DeviceBuffer, "placement", placement, raising=False)
    return placement


def test_inputs_and_target_go_to_the_device_and_nothing_else(placed):
    made = placed.place(batch(1))
    assert made["net_input"]["src_tokens"].unique().tolist() == made["target"].unique().tolist() == [101]
    assert made["net_input"]["src_lengths"].tolist() == [3, 3] and made["id"].tolist() == [1]


def test_what_else_is_named_goes_to_the_device_too():
    placement = Placement(moved, emptied, more=("windows", "number"))
    made = placement.place({**batch(1), "windows": torch.tensor([[7], [8]]), "more": torch.tensor([1])})
    assert made["windows"].tolist() == [[107], [108]] and made["more"].tolist() == [1] and "number" not in made
    assert made["target"].unique().tolist() == [101] and made["net_input"]["src_tokens"].unique().tolist() == [101]


def test_a_host_without_a_batch_gets_an_empty_one(placed):
    with pytest.raises(UserError, match="fewer batches than hosts; use fewer hosts or a smaller --batch-size"):
        placed.place({})
    placed.place(batch(1))
    assert placed.place({})["ntokens"] == 0 and placed.place({})["net_input"]["src_tokens"].eq(101).all()


def test_the_position_does_not_count_what_was_read_ahead(placed):
    reading = iterators.CountingIterator(DeviceBuffer(4, [batch(n) for n in range(9)]))
    first = [next(reading) for _ in range(2)]
    assert reading.n == 2 and [one["id"].item() for one in first] == [0, 1]
    assert [one["id"].item() for one in reading] == list(range(2, 9))


def test_the_last_update_is_filled_up(placed):
    reading = iterators.CountingIterator(DeviceBuffer(4, [batch(n) for n in range(7)]))
    groups = device_loader(iterators.GroupedIterator(reading, 3))
    assert len(groups) == 3
    assert [[one["id"].item() for one in group] for group in groups] == [[0, 1, 2], [3, 4, 5], [6, -1, -1]]


def test_the_end_of_an_epoch_is_told(monkeypatch):
    ends = []
    monkeypatch.setattr(DeviceBuffer, "placement", Placement(moved, emptied, lambda: ends.append(1)), raising=False)
    reading = iterators.CountingIterator(DeviceBuffer(4, [batch(n) for n in range(5)]))
    for group in (groups := device_loader(iterators.GroupedIterator(reading, 3))):
        assert not ends and len(group) == 3
    assert ends and not groups.has_next()


def test_going_on_within_an_epoch(placed):
    reading = iterators.CountingIterator(DeviceBuffer(4, [batch(n) for n in range(3, 7)]), start=3)
    groups = device_loader(iterators.GroupedIterator(reading, 3))
    assert groups.n == 1 and len(groups) == 3
    assert [[one["id"].item() for one in group] for group in groups] == [[3, 4, 5], [6, -1, -1]]


def test_validation_is_not_grouped(placed):
    reading = iterators.CountingIterator(DeviceBuffer(4, [batch(n) for n in range(3)]))
    assert device_loader(reading) is reading


def test_an_error_of_the_data_reaches_the_trainer(placed):
    def failing():
        yield batch(1)
        raise UserError("data.bin: cut short; copy it again")

    class Source:
        def __iter__(self):
            return failing()

        def __len__(self):
            return 2

    reading = DeviceBuffer(4, Source())
    next(reading)
    with pytest.raises(UserError, match="cut short"):
        next(reading)
