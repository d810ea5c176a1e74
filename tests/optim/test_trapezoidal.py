"""Warm-up, stable, decay (arXiv 2405.18392, section 3): golden values, both shapes, and a prolonged stable phase."""

import logging

import pytest

from fairseq_hebrew.stage.errors import UserError
from tests.optim.building import curve, schedule

RUN = ("--lr-scheduler", "trapezoidal", "--lr", 1e-3, "--warmup-updates", 300)


@pytest.mark.parametrize(
    ("shape", "quarter", "half"),
    [("linear", 7.5e-4, 5e-4), ("1-sqrt", 5e-4, 1e-3 * (1 - 0.7071067811865476))],
)
def test_values_worked_out_by_hand(shape, quarter, half):
    """The paper's proportions: 20 % of 10,000 updates of decay. After its first quarter sqrt(x) is 1/2."""
    made = schedule(*RUN, "--max-update", 10_000, "--decay-updates", 2_000, "--decay-shape", shape)
    golden = {
        0: 0.0,
        1: 1e-3 / 300,
        150: 5e-4,
        300: 1e-3,
        4_000: 1e-3,
        8_000: 1e-3,
        8_500: quarter,
        9_000: half,
        10_000: 0.0,
        10_500: 0.0,
    }
    for update, rate in golden.items():
        made.step_update(update)
        assert made.optimizer.get_lr() == pytest.approx(rate, rel=1e-12), update


def plain(update, peak, warmup, total, decay, exponent, floor):
    """The shape as a power of the share of the decay that is behind."""
    behind = max(0.0, update - (total - decay)) / decay if decay else 0.0
    rising = update / warmup if warmup else 1.0
    left = 1 - min(1.0, behind) ** exponent
    return min(rising, 1.0) * peak if behind == 0 else floor * peak + (1 - floor) * peak * left


@pytest.mark.parametrize(("shape", "exponent"), [("linear", 1), ("1-sqrt", 0.5)])
@pytest.mark.parametrize(
    ("warmup", "total", "decay", "floor"), [(30, 1_000, 200, 0.0), (0, 500, 500, 0.1), (400, 500, 100, 0.5)]
)
def test_every_update_against_a_plain_formula(shape, exponent, warmup, total, decay, floor):
    made = schedule(
        "--lr-scheduler", "trapezoidal", "--lr", 2e-3, "--warmup-updates", warmup, "--max-update", total,
        "--decay-updates", decay, "--decay-shape", shape, "--floor-ratio", floor,
    )  # fmt: skip
    for update, rate in enumerate(curve(made, total + 10)):
        wanted = plain(update, 2e-3, warmup, total, decay, exponent, floor)
        assert rate == pytest.approx(wanted, rel=1e-9, abs=1e-15), update


def test_a_run_without_an_end_has_no_decay():
    made = schedule(*RUN, "--max-update", 0)
    made.step_update(10**9)
    assert made.optimizer.get_lr() == 1e-3


def test_a_stable_phase_is_prolonged_as_if_planned_so(caplog):
    first = schedule(*RUN, "--max-update", 1_000, "--decay-updates", 100)
    curve(first, 900)  # saved where the decay is about to begin
    second = schedule(*RUN, "--max-update", 2_000, "--decay-updates", 100)
    with caplog.at_level(logging.WARNING):
        second.load_state_dict(first.state_dict())
    assert not caplog.records
    planned = schedule(*RUN, "--max-update", 2_000, "--decay-updates", 100)
    assert curve(second, 2_000) == curve(planned, 2_000)
    assert curve(planned, 2_000)[1_900] == 1e-3 > curve(planned, 2_000)[1_901]


def test_prolonging_from_within_the_decay_is_told(caplog):
    first = schedule(*RUN, "--max-update", 1_000, "--decay-updates", 100)
    curve(first, 950)
    with caplog.at_level(logging.WARNING):
        schedule(*RUN, "--max-update", 2_000, "--decay-updates", 100).load_state_dict(first.state_dict())
    assert "the learning rate jumps from 0.0005 to 0.001 after update 950" in caplog.text
    assert "from a checkpoint that was saved before the decay began" in caplog.text


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--decay-updates", 701), "--warmup-updates 300 and --decay-updates 701 are more than the 1000 updates of"),
        (("--warmup-updates", 1_001), "--warmup-updates 1001 and --decay-updates 0 are more than the 1000"),
        (("--decay-updates", -5), "--decay-updates -5 is less than 0; give 0 for a run without a decay"),
        (("--decay-updates", 5, "--max-update", 0), "trapezoidal has to know when to decay; give --max-update"),
        (("--floor-ratio", 2), "--floor-ratio 2 is not a share"),
    ],
)
def test_settings_that_make_no_schedule(options, line):
    with pytest.raises(UserError) as caught:
        schedule(*RUN, "--max-update", 1_000, *options)
    assert line in str(caught.value) and "\n" not in str(caught.value)
