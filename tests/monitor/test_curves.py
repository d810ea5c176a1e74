"""The curves of a log, and what becomes of them when a run goes back."""

import numpy as np

from fairseq_hebrew.monitor.curves import EPOCH, TRAIN, Curve, Log, Record


def test_columns_stand_beside_the_updates_with_nan_where_nothing_was_told():
    curve = Curve()
    curve.add(10, {"loss": 9.0})
    curve.add(20, {"loss": 8.0, "gnorm": 1.5})
    curve.add(30, {"gnorm": 1.0})
    assert curve.updates.tolist() == [10, 20, 30] and curve.updates.dtype == np.int64
    assert np.array_equal(curve.column("loss"), [9.0, 8.0, np.nan], equal_nan=True)
    assert np.array_equal(curve.column("gnorm"), [np.nan, 1.5, 1.0], equal_nan=True)
    assert np.isnan(curve.column("mfu")).all() and len(curve.column("mfu")) == 3
    assert curve.rows() == [{"loss": 9.0}, {"loss": 8.0, "gnorm": 1.5}, {"gnorm": 1.0}]


def test_what_was_handed_out_does_not_change():
    curve = Curve()
    curve.add(10, {"loss": 9.0})
    losses = curve.column("loss")
    curve.add(20, {"loss": 8.0})
    curve.add(10, {"loss": 7.0})
    assert losses.tolist() == [9.0] and curve.column("loss").tolist() == [7.0]


def test_a_resumed_run_replaces_what_it_tells_again_and_all_that_was_after():
    log = Log()
    for update in range(10, 101, 10):
        log.add(Record(TRAIN, update, {"loss": 1.0}))
    for update in (50, 75, 100):
        log.add(Record("valid", update, {"loss": 3.0}))
        log.add(Record(EPOCH, update, {"loss": 4.0}))
    for update in (60, 70):
        log.add(Record(TRAIN, update, {"loss": 2.0}))
    assert log.steps.updates.tolist() == [10, 20, 30, 40, 50, 60, 70]
    assert log.steps.column("loss").tolist() == [1.0] * 5 + [2.0] * 2
    assert log.valid["valid"].updates.tolist() == log.epochs.updates.tolist() == [50]
    assert log.resumed == [(100, 60)] and log.last == 70


def test_a_record_told_twice_is_no_resuming():
    log = Log()
    for loss in (3.0, 2.0):
        log.add(Record(TRAIN, 10, {"loss": loss}))
    assert log.steps.column("loss").tolist() == [2.0] and log.resumed == []


def test_averages_of_epochs_stand_in_where_no_steps_were_logged():
    log = Log()
    log.add(Record(EPOCH, 50, {"loss": 4.0}))
    assert log.train is log.epochs
    log.add(Record(TRAIN, 60, {"loss": 3.0}))
    assert log.train is log.steps


def test_an_empty_log():
    log = Log()
    assert log.last == -1 and len(log.train) == 0 and log.train.rows() == []
