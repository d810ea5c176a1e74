"""Counted random numbers."""

import numpy as np

from fairseq_hebrew.data.draws import BITS, GOLDEN, ORDER, below, draw, mix, sample_keys, threshold, unit
from tests.data.masking_samples import even, near


def test_known_outputs_of_splitmix64():
    """The first outputs for the seed 1234567, as the generator's published C code gives them."""
    state, found = 1234567, []
    for _ in range(5):
        state = state + GOLDEN & BITS
        found.append(mix(state))
    assert found == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


def test_keys_are_their_seed_epoch_and_index():
    indices = np.array([0, 1, 5, 2**31, 2**40])
    keys = sample_keys(7, 3, indices)
    assert keys.dtype == np.uint64 and len(set(keys.tolist())) == 5
    assert sample_keys(7, 3, indices[2:3])[0] == keys[2] and sample_keys(7, 3, [5])[0] == keys[2]
    plain = mix(mix(7 + GOLDEN & BITS) + GOLDEN * 4 & BITS)
    assert keys.tolist() == [mix(plain + GOLDEN * (int(index) + 1) & BITS) for index in indices]
    others = {sample_keys(seed, epoch, [index])[0] for seed in range(-2, 9) for epoch in range(9) for index in range(9)}
    assert len(others) == 11 * 9 * 9
    assert len(sample_keys(1, 1, np.arange(0))) == 0


def test_draws_are_even_and_their_bits_independent():
    keys = sample_keys(1, 1, np.arange(200)).tolist()
    bits = np.array([draw(key, ORDER, number) for key in keys for number in range(100)], dtype=np.uint64)
    ones = (bits[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert all(near(count, len(bits), 0.5) for count in ones.sum(0))
    pairs = np.corrcoef(ones.astype(float).T)[np.triu_indices(64, 1)]
    assert np.abs(pairs).max() < 6 / np.sqrt(len(bits))
    # From number to number, and from key to key.
    for lag in (1, 100):
        assert abs(np.corrcoef(bits[:-lag].astype(float), bits[lag:].astype(float))[0, 1]) < 5 / np.sqrt(len(bits))
    assert even(np.bincount([below(int(b), 77) for b in bits], minlength=77))
    shares = np.array([unit(int(b)) for b in bits])
    assert shares.min() >= 0 and shares.max() < 1 and even(np.histogram(shares, 50, (0, 1))[0])


def test_a_threshold_is_passed_with_its_probability():
    assert threshold(0.0) == 0 and threshold(1.0) > BITS >> 11
    assert threshold(0.5) == 1 << 52
