"""Batches of fixed shapes: nothing is lost, nothing is counted twice, and every shape is one of few."""

import logging

import numpy as np
import pytest
import torch
from fairseq.data import iterators

from fairseq_hebrew.data.fixed_shapes import FixedShapes, empty_batch, read_lengths
from fairseq_hebrew.data.masked_lm_dataset import MaskedLMDataset
from fairseq_hebrew.data.masking import Masking
from fairseq_hebrew.data.samples import Sample
from fairseq_hebrew.stage.errors import UserError
from tests.data import masking_samples
from tests.data.test_masked_lm_dataset import Drawn

BOS, PAD, EOS, MASK = 0, 1, 2, 99
SIZES = (5, 9, 16, 3, 4, 12, 7, 2, 8, 16, 6)


def dataset(lengths=(4, 8, 16), **options) -> MaskedLMDataset:
    """Samples of one document each; with `packed`, of two."""
    rng = np.random.default_rng(5)
    packed = options.pop("packed", False)
    samples = []
    for size in SIZES:
        cut = (2, size - 2) if packed and size > 3 else (size,)
        samples.append([rng.integers(4, MASK, part - 1).tolist() for part in cut])
    masking = Masking((BOS, PAD, EOS), PAD, MASK, np.arange(4, MASK), 0.5)
    shapes = FixedShapes(lengths) if lengths else None
    return MaskedLMDataset(
        Drawn(*samples), masking, seed=1, max_tokens=16, fixed_shapes=shapes, document_mask=packed, **options
    )


def batches(data: MaskedLMDataset, **limits) -> list[dict]:
    order = data.ordered_indices()
    return [data.collater([data[i] for i in batch]) for batch in data.batch_by_size(order, **limits)]


def shapes(batch: dict) -> tuple:
    tensors = {**batch["net_input"], "target": batch["target"], "id": batch["id"]}
    return tuple((name, tuple(value.shape)) for name, value in sorted(tensors.items()) if torch.is_tensor(value))


