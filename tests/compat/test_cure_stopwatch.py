"""After a resume the clock runs, and what is logged goes into the meters that were read."""

import time

import pytest


@pytest.fixture
def metrics():
    from fairseq.logging import metrics

    metrics.reset()
    yield metrics
    metrics.reset()


def test_wall_runs_on(metrics):
    metrics.log_start_time("wall")
    state = metrics.state_dict()
    metrics.reset()
    metrics.log_start_time("wall")
    metrics.load_state_dict(state)
    begun = metrics.get_meter("default", "wall").elapsed_time
    time.sleep(0.01)
    assert metrics.get_meter("default", "wall").elapsed_time > begun
    metrics.log_scalar("seen", 3)
    assert metrics.get_meter("default", "seen").avg == 3


def test_states_without_a_clock(metrics):
    metrics.load_state_dict({})
    metrics.load_state_dict({"train": []})
    assert metrics.get_meters("train") == {}
