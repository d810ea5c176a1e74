"""Spikes planted in noise: how many are found, where, and how many are found that are none."""

import numpy as np
import pytest

from fairseq_hebrew.monitor.spikes import find_spikes, rolling_median
from tests.monitor.synthetic import noisy, power_law, saturating, updates_of

UPDATES = updates_of(100_000, 100)
NOISES = [0.001, 0.004, 0.02]


def spikes(losses, threshold=6.0, levels=True):
    return find_spikes("loss", UPDATES[: len(losses)], np.round(losses, 3), threshold, levels)


def planted(size: float, length: int, noise: float, seed: int):
    """(losses with a spike of `size` standard deviations of the noise, its first place)."""
    losses = noisy(power_law(UPDATES), noise, seed)
    at = int(np.random.default_rng(seed + 1000).integers(60, len(losses) - length - 60))
    losses[at : at + length] *= np.exp(size * noise)
    return losses, at


def test_a_falling_curve_is_its_own_rolling_median():
    falling = power_law(UPDATES)
    made = rolling_median(falling)
    assert np.array_equal(made[:-25], falling[:-25])
    assert (made[-25:] >= falling[-25:]).all()


@pytest.mark.parametrize("length", [1, 2, 5, 20, 50, 51, 52, 120])
def test_rolling_medians_of_short_curves(length):
    values = np.random.default_rng(length).standard_normal(length)
    made = rolling_median(values)
    for i in range(length):
        if i < 25:
            window = values[: 2 * i + 1]
        else:
            window = values[i - 25 : i + 26]
        assert made[i] == pytest.approx(np.median(window)), i


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("size", "recall"), [(8, 0.8), (10, 0.95), (15, 1.0), (40, 1.0)])
@pytest.mark.parametrize("length", [1, 3])
def test_short_spikes_are_found_where_they_are(noise, size, recall, length):
    found = 0
    for seed in range(40):
        losses, at = planted(size, length, noise, seed)
        hits = [one for one in spikes(losses) if one.first <= at + length - 1 and one.last >= at]
        assert len(hits) <= 1
        found += bool(hits) and abs(hits[0].first - at) <= 1
    assert found >= recall * 40


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("length", [20, 60, 200])
def test_spikes_longer_than_a_window_are_one_spike_from_begin_to_end(noise, length):
    for seed in range(20):
        # So high that the curve does not fall below the level before it while it lasts.
        losses, at = planted(np.log(1.8) / noise, length, noise, seed)
        (hit,) = spikes(losses)
        assert abs(hit.first - at) <= 2 and abs(hit.last - (at + length - 1)) <= 3 and hit.back is not None
        assert 0.55 < hit.rise < 1.0


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("tails", "most"), [(None, 0.5), (5, 8.0)])
def test_false_alarms_in_ten_thousand_records(noise, tails, most):
    curves = [power_law(UPDATES), saturating(UPDATES, 9000)]
    count = sum(len(spikes(noisy(curve, noise, seed, tails))) for curve in curves for seed in range(40))
    assert count <= most * 8


def test_a_higher_threshold_finds_less():
    losses = [planted(10, 1, 0.004, seed)[0] for seed in range(20)]
    counts = [sum(len(spikes(one, threshold)) for one in losses) for threshold in (4.0, 6.0, 8.0, 20.0)]
    assert counts == sorted(counts, reverse=True) and counts[0] == 20 and counts[-1] == 0


def test_a_sudden_rise_with_a_slow_return_ends_where_the_level_is_reached_again():
    losses = noisy(power_law(UPDATES), 0.004, 3)
    losses[600:800] *= 1 + 0.5 * np.exp(-np.arange(200) / 40)
    (hit,) = spikes(losses)
    assert (hit.begin, hit.peak) == (60_100, 60_100) and 68_000 <= hit.end <= 80_100
    assert hit.before == pytest.approx(power_law(UPDATES)[600], rel=0.01)
    assert hit.value == pytest.approx(1.5 * power_law(UPDATES)[600], rel=0.02)


def test_a_loss_that_never_comes_back():
    losses = noisy(power_law(UPDATES), 0.004, 3)
    losses[700:] *= 2
    (hit,) = spikes(losses)
    assert (hit.begin, hit.end, hit.back) == (70_100, 100_000, None)


@pytest.mark.parametrize("after", [1, 2, 5, 24])
def test_a_spike_is_seen_as_soon_as_it_is_in_the_log(after):
    losses = noisy(power_law(UPDATES[:500]), 0.004, 3)
    losses[-after:] *= 1.3
    (hit,) = spikes(losses)
    assert (hit.begin, hit.back) == (UPDATES[500 - after], None)


def test_two_spikes_are_two():
    losses = noisy(power_law(UPDATES), 0.004, 3)
    losses[[300, 310]] *= 1.2
    assert [(one.first, one.last) for one in spikes(losses)] == [(300, 300), (310, 310)]


def test_a_spike_in_the_steep_start():
    losses = noisy(power_law(UPDATES), 0.004, 3)
    losses[12] *= 1.5
    assert [one.first for one in spikes(losses)] == [12]


def test_drops_and_slow_waves_are_no_spikes():
    losses = noisy(power_law(UPDATES), 0.004, 3)
    losses[500] *= 0.7
    assert spikes(losses) == []
    assert spikes(losses * (1 + 0.02 * np.sin(UPDATES / 5000))) == []


def test_a_gradient_norm_that_slowly_grows_has_no_spikes_and_one_that_jumps_once_has_one():
    norms = noisy(0.2 + UPDATES / 50_000, 0.15, 5)
    norms[400] *= 12
    (hit,) = find_spikes("gnorm", UPDATES, np.round(norms, 3), 6.0, levels=False)
    assert (hit.signal, hit.first, hit.last) == ("gnorm", 400, 400)


def test_losses_that_do_not_change_in_the_digits_of_the_log_have_no_spikes():
    assert spikes(np.full(500, 2.345)) == []
    # The last digit flickers: that is rounding, not noise.
    assert spikes(np.where(np.arange(500) % 50 == 0, 2.346, 2.345)) == []


@pytest.mark.parametrize("length", [0, 1, 5, 19, 20, 49, 50, 51])
def test_short_logs_are_judged_or_left_alone_without_failing(length):
    assert spikes(noisy(power_law(UPDATES[:length]), 0.001, 1)) == []
