"""Measuring a command: its time, the memory of all its processes, its failure."""

import sys

import pytest

from benchmarks.measure import Comparison, Measured, best, run

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; held = bytearray(80_000_000); time.sleep(0.6)"])
held = bytearray(60_000_000)
child.wait()
"""


def test_the_memory_of_children_counts():
    measured = run([sys.executable, "-c", PARENT])
    assert measured.seconds >= 0.6
    assert 140e6 < measured.peak < 400e6


def test_a_failed_command_tells_its_output():
    with pytest.raises(RuntimeError, match=r"exit status 3\n.*the reason"):
        run([sys.executable, "-c", "import sys; print('the reason'); sys.exit(3)"])


def test_the_best_of_several_runs_keeps_the_largest_peak():
    runs = iter([Measured(3.0, 5), Measured(1.0, 4), Measured(2.0, 9)])
    assert best(lambda: next(runs), 3) == Measured(1.0, 9)


def test_a_goal_is_met_or_missed():
    ours = Measured(2.0, 1)
    assert Comparison("w", "p", 1, ours, Measured(8.0, 1), goal=4).met
    missed = Comparison("w", "p", 1, ours, Measured(7.0, 1), goal=4)
    assert not missed.met and missed.ratio == 3.5
