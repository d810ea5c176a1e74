"""The phases of the schedules that runs are trained with."""

import numpy as np
import pytest

from fairseq_hebrew.monitor.learning_rate import phases
from tests.monitor.synthetic import cosine_schedule, linear_schedule, updates_of


def logged(rates):
    """The digits of fairseq's log."""
    return np.array([float(f"{rate:g}") for rate in rates])


def kinds(updates, rates):
    return [(one.kind, one.begin, one.end) for one in phases(updates, logged(rates))]


@pytest.mark.parametrize("interval", [1, 10, 100])
def test_warm_up_and_linear_decay(interval):
    updates = updates_of(100_000, interval)
    (warm, _, peak), (decay, begin, end) = kinds(updates, linear_schedule(updates, 4e-4, 10_000, 100_000))
    assert (warm, decay, end) == ("warm-up", "decay", 100_000)
    assert peak == begin and abs(peak - 10_000) <= 100


@pytest.mark.parametrize("interval", [10, 100])
def test_cosine_to_a_floor_then_constant(interval):
    updates = updates_of(100_000, interval)
    found = kinds(updates, cosine_schedule(updates, 6e-4, 2000, 100_000))
    assert [kind for kind, _, _ in found] == ["warm-up", "decay", "constant"]
    assert abs(found[1][1] - 2000) < 1200 and abs(found[2][1] - 90_000) < 1200


def test_trapezoidal():
    updates = updates_of(10_000, 10)
    rates = np.interp(updates, [0, 1000, 8000, 10_000], [0, 1e-3, 1e-3, 0])
    found = phases(updates, logged(rates))
    assert [one.kind for one in found] == ["warm-up", "constant", "decay"]
    assert [abs(one.end - end) <= 20 for one, end in zip(found, (1000, 8000, 10_000))] == [True] * 3
    assert found[1].start == found[1].stop == 1e-3 and found[-1].stop == 0


def test_a_second_rise_is_no_warm_up():
    updates = updates_of(10_000, 10)
    rates = np.interp(updates, [0, 1000, 5000, 6000, 10_000], [0, 1e-3, 1e-4, 5e-4, 0])
    assert [kind for kind, _, _ in kinds(updates, rates)] == ["warm-up", "decay", "rise", "decay"]


def test_constant_and_unknown_rates():
    updates = updates_of(1000, 10)
    assert kinds(updates, np.full(100, 1e-4)) == [("constant", 10, 1000)]
    assert phases(updates, np.full(100, np.nan)) == [] and phases(updates[:1], np.ones(1)) == []
    half = np.where(updates < 500, np.nan, 1e-4)
    assert kinds(updates, half) == [("constant", 500, 1000)]
