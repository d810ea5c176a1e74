"""What the schedules share: resuming, epochs, and options that say what they are."""

import logging

import pytest
from fairseq.optim.lr_scheduler import LR_SCHEDULER_DATACLASS_REGISTRY

from tests.optim.building import curve, parsed, schedule

COSINE = ("--lr-scheduler", "cosine_floor", "--lr", 1e-3, "--warmup-updates", 10)
TRAPEZOID = ("--lr-scheduler", "trapezoidal", "--lr", 1e-3, "--warmup-updates", 10, "--decay-updates", 30)


@pytest.mark.parametrize("given", [COSINE, TRAPEZOID])
@pytest.mark.parametrize("stop", [0, 5, 10, 60, 95])
def test_a_resumed_run_has_the_rates_of_one_never_stopped(given, stop, caplog):
    whole = curve(schedule(*given, "--max-update", 100), 100)
    first = schedule(*given, "--max-update", 100)
    assert curve(first, stop) == whole[: stop + 1]
    second = schedule(*given, "--max-update", 100)
    with caplog.at_level(logging.WARNING):
        second.load_state_dict(first.state_dict())
    assert not caplog.records
    second.step_update(stop)
    assert curve(second, 100) == whole


@pytest.mark.parametrize("given", [COSINE, TRAPEZOID])
def test_epochs_change_nothing(given):
    made = schedule(*given, "--max-update", 100)
    made.step_update(7)
    made.step_begin_epoch(3)
    made.step(3, val_loss=2.0)
    assert made.optimizer.get_lr() == pytest.approx(7e-4)
    assert made.state_dict()["best"] == 2.0


def test_a_changed_peak_is_told(caplog):
    first = schedule(*COSINE, "--max-update", 100)
    curve(first, 20)
    with caplog.at_level(logging.WARNING):
        schedule(*COSINE, "--max-update", 100, "--lr", 2e-3).load_state_dict(first.state_dict())
    assert "jumps from" in caplog.text and "Give the --lr, --warmup-updates and --total-num-update of" in caplog.text


def test_the_state_of_another_schedule_is_no_jump(caplog):
    made = schedule(*COSINE, "--max-update", 100)
    with caplog.at_level(logging.WARNING):
        made.load_state_dict({"best": 3.0})
    assert made.best == 3.0 and not caplog.records


@pytest.mark.parametrize("given", [COSINE, TRAPEZOID])
def test_all_options_reach_the_schedule_and_say_what_they_are(given):
    name = given[1]
    fields = LR_SCHEDULER_DATACLASS_REGISTRY[name].__dataclass_fields__
    cfg = parsed("--optimizer", "adamw", *given, "--floor-ratio", 0.25, "--total-num-update", 77, "--max-update", 9)
    assert (cfg.lr_scheduler.floor_ratio, cfg.lr_scheduler.total_num_update) == (0.25, 77)
    assert cfg.lr_scheduler.max_update == 9
    for option in set(fields) - {"_name", "lr", "max_update"}:
        assert fields[option].metadata["help"], option
