"""How much perplexity fell over the last part of a run, and whether it is sure."""

import numpy as np
import pytest
from scipy.signal import lfilter

from fairseq_hebrew.monitor.convergence import improvement
from tests.monitor.synthetic import noisy, power_law, saturating, updates_of

UPDATES = updates_of(100_000, 100)


def last_fifth(losses, updates=UPDATES):
    return improvement(updates, losses, 80_000, 100_000)


def test_the_fall_of_perplexity_is_measured():
    # From 2.0 to 1.9 bits in a straight line over the whole window: perplexity falls by 1 - 2 ** -0.1.
    losses = np.interp(UPDATES, [80_000, 100_000], [2.0, 1.9])
    found = last_fifth(losses)
    assert found.percent == pytest.approx(100 * (1 - 2**-0.1), rel=1e-6) and found.error < 1e-6


@pytest.mark.parametrize("amount", [0.001, 0.004, 0.02])
def test_the_interval_holds_the_truth_as_often_as_it_says(amount):
    true = 4 * np.exp(-UPDATES / 1e6)  # as good as a straight line: what bends makes the interval wider
    fall = last_fifth(true).percent
    found = [last_fifth(noisy(true, amount, seed)) for seed in range(300)]
    held = np.mean([abs(one.percent - fall) < one.error for one in found])
    assert 0.91 <= held <= 0.985


def test_the_interval_is_little_too_narrow_where_noise_lasts_over_records():
    true = 4 * np.exp(-UPDATES / 1e6)
    fall, held = last_fifth(true).percent, []
    for seed in range(300):
        # Each record keeps 0.9 of the noise of the one before it.
        fresh = np.random.default_rng(seed).standard_normal(len(UPDATES) + 100) * np.sqrt(1 - 0.9**2)
        lasting = lfilter([1], [1, -0.9], fresh)[100:]
        found = last_fifth(true * np.exp(0.004 * lasting))
        held.append(abs(found.percent - fall) < found.error)
    assert np.mean(held) >= 0.85


@pytest.mark.parametrize("amount", [0.001, 0.004])
def test_curves_that_have_converged_and_curves_that_have_not(amount):
    for seed in range(30):
        flat = last_fifth(noisy(saturating(UPDATES, 9000), amount, seed))
        assert flat.converged(1.0) and not flat.falling(1.0)
        for curve in (power_law(UPDATES), saturating(UPDATES, 20_000)):
            falling = last_fifth(noisy(curve, amount, seed))
            assert falling.falling(1.0) and not falling.converged(1.0)


def test_strong_noise_leaves_it_open():
    found = [last_fifth(noisy(saturating(UPDATES, 9000), 0.05, seed)) for seed in range(30)]
    assert sum(one.converged(1.0) or one.falling(1.0) for one in found) <= 3


def test_validation_losses_far_apart():
    updates = np.arange(1640, 100_000, 1640)
    assert last_fifth(saturating(updates, 9000), updates).converged(1.0)
    assert last_fifth(power_law(updates), updates).falling(1.0)


def test_too_few_records_have_none():
    assert last_fifth(np.ones(5), np.array([82_000, 86_000, 90_000, 94_000, 99_000])) is None
    assert last_fifth(np.ones(3), np.array([10, 20, 30])) is None
    # Hundreds of records at one place are one point.
    assert improvement(np.arange(99_900, 100_001), np.ones(101), 80_000, 100_000) is None
