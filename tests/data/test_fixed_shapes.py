"""Batches of fixed shapes: nothing is lost, nothing is counted twice, and every shape is one of few."""

import numpy as np
import pytest
import torch

from fairseq_hebrew.data.fixed_shapes import FixedShapes, empty_batch, read_lengths
from fairseq_hebrew.data.masked_lm_dataset import MaskedLMDataset
from fairseq_hebrew.data.masking import Masking
from fairseq_hebrew.stage.errors import UserError
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
    ("limits", "told"),
    [
        ({}, "^fixed shapes need a number of rows; give --batch-size or --max-tokens$"),
        ({"max_tokens": 15}, "^--max-tokens 15 holds no row of 16 tokens; give at least 16$"),
    ],
)
def test_a_batch_has_at_least_a_row(limits, told):
    with pytest.raises(UserError, match=told):
        batches(dataset(lengths=(16,)), **limits)


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
