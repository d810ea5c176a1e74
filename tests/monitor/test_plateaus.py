"""Plateaus planted in falling curves: found with their begin and end; and curves that have none."""

import numpy as np
import pytest

from fairseq_hebrew.monitor.plateaus import Lines, find_plateaus, points
from fairseq_hebrew.monitor.spikes import DIGITS, noise, rolling_median
from tests.monitor.synthetic import noisy, plateau_then_descent, power_law, saturating, updates_of

UPDATES = updates_of(100_000, 100)


def plateaus(losses, updates=UPDATES, flat=0.02, share=0.2, least=500):
    losses, updates = np.round(losses, 3), updates[: len(losses)]
    logs = np.log(losses)
    return find_plateaus(updates, losses, noise(logs, rolling_median(logs), DIGITS / 2 / losses), flat, share, least)


@pytest.mark.parametrize(("amount", "within"), [(0.001, 0.03), (0.004, 0.1)])
@pytest.mark.parametrize(("begin", "end"), [(2000, 5000), (8000, 20_000), (30_000, 40_000), (50_000, 70_000)])
def test_begin_and_end_are_found(amount, within, begin, end):
    true = plateau_then_descent(UPDATES, begin, end)
    for seed in range(10):
        (found,) = plateaus(noisy(true, amount, seed))
        assert found.over
        # Within so much of the updates, or two records.
        assert abs(found.begin - begin) < max(within * begin, 201), found
        assert abs(found.end - end) < max(within * end, 201), found
        assert found.level == pytest.approx(np.interp(end, UPDATES, true), rel=0.01)
        assert abs(found.slope) < 0.02


@pytest.mark.parametrize("interval", [10, 100])
@pytest.mark.parametrize("amount", [0.001, 0.004, 0.02])
@pytest.mark.parametrize("power", [0.1, 0.25])
def test_a_curve_that_goes_on_falling_has_none(interval, amount, power):
    updates = updates_of(100_000, interval)
    for seed in range(10 if interval == 100 else 3):
        assert plateaus(noisy(power_law(updates, power=power, floor=1.0), amount, seed), updates) == []


@pytest.mark.parametrize("amount", [0.001, 0.004])
def test_a_plateau_is_told_while_it_lasts_and_its_end_once_the_loss_falls(amount):
    true = noisy(plateau_then_descent(UPDATES, 8000, 20_000), amount, 1)
    assert plateaus(true[:75]) == []
    for last in (110, 130, 160, 190):
        (found,) = plateaus(true[:last])
        assert not found.over and found.end == UPDATES[last - 1] and abs(found.begin / 8000 - 1) < 0.1
    (found,) = plateaus(true[:260])
    assert found.over and abs(found.end / 20_000 - 1) < 0.05


def test_a_curve_that_has_come_to_its_end():
    for seed in range(10):
        (found,) = plateaus(noisy(saturating(UPDATES, 9000), 0.001, seed))
        assert not found.over and 45_000 < found.begin < 75_000 and found.level == pytest.approx(2.0, rel=0.01)


def test_two_plateaus():
    true = plateau_then_descent(UPDATES, 4000, 9000)
    later = true[np.searchsorted(UPDATES, 40_000)]
    true = np.where(UPDATES < 40_000, true, np.where(UPDATES < 60_000, later, later * (UPDATES / 60_000) ** -0.3))
    found = plateaus(noisy(true, 0.001, 1))
    assert [one.over for one in found] == [True, True]
    assert [abs(a / b - 1) < 0.05 for one, two in zip(found, ((4000, 9000), (40_000, 60_000)))
            for a, b in zip((one.begin, one.end), two)] == [True] * 4  # fmt: skip


def test_what_is_short_is_none():
    losses = noisy(plateau_then_descent(UPDATES, 20_000, 22_000), 0.001, 1)
    assert plateaus(losses) == []
    assert len(plateaus(losses, share=0.05)) == 1
    assert plateaus(losses, share=0.05, least=5000) == []


def test_noise_too_strong_to_tell_makes_no_plateau():
    losses = noisy(power_law(UPDATES[:100]), 0.2, 1)
    assert plateaus(losses, UPDATES[:100]) == []


def test_a_line_through_points_is_the_weighted_least_squares_one():
    rng = np.random.default_rng(1)
    made = points(UPDATES, noisy(power_law(UPDATES), 0.01, 1), np.full(len(UPDATES), 0.01))
    first, last = sorted(rng.choice(len(made.x), 2, replace=False))
    slope, _ = Lines(made).slope(first, last)
    inside = slice(first, last)
    fit = np.polyfit(made.x[inside], made.y[inside], 1, w=np.sqrt(made.weight[inside]))
    assert slope == pytest.approx(fit[0], rel=1e-6)
    rest = made.y[inside] - np.polyval(fit, made.x[inside])
    assert Lines(made).misfit(np.array([first]), np.array([last]))[0] == pytest.approx(
        (made.weight[inside] * rest**2).sum(), rel=1e-5
    )


@pytest.mark.parametrize("length", [0, 1, 9, 10, 30])
def test_short_logs(length):
    assert plateaus(power_law(UPDATES[:length]) if length else np.zeros(0), UPDATES[:length]) == []
