"""fairseq's own schedule, under HalleluBERT's settings: 10,000 of 100,000 updates of warm-up, linear decay to 0.

The settings are the family's published pipeline's; the peaks are base's and large's.
"""

import pytest

from tests.optim.building import curve, schedule


@pytest.mark.parametrize("peak", [4e-4, 1.5e-4])
def test_the_published_curve(peak):
    made = schedule(
        "--lr-scheduler", "polynomial_decay", "--lr", peak, "--warmup-updates", 10_000,
        "--total-num-update", 100_000, "--max-update", 100_000, "--power", 1, "--end-learning-rate", 0,
    )  # fmt: skip
    rates = curve(made, 100_000)
    golden = {
        0: 0,
        1: peak / 10_000,
        5_000: peak / 2,
        10_000: peak,
        10_001: peak * 89_999 / 90_000,
        32_500: peak * 3 / 4,
        55_000: peak / 2,
        99_999: peak / 90_000,
        100_000: 0,
    }
    assert {update: rates[update] for update in golden} == pytest.approx(golden, rel=1e-9, abs=1e-18)
    for update, rate in enumerate(rates):
        plain = peak * min(update / 10_000, (100_000 - update) / 90_000)
        assert rate == pytest.approx(plain, rel=1e-9, abs=1e-18)
