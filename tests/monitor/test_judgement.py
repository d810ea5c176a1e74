"""The verdicts on whole logs."""

import json

import numpy as np
import pytest

from fairseq_hebrew.monitor.curves import TRAIN, Log, Record
from fairseq_hebrew.monitor.judgement import (
    CONVERGED,
    EARLY,
    FALLING,
    FEW,
    UNDECIDED,
    UNSETTLED,
    WARMING,
    Rules,
    as_data,
    judge,
)
from fairseq_hebrew.monitor.words import lines
from tests.monitor.synthetic import (
    cosine_schedule,
    linear_schedule,
    noisy,
    plateau_then_descent,
    power_law,
    saturating,
    updates_of,
)

UPDATES = updates_of(100_000, 100)


def log_of(losses, updates=UPDATES, rates=None, valid=None, gnorms=None):
    log = Log()
    for i, loss in enumerate(losses):
        more = {} if rates is None else {"lr": float(rates[i])}
        more |= {} if gnorms is None else {"gnorm": float(gnorms[i])}
        log.add(Record(TRAIN, int(updates[i]), {"loss": round(float(loss), 3), **more}))
        if valid is not None and i % 16 == 15:
            log.add(Record("valid", int(updates[i]), {"loss": round(float(valid[i]), 3)}))
    return log


def told(log, rules=None):
    rules = rules or Rules()
    return "\n".join(lines(judge(log, rules), log, rules))


LINEAR = linear_schedule(UPDATES, 4e-4, 10_000, 100_000)


def test_a_run_that_has_converged_and_one_that_goes_on_falling():
    flat, falling = noisy(saturating(UPDATES, 9000), 0.004, 1), noisy(power_law(UPDATES), 0.004, 1)
    assert judge(log_of(flat, rates=LINEAR), Rules()).convergence == CONVERGED
    assert judge(log_of(falling, rates=LINEAR), Rules()).convergence == FALLING
    words = told(log_of(flat, rates=LINEAR))
    assert "convergence: converged: less than 1 %" in words and "which by itself ends the fall" in words
    assert "convergence: not converged (train perplexity fell by " in told(log_of(falling, rates=LINEAR))


def test_a_flat_curve_at_a_high_learning_rate_is_said_to_look_like_a_plateau():
    words = told(log_of(noisy(saturating(UPDATES, 9000), 0.004, 1), rates=np.full(len(UPDATES), 4e-4)))
    assert "at 100 % of its peak, and a plateau looks the same: plateaus end late in such runs" in words


@pytest.mark.parametrize("last", [50, 200, 399])
def test_no_verdict_before_the_first_updates_are_over(last):
    log = log_of(np.full(last, 2.0))
    assert judge(log, Rules()).convergence == EARLY
    assert "too early to say before update 40,000" in told(log)
    assert judge(log, Rules(min_updates=1000)).convergence == CONVERGED


def test_a_plateau_is_never_called_convergence_before_it_ends_early():
    true = noisy(plateau_then_descent(UPDATES, 8000, 30_000), 0.004, 1)
    for last in (120, 200, 290):
        found = judge(log_of(true[:last]), Rules())
        assert found.convergence == EARLY and not found.plateaus[-1].over
        assert "plateau: since update" in told(log_of(true[:last])) and "no reason to stop" in told(log_of(true[:last]))
    found = judge(log_of(true), Rules())
    assert found.convergence == FALLING and [one.over for one in found.plateaus] == [True]
    assert "then the loss fell again" in told(log_of(true))


def test_no_verdict_within_the_warm_up():
    rates = linear_schedule(UPDATES, 4e-4, 90_000, 200_000)
    flat = noisy(np.full(len(UPDATES), 3.0), 0.004, 1)
    assert judge(log_of(flat, rates=rates), Rules()).convergence == WARMING
    assert "reach into the warm-up" in told(log_of(flat, rates=rates))


