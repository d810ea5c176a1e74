"""Kernels: compiled loops that threads can share."""

import threading

import numpy as np

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
    ticks = []
    done = threading.Event()

    def count():
        while not done.wait(0.001):
            ticks.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    spin(numbers, 200_000)
    done.set()
    thread.join()
    assert len(ticks) > 2
