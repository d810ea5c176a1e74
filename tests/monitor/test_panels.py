"""Curves as they are drawn."""

import numpy as np
import pytest

from fairseq_hebrew.monitor.curves import TRAIN, Log, Record
from fairseq_hebrew.monitor.panels import PANELS, lines, thinned
from fairseq_hebrew.monitor.spikes import rolling_median


def log_of(**values):
    log = Log()
    for i, loss in enumerate(values.pop("loss")):
        log.add(Record(TRAIN, i + 1, {"loss": loss, **{name: column[i] for name, column in values.items()}}))
    return log


@pytest.mark.parametrize("count", [1, 1999, 2000, 2001, 12_345, 300_000])
def test_thinning_keeps_the_ends_and_every_extreme(count):
    rng = np.random.default_rng(count)
    values = rng.standard_normal(count)
    values[rng.integers(count)] = 50.0
    places = thinned(values)
    assert len(places) <= min(count, 2002) and np.all(np.diff(places) > 0)
    assert places[0] == 0 and places[-1] == count - 1
    assert values[places].max() == 50.0 and values[places].min() == values.min()


def test_perplexity_is_two_to_the_loss_and_stays_finite():
    log = log_of(loss=[3.0, 5000.0])
    (line,) = lines(log, PANELS[1])
    assert line.values.tolist() == [8.0, 2.0**60]


def test_what_is_not_finite_is_not_drawn():
    (line,) = lines(log_of(loss=[3.0, float("nan"), float("inf"), 2.0]), PANELS[0])
    assert line.updates.tolist() == [1, 4]
    assert lines(log_of(loss=[float("nan")]), PANELS[0]) == []


def test_a_quantity_that_was_not_logged_has_no_line_and_the_better_name_counts():
    log = log_of(loss=[3.0], wps=[100.0], tokens_per_second=[90.0])
    by_title = {panel.title: lines(log, panel) for panel in PANELS}
    assert by_title["MFU"] == [] and by_title["Tokens a second"][0].values.tolist() == [90.0]
    log.add(Record("valid", 1, {"loss": 2.5, "wps": 1000.0}))
    assert [line.name for line in lines(log, PANELS[0])] == ["train", "valid"]
    # The speed of validation is nobody's question.
    assert [line.name for line in lines(log, by_title_panel("Tokens a second"))] == ["train"]


def by_title_panel(title):
    return next(panel for panel in PANELS if panel.title == title)


def test_the_course_that_spikes_are_measured_from_goes_with_the_loss_of_training():
    losses = 5.0 + np.random.default_rng(1).standard_normal(5000) / 10
    log = log_of(loss=losses, gnorm=losses, lr=losses)
    (loss,), (perplexity,), (norm,), (rate,) = (lines(log, panel) for panel in PANELS[:4])
    assert loss.course.tolist() == rolling_median(losses)[loss.updates - 1].tolist()
    assert perplexity.course == pytest.approx(2**loss.course)
    assert norm.course is not None and rate.course is None
    assert lines(log_of(loss=losses[:10]), PANELS[0])[0].course is None
