"""Warm-up, cosine, floor: the curve of NeoBERT (arXiv 2502.19587, section on pre-training) and NeoDictaBERT's."""

import itertools
import math

import pytest

from fairseq_hebrew.stage.errors import UserError
from tests.optim.building import curve, schedule


def neobert(*more):
    return schedule(
        "--lr-scheduler", "cosine_floor", "--lr", 6e-4, "--warmup-updates", 2_000, "--max-update", 1_000_000, *more
    )


def test_neoberts_curve_at_updates_worked_out_by_hand():
    """2,000 updates up to 6e-4, a cosine to 10 % of it after 90 % of the 1,000,000, constant for the last 100,000."""
    made = neobert()
    golden = {
        0: 0.0,
        1: 3e-7,
        1_000: 3e-4,
        2_000: 6e-4,
        # a quarter, half and three quarters of the 898,000 updates of the cosine: cos is 1/sqrt 2, 0, -1/sqrt 2
        226_500: 6e-5 + 5.4e-4 * (1 + math.sqrt(0.5)) / 2,
        451_000: 3.3e-4,
        675_500: 6e-5 + 5.4e-4 * (1 - math.sqrt(0.5)) / 2,
        900_000: 6e-5,
        950_000: 6e-5,
        1_000_000: 6e-5,
        1_050_000: 6e-5,
    }
    for update, rate in golden.items():
        made.step_update(update)
        assert made.optimizer.get_lr() == pytest.approx(rate, rel=1e-12), update
    assert golden[226_500] == pytest.approx(5.2092e-4, rel=1e-4)


def plain(update, peak, warmup, total, floor_ratio, decay_ratio):
    """The same, from the half-angle form of the cosine."""
    if update <= warmup and warmup:
        return peak / warmup * update
    angle = min(1, (update - warmup) / (decay_ratio * total - warmup)) * math.pi / 2
    return peak * (math.cos(angle) ** 2 + floor_ratio * math.sin(angle) ** 2)


@pytest.mark.parametrize(
    ("peak", "warmup", "total", "floor_ratio", "decay_ratio"),
    [(6e-4, 20, 1_000, 0.1, 0.9), (6e-3, 5, 1_106, 0.0, 1.0), (1.0, 0, 10, 0.5, 0.5), (1e-4, 499, 1_000, 1.0, 0.5)],
)
def test_every_update_against_a_plain_formula(peak, warmup, total, floor_ratio, decay_ratio):
    made = schedule(
        "--lr-scheduler", "cosine_floor", "--lr", peak, "--warmup-updates", warmup, "--total-num-update", total,
        "--floor-ratio", floor_ratio, "--decay-ratio", decay_ratio,
    )  # fmt: skip
    for update, rate in enumerate(curve(made, total + 20)):
        wanted = plain(update, peak, warmup, total, floor_ratio, decay_ratio)
        assert rate == pytest.approx(wanted, rel=1e-9, abs=1e-12), update


def test_no_jump_where_the_floor_begins():
    rates = curve(schedule("--lr-scheduler", "cosine_floor", "--lr", 1, "--max-update", 1_000), 1_000)
    steps = [after - before for before, after in itertools.pairwise(rates)]
    assert max(steps) <= 0 and min(steps) > -2e-3
    assert rates[899] > rates[900] == rates[1_000] == 0.1


def test_the_length_is_max_update_unless_given():
    given = ("--lr-scheduler", "cosine_floor", "--lr", 1, "--max-update", 100)
    assert curve(schedule(*given), 100)[89:91] == [pytest.approx(0.100274, rel=1e-4), 0.1]
    assert curve(schedule(*given, "--total-num-update", 50), 100)[45:] == [0.1] * 56


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--max-update", 0), "cosine_floor has to know how long it is; give --max-update or --total-num-update"),
        (("--warmup-updates", 91), "--warmup-updates 91 is longer than the 90 of 100 updates after which the floor"),
        (("--warmup-updates", -1), "--warmup-updates -1 is less than 0; give 0"),
        (("--floor-ratio", 1.1), "--floor-ratio 1.1 is not a share; give a number from 0 to 1"),
        (("--floor-ratio", -0.1), "--floor-ratio -0.1 is not a share"),
        (("--decay-ratio", 1.5), "--decay-ratio 1.5 is not a share"),
        (("--lr", "1e-4,1e-5"), "--lr 0.0001,1e-05: cosine_floor has one peak, above 0"),
        (("--lr", "0"), "--lr 0.0: cosine_floor has one peak"),
    ],
)
def test_settings_that_make_no_schedule(options, line):
    with pytest.raises(UserError) as caught:
        schedule("--lr-scheduler", "cosine_floor", "--lr", 1, "--max-update", 100, *options)
    assert line in str(caught.value) and "\n" not in str(caught.value)
