"""The random keys that shuffling and splitting order by."""

import numpy as np

from fairseq_hebrew.preprocess.ordering.order import keys_at, random_key, random_keys


def test_keys_are_uniform_and_different():
    keys = np.array([random_key(1, i) for i in range(20_000)], dtype=np.uint64)
    assert len(set(keys.tolist())) == len(keys)
    for shift in (0, 20, 40, 60):
        counts = np.bincount(((keys >> np.uint64(shift)) & np.uint64(15)).astype(int), minlength=16)
        assert ((counts - 1250) ** 2 / 1250).sum() < 45, "chi-square of 15 degrees, beyond 1 in 10,000"


def test_seeds_give_orders_that_have_nothing_to_do_with_each_other():
    orders = [np.argsort([random_key(seed, i) for i in range(2000)]).argsort() for seed in (0, 1, 2, -1, 1 << 40)]
    for first in range(len(orders)):
        for second in range(first):
            assert abs(np.corrcoef(orders[first], orders[second])[0, 1]) < 0.1
    # A seed's keys are not those of its neighbour, some places on.
    assert not set(random_key(1, i) for i in range(5000)) & set(random_key(2, i) for i in range(5000))


def test_keys_of_many_are_the_keys_of_each():
    for seed in (0, 1, -1, 7, 1 << 40, (1 << 64) - 1, 1 << 70):
        for first in (0, 1, 12345, (1 << 63) - 5):
            wanted = [random_key(seed, index) for index in range(first, first + 50)]
            assert random_keys(seed, first, 50).tolist() == wanted
        places = np.array([5, 0, 1 << 40, (1 << 63) - 1], dtype=np.int64)
        assert keys_at(seed, places).tolist() == [random_key(seed, place) for place in places.tolist()]
        assert places[0] == 5, "not overwritten"
    assert random_keys(1, 5, 0).dtype == np.uint64