@pytest.mark.parametrize("packed", [False, True])
def test_every_sample_stands_in_one_batch_of_its_length(packed):
    made = batches(dataset(packed=packed), max_sentences=3)
    ids = np.concatenate([batch["id"].numpy() for batch in made])
    assert sorted(ids[ids >= 0]) == list(range(len(SIZES)))
    assert {batch["net_input"]["src_tokens"].shape for batch in made} == {(3, 4), (3, 8), (3, 16)}
    assert len({shapes(batch) for batch in made}) == 3
    for batch in made:
        length = batch["net_input"]["src_tokens"].size(1)
        assert batch["target"].shape == batch["net_input"]["masked_positions"].shape == (3, length // 2)
        longest = max(SIZES[i] for i in batch["id"].tolist() if i >= 0)
        assert longest <= length and (length == 4 or longest > length // 2)


@pytest.mark.parametrize("packed", [False, True])
def test_rows_that_are_missing_count_for_nothing(packed):
    plain = batches(dataset(lengths=None, packed=packed), max_sentences=4)
    made = batches(dataset(lengths=(16,), packed=packed), max_sentences=4)
    assert [len(batch["id"]) for batch in made] == [4, 4, 4] and len(SIZES) == 11
    for one, other in zip(made, plain):
        for name in ("nsentences", "ntokens", "num_masked", "lengths"):
            assert one[name] == other[name], name
    last = made[-1]
    assert last["id"].tolist()[3] == -1 and last["nsentences"] == 3
    assert last["target"][3].eq(PAD).all() and last["net_input"]["src_tokens"][3].eq(PAD).all()
    assert last["net_input"]["masked_positions"][3].eq(0).all() and last["net_input"]["src_lengths"][3] == 0
    if packed:
        assert last["net_input"]["segment_ids"][3].eq(0).all()


def test_rows_follow_from_max_tokens():
    data = dataset()
    made = batches(data, max_tokens=32)
    assert {tuple(batch["net_input"]["src_tokens"].shape) for batch in made} == {(8, 4), (4, 8), (2, 16)}
    assert {tuple(b["net_input"]["src_tokens"].shape) for b in batches(dataset(), max_tokens=32, max_sentences=3)} == {
        (3, 4), (3, 8), (2, 16)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "multiple", "devices", "rows"),
    [
        ({"max_tokens": 110}, 1, 1, [27, 13, 6]),
        ({"max_tokens": 110}, 8, 1, [24, 8, 6]),  # as fairseq: 6 is less than the multiple
        ({"max_tokens": 110}, 8, 4, [24, 8, 4]),
        ({"max_sentences": 12}, 8, 4, [12, 12, 12]),  # what is asked for
        ({"max_sentences": 12, "max_tokens": 110}, 8, 4, [12, 12, 4]),
    ],
)
def test_rows_are_a_multiple_where_tokens_limit_them_and_of_the_devices(limits, multiple, devices, rows):
    data = dataset()
    data.shapes.spread(1, devices)
    batches(data, **limits, required_batch_size_multiple=multiple)
    assert data.shapes.rows == dict(zip((4, 8, 16), rows))


def test_the_log_tells_batches_and_padding(caplog):
    with caplog.at_level(logging.INFO):
        batches(dataset(lengths=(3, 8, 15, 16)), max_sentences=2)
    assert caplog.messages == [
        "length 3: 2 samples, batches: 1 of 2 rows, 16.7 % padding",
        "length 8: 5 samples, batches: 3 of 2 rows, 37.5 % padding",
        "length 15: 2 samples, batches: 1 of 2 rows, 30.0 % padding",
        "length 16: 2 samples, batches: 1 of 2 rows, 0.0 % padding",
    ]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        batches(dataset(lengths=(10, 11, 16)), max_sentences=2)
    assert caplog.messages[1] == "length 11: 0 samples, batches: 0 of 2 rows"


@pytest.mark.parametrize("hosts", [1, 2, 3, 5])
@pytest.mark.parametrize("shuffle", [False, True])
def test_hosts_read_batches_of_one_length_at_once(hosts, shuffle):
    """What they compute together is one graph; fairseq deals the batches out, and drops none."""
    data = dataset(packed=True)
    data.shapes.spread(hosts, 1)
    made = data.batch_by_size(data.ordered_indices(), max_sentences=2)
    shares = []
    for host in range(hosts):
        iterator = iterators.EpochBatchIterator(
            data, data.collater, made, num_shards=hosts, shard_id=host, grouped_shuffling=hosts > 1
        )
        shares.append(list(iterator.next_epoch_itr(shuffle=shuffle)))
    assert len({len(share) for share in shares}) == 1
    for at_once in zip(*shares):
        assert len({shapes(batch) for batch in at_once}) == 1
        for batch in at_once:
            assert batch["nsentences"] == int(batch["id"].ge(0).sum())
            assert batch["ntokens"] == int(batch["net_input"]["src_tokens"].ne(PAD).sum()) == sum(batch["lengths"])
    ids = [i for share in shares for batch in share for i in batch["id"].tolist() if i >= 0]
    assert sorted(ids) == list(range(len(SIZES)))


def test_a_batch_that_a_host_lacks_is_empty_in_the_shape_of_the_others():
    for packed in (False, True):
        data = dataset(packed=packed)
        data.shapes.spread(4, 1)
        made = batches(data, max_sentences=3)
        assert len(made) == 12
        for length in (4, 8, 16):
            *_, full, lacking = (b for b in made if b["net_input"]["src_tokens"].size(1) == length)
            assert shapes(full) == shapes(lacking) and full.keys() == lacking.keys()
            assert lacking["nsentences"] == lacking["ntokens"] == lacking["num_masked"] == 0
            assert lacking["id"].eq(-1).all() and lacking["target"].eq(PAD).all() and lacking["lengths"] == []


@pytest.mark.parametrize("unit", ["token", "word", "span"])
@pytest.mark.parametrize("options", [{}, {"masked_a_row": 12}])
def test_a_long_word_in_a_short_row_does_not_outgrow_its_places(unit, options):
    """Of 12 pieces, where a row of 16 has 3 places and one of 64 has 10."""
    rng = np.random.default_rng(1)
    rows = [masking_samples.words(rng, sizes) for sizes in ([12, 2], [15], [1, 1, 12], [12] * 5) for _ in range(20)]
    samples = Drawn()
    samples.extend(Sample(row, (len(row),)) for row in rows)
    samples.sizes = np.array([len(row) for row in rows])
    masking = masking_samples.masking(unit=unit, **options)
    data = MaskedLMDataset(samples, masking, seed=1, max_tokens=64, fixed_shapes=FixedShapes([16, 64]))
    made = batches(data, max_sentences=8)
    places = {16: 8, 64: 12} if options else {16: 3, 64: 10}
    for batch in made:
        assert batch["target"].size(1) == places[batch["net_input"]["src_tokens"].size(1)]
        assert int(batch["target"].ne(masking.pad_id).sum()) == batch["num_masked"] > 0


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({}, "^fixed shapes need a number of rows; give --batch-size or --max-tokens$"),
        ({"max_tokens": 15}, "^--max-tokens 15 holds no row of 16 tokens; give at least 16$"),
    ],
)
def test_a_batch_has_at_least_a_row(limits, told):
    with pytest.raises(UserError, match=told):
        batches(dataset(lengths=(16,)), **limits)
    data = dataset(lengths=(16,))
    data.shapes.spread(1, 4)
    with pytest.raises(UserError, match="--max-tokens 48 holds no row of 16 tokens for each of 4 devices; give at le"):
        batches(data, max_tokens=48)


def test_an_empty_batch_has_the_shapes_of_another():
    for packed in (False, True):
        batch = batches(dataset(packed=packed), max_sentences=3)[1]
        empty = empty_batch(batch, PAD)
        assert shapes(empty) == shapes(batch) and empty.keys() == batch.keys()
        assert (empty["ntokens"], empty["nsentences"], empty["num_masked"], empty["lengths"]) == (0, 0, 0, [])
        assert empty["target"].eq(PAD).all() and empty["net_input"]["src_tokens"].eq(PAD).all()
        assert not batch["target"].eq(PAD).all(), "the batch itself is left as it is"
    assert empty_batch({**batch, "corpus_tokens": {"a": 3}}, PAD)["corpus_tokens"] == {}


def test_length_buckets_are_read():
    assert read_lengths("", 64) == [64]
    assert read_lengths("16,32", 64) == [16, 32, 64] == read_lengths("16, 32,64", 64)


@pytest.mark.parametrize("given", ["32,16", "16,16", "1,16", "16,128", "16;32", "a", "16,", "-4"])
def test_length_buckets_that_are_none(given):
    with pytest.raises(UserError, match=r"--length-buckets .*: give ascending numbers from 2 to 64, as in 16,32$"):
        read_lengths(given, 64)
