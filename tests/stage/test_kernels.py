"""Kernels: compiled loops that threads can share."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from fairseq_hebrew.stage.kernels import kernel


@kernel
def spin(numbers, rounds):
    total = 0
    for _ in range(rounds):
        for i in range(len(numbers)):
            total ^= numbers[i] + 1
    return total


def test_a_kernel_is_compiled_and_other_threads_run_meanwhile():
    numbers = np.arange(999)
    assert spin(numbers, 1) == spin.py_func(numbers.tolist(), 1)
    ticks, stop = [], threading.Event()

    def count():
        while not stop.wait(0.001):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=count)
    thread.start()
    try:
        for _ in range(100):  # on a machine with much to do the thread may get no core in a call's tenth of a second
            begun = time.monotonic()
            spin(numbers, 200_000)
            half = (time.monotonic() - begun) / 2  # just before and after a call the lock is nobody's
            if any(abs(tick - begun - half) < half / 2 for tick in ticks):
                return
    finally:
        stop.set()
        thread.join()
    pytest.fail("the thread stood still in every call")


def test_numba_starts_without_scipy_and_leaves_it_to_others():
    code = (
        "import sys\nfrom tests.stage.test_kernels import spin\nimport numpy as np\nspin(np.arange(3), 1)\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'scipy'])\n"
        "try:\n    import scipy\nexcept ModuleNotFoundError as error:\n    print(error.name, 'halted' in str(error))\n"
        "else:\n    print('scipy False')"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nscipy False\n"
