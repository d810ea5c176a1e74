"""The kernel against the plain masking of one sample, bit for bit."""

import numpy as np
import pytest

from fairseq_hebrew.data import draws, masking_kernels
from fairseq_hebrew.data.draws import sample_keys
from fairseq_hebrew.data.masking import UNITS
from fairseq_hebrew.data.plain_masking import mask_tokens
from tests.data.masking_samples import mask, masking, mixed

SETTINGS = [
    {},
    {"probability": 0.2, "keep": 0, "random": 0},
    {"probability": 0.5, "random": 0.9},
    {"probability": 1.0},
    {"masked_a_row": 1},
    {"masked_a_row": 30},
    {"mean_span_length": 2, "max_span_length": 4},
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_rows_of_any_kind(unit, settings):
    made = masking(unit=unit, **settings)
    rng = np.random.default_rng(1)
    for epoch in range(1, 26):
        longest = rng.choice([4, 20, 100, 400])
        rows = [mixed(rng, length) for length in rng.integers(0, longest + 1, rng.integers(1, 9))]
        documents = [[len(row)] for row in rows]
        if epoch % 2:
            cuts = [np.sort(rng.integers(0, len(row) + 1, rng.integers(0, 4))) for row in rows]
            documents = [np.diff([0, *cut, len(row)]).tolist() for cut, row in zip(cuts, rows)]
        most = max(1, made.most(longest))
        fast = mask(rows, made, epoch=epoch, most=most, documents=np.concatenate(documents).astype(np.int64))
        keys = sample_keys(1, epoch, np.arange(len(rows)))
        for number, (row, key) in enumerate(zip(rows, keys)):
            plain = mask_tokens(row, made, key, most, documents[number])
            assert np.array_equal(fast[0][number], plain[0]) and np.array_equal(fast[1][number], plain[1])
            if len(documents[number]) == 1:
                assert np.array_equal(mask_tokens(row, made, key, most)[1], plain[1])


def test_the_draws_of_the_kernel():
    for name in ("COUNT", "LONG", "ROUND", "ORDER", "LENGTH", "FATE", "REPLACEMENT", "PURPOSES"):
        assert getattr(masking_kernels, name) == getattr(draws, name)
    for key in (0, 1, 2**63, 2**64 - 1):
        for purpose, number in ((0, 0), (3, 511), (6, 10**6)):
            bits = draws.draw(key, purpose, number)
            assert masking_kernels._draw(np.uint64(key), purpose, number) == bits
            for end in (1, 2, 77, 2**31):
                assert masking_kernels._below(np.uint64(bits), end) == draws.below(bits, end)


def test_the_units_of_the_kernel():
    assert [getattr(masking_kernels, name.upper()) for name in UNITS] == list(range(len(UNITS)))
