import pytest

from fairseq_hebrew.sweep.points import Point, Setting
from fairseq_hebrew.sweep.selection import choose, summaries
from fairseq_hebrew.sweep.store import Result


def found(values, seeds=(1, 2, 3)):
    """Summaries of settings with these dev values by seed; None: failed, "": not run."""
    results = {}
    for setting, row in values.items():
        for seed, value in zip(seeds, row):
            if value != "":
                point = Point("m", setting, seed)
                results[point] = Result(point, 0, value, None if value is not None else "it broke", 1, 1, 1, 1.0)
    return summaries("m", list(values), seeds, results)


A, B, C = Setting(1e-5, 16), Setting(1e-5, 32), Setting(5e-5, 16)


def test_the_best_mean_is_chosen():
    one, two = found({A: (80.0, 82.0, 84.0), B: (90.0, 70.0, 85.0)})
    assert (one.mean, one.deviation) == (82.0, 2.0) and two.mean == pytest.approx(81.6667, abs=1e-4)
    assert choose([one, two]).setting == A


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({A: (80.0, 82.0, 84.0), C: (81.0, 82.0, 83.0)}, C),  # the smaller deviation
        ({C: (80.0, 82.0, 84.0), B: (84.0, 82.0, 80.0)}, B),  # the smaller learning rate
        ({B: (80.0, 82.0, 84.0), A: (84.0, 80.0, 82.0)}, A),  # the smaller batch
        ({C: (0.1, 0.2, 0.3), A: (0.3, 0.2, 0.1)}, A),  # sums that differ in the last bit tie
    ],
)
def test_ties(values, setting):
    assert choose(found(values)).setting == setting


def test_a_setting_that_lacks_a_seed_is_not_chosen():
    summary = found({A: (99.0, 99.0, None), B: (50.0, 50.0, 50.0), C: (99.0, 99.0, "")})
    assert choose(summary).setting == B
    assert [one.failed for one in summary] == [1, 0, 0] and [one.whole for one in summary] == [False, True, False]
    assert choose(found({A: (None, 90.0, 90.0)})) is None and choose([]) is None


def test_a_single_seed_has_no_deviation():
    (one,) = found({A: (80.0,)}, seeds=(7,))
    assert one.deviation is None and choose([one]).dev == {7: 80.0}
