"""Batches of the training benchmarks."""

import statistics

import pytest
import torch

from benchmarks.train_batch import BOS, EOS, PAD, document_lengths, make_batch


def test_fifteen_percent_of_each_document_is_masked():
    batch = make_batch((100, 40, 20), vocab_size=300)
    assert batch.tokens.shape == batch.target.shape == (3, 100) and batch.padded
    chosen = batch.target.ne(PAD)
    assert chosen.sum(1).tolist() == [15, 6, 3] and batch.masked == 24
    assert (batch.tokens[chosen] == 299).all() and (batch.tokens == 299).sum() == 24
    assert batch.tokens.ne(PAD).sum(1).tolist() == [100, 40, 20]
    for row, length in enumerate(batch.lengths):
        assert batch.tokens[row, 0] == BOS and batch.tokens[row, length - 1] == EOS
        assert not chosen[row, [0, length - 1]].any()


def test_batches_are_the_same_for_everybody():
    one, two, other = (make_batch((50, 50), 300, seed) for seed in (0, 0, 1))
    assert torch.equal(one.tokens, two.tokens) and torch.equal(one.target, two.target) and not one.padded
    assert not torch.equal(one.tokens, other.tokens)


@pytest.mark.parametrize(("kind", "half"), [("uniform", 266), ("short", 101)])
def test_lengths_of_documents(kind, half):
    lengths = document_lengths(kind, 4000, 512)
    assert min(lengths) >= 20 and max(lengths) <= 512 and max(lengths) > 500
    assert statistics.median(lengths) == pytest.approx(half, rel=0.1)
    assert lengths == document_lengths(kind, 4000, 512) != document_lengths(kind, 4000, 512, seed=1)


def test_other_lengths():
    assert document_lengths("full", 3, 64) == [64] * 3
    assert document_lengths("uniform", 2, 10) == [10, 10]
    with pytest.raises(ValueError, match="full, uniform or short"):
        document_lengths("long", 1, 64)