def test_a_tail_of_the_schedule_that_still_brings_the_loss_down_is_no_convergence():
    # The loss follows the learning rate down, as at the end of a decay.
    for rates in (LINEAR, cosine_schedule(UPDATES, 4e-4, 10_000, 100_000, floor=0.0)):
        losses = noisy(2.0 + 0.4 * rates / 4e-4 + np.exp(-UPDATES / 3000), 0.004, 1)
        assert judge(log_of(losses, rates=rates), Rules(last_percent=30)).convergence == FALLING


def test_a_falling_validation_loss_keeps_a_flat_training_loss_from_having_converged():
    flat = noisy(saturating(UPDATES, 9000), 0.004, 1)
    log = log_of(flat, valid=power_law(UPDATES))
    found = judge(log, Rules())
    assert found.convergence == FALLING and set(found.improvement) == {"train", "valid"}
    assert judge(log_of(flat, valid=saturating(UPDATES, 9000)), Rules()).convergence == CONVERGED


def test_strong_noise_leaves_it_undecided():
    assert judge(log_of(noisy(saturating(UPDATES, 9000), 0.05, 2)), Rules()).convergence == UNDECIDED


def test_no_verdict_in_a_spike_and_a_rise_that_stays_becomes_the_level():
    losses = noisy(saturating(UPDATES, 9000), 0.004, 1)
    losses[-30:] *= 1.5
    found = judge(log_of(losses), Rules())
    assert found.convergence == UNSETTLED and found.spikes[-1].back is None
    assert "not come back so far" in told(log_of(losses))
    losses = noisy(saturating(UPDATES, 9000), 0.004, 1)
    losses[-400:] *= 1.5
    found = judge(log_of(losses), Rules())
    assert found.convergence == CONVERGED and found.spikes[-1].back is None


def test_spikes_are_kept_out_of_plateaus_and_of_the_fit():
    losses = noisy(plateau_then_descent(UPDATES, 8000, 20_000), 0.004, 1)
    plain = judge(log_of(losses), Rules())
    for first in (100, 130, 900, 950):
        losses[first : first + 12] *= 1.4
    found = judge(log_of(losses), Rules())
    assert len(found.spikes) == 4 and len(found.plateaus) == 1
    assert abs(found.plateaus[0].begin - plain.plateaus[0].begin) <= 400
    assert found.improvement["train"].percent == pytest.approx(plain.improvement["train"].percent, abs=0.3)


def test_losses_that_are_not_finite_are_events_and_break_nothing():
    losses = noisy(power_law(UPDATES), 0.004, 1)
    norms = noisy(np.full(len(UPDATES), 0.3), 0.1, 2)
    losses[[300, 301, 500]] = np.nan
    losses[700] = np.inf
    norms[300] = np.inf
    log = log_of(losses, gnorms=norms)
    found = judge(log, Rules())
    assert [(one.signal, one.begin, one.end) for one in found.non_finite] == [
        ("loss", 30_100, 30_200), ("loss", 50_100, 50_100), ("loss", 70_100, 70_100), ("gnorm", 30_100, 30_100)
    ]  # fmt: skip
    assert found.spikes == [] and found.convergence == FALLING
    assert "not finite: loss from update 30,100 to 30,200" in told(log)
    json.dumps(as_data(found, log, Rules()), allow_nan=False)


def test_all_losses_not_finite():
    found = judge(log_of(np.full(1000, np.nan)), Rules())
    assert found.convergence == FEW and len(found.non_finite) == 1
    told(log_of(np.full(1000, np.nan)))


@pytest.mark.parametrize("count", [1, 2, 3, 19, 20, 30])
def test_logs_of_few_records(count):
    log = log_of(power_law(UPDATES[:count]), rates=LINEAR, valid=power_law(UPDATES))
    assert judge(log, Rules()).convergence == EARLY
    assert f"records: {count}, updates 100 to {100 * count:,}" in told(log)


def test_many_spikes_are_not_all_told_but_all_kept():
    losses = noisy(power_law(UPDATES), 0.004, 1)
    losses[100:900:20] *= np.linspace(1.2, 1.6, 40)
    log = log_of(losses)
    assert len(judge(log, Rules()).spikes) == 40
    assert told(log).count("spike: ") == 20 and "spikes: 20 lower ones besides" in told(log)
