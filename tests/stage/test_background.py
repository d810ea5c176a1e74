"""Work beside the caller's."""

import threading

import pytest

from fairseq_hebrew.stage.background import Background


def test_it_runs_at_once_and_is_waited_for():
    started, go = threading.Event(), threading.Event()

    def work():
        started.set()
        go.wait(60)
        return 5

    background = Background(work)
    assert started.wait(60)
    go.set()
    assert background.result() == background.result() == 5


def test_what_it_raises_is_raised_where_it_is_waited_for():
    background = Background(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        background.result()
