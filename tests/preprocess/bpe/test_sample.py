"""The seeded sample: the same keys one by one and all at once, and about the size that was asked for."""

import numpy as np

from fairseq_hebrew.preprocess.bpe.sample import ALL, Sample


def test_lines_are_taken_one_by_one_as_all_at_once():
    places = np.array([0, 1, 2, 12345, 1 << 40, (1 << 62) + 7], dtype=np.int64)
    for seed in range(50):
        sample = Sample(seed, ALL // 2)
        assert sample.takes(places).tolist() == [sample.takes_line(place) for place in places.tolist()]


def test_the_share_that_was_asked_for():
    places = np.arange(0, 2_000_000, 20)
    for limit in (1, 500, 700_000, 1_999_999):
        taken = Sample.of(1, 2_000_000, limit).takes(places)
        assert abs(taken.mean() - limit / 2_000_000) < 0.01
    assert not np.array_equal(Sample.of(1, 10, 5).takes(places), Sample.of(2, 10, 5).takes(places))
    for limit in (2_000_000, 3_000_000):
        assert Sample.of(1, 2_000_000, limit) == Sample(1, ALL) and Sample(1, ALL).takes(places) is None
        assert Sample(1, ALL).takes_line(5)
