"""The measures of a validation, against values worked out by hand."""

import math

import numpy as np
import pytest

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import PairSet
from fairseq_hebrew.data.examples.relevance import Relevance
from fairseq_hebrew.tasks.ranks import RankedSplit, measures_of, ranks


def test_ranks_of_equals_are_in_the_order_of_the_file():
    scores = np.array([0.5, 0.9, 0.5, 0.1, 0.5])
    assert ranks(scores, np.array([0, 1, 2, 3, 4])).tolist() == [2, 1, 3, 5, 4]
    assert ranks(scores, np.array([4, 0])).tolist() == [4, 2]


def test_measures():
    assert set(measures_of(np.array([1]), np.array([1]))) == set(Retrieval.METRICS)
    assert set(measures_of(np.array([1]), np.array([1])).values()) == {1.0}
    found = measures_of(np.array([3, 15, 80, 200]), np.array([1, 2, 1, 1]))
    # the best order of the grades is 2 1 1 1
    ideal = 2 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5)
    assert found["mrr@10"] == pytest.approx(1 / 3)
    assert found["ndcg@10"] == pytest.approx(1 / 2 / ideal)
    assert found["ndcg@20"] == pytest.approx((1 / 2 + 2 / 4) / ideal)
    assert (found["recall@20"], found["recall@100"]) == (0.5, 0.75)
    assert set(measures_of(np.array([101]), np.array([1])).values()) == {0.0}
    assert measures_of(np.array([11]), np.array([1]))["mrr@10"] == 0.0


def test_the_ideal_is_of_as_many_as_the_depth():
    # 12 that answer, in the first places: nothing better can be in 10
    assert measures_of(np.arange(1, 13), np.ones(12))["ndcg@10"] == pytest.approx(1)


def test_the_order_in_which_pairs_come_changes_nothing():
    chance = np.random.default_rng(1)
    count = 40
    relevance = Relevance()
    queries = chance.normal(size=(count, 4))
    passages = chance.normal(size=(25, 4))
    passages[7] = passages[3]  # equals: the first of the file is before
    pairs = []
    for index in range(count):
        own = index % 25
        relevance.add(1000 + index // 2, own)
        brought = (np.array([own, 24]), passages[[own, 24]], np.array([[index, 0], [index, 1]]))
        pairs.append(((np.array([1000 + index // 2]), queries[[index // 2]]), brought))
    made = PairSet([None] * count, relevance, np.zeros((count, 3)))
    found = []
    for order in (range(count), reversed(range(count)), chance.permutation(count)):
        split = RankedSplit(made, np.full(count, 2))
        for index in order:
            assert not split.complete()
            assert split.add(*pairs[index])
            assert not split.add(*pairs[index])  # once is enough
        assert split.complete()
        found.append(split.measures())
    assert found[0]["queries"] == 20
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=1e-12)
