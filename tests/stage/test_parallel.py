"""Ordered work in several processes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.parallel import AHEAD, ordered_map
from tests.conftest import heed_interrupts

_shift = 0


def start(shift):
    global _shift
    _shift = shift


def work(number):
    time.sleep(0.02 * (number % 3))
    return number + _shift


def fail_at_three(number):
    if number == 3:
        raise UserError("three")
    return number


def end_at_three(number):
    if number == 3:
        os._exit(9)
    return number


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_chunks(workers, threads):
    assert list(ordered_map(work, range(20), workers, start, (100,), threads)) == list(range(100, 120))


def test_an_error_in_a_thread_ends_the_work():
    with pytest.raises(UserError, match="three"):
        list(ordered_map(fail_at_three, range(50), 2, threads=True))


@pytest.mark.parametrize("workers", [1, 2])
def test_few_chunks_are_held(workers):
    taken = 0

    def chunks():
        nonlocal taken
        for number in range(50):
            taken += 1
            yield number

    for done, _ in enumerate(ordered_map(work, chunks(), workers)):
        assert taken - done <= AHEAD * workers


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_workers_and_of_the_reader_come_through(workers):
    with pytest.raises(UserError, match="three"):
        list(ordered_map(fail_at_three, range(9), workers))

    def chunks():
        yield 1
        raise UserError("reading")

    with pytest.raises(UserError, match="reading"):
        list(ordered_map(work, chunks(), workers))


def test_a_killed_worker_is_a_clear_line():
    with pytest.raises(UserError, match="fewer --workers"):
        list(ordered_map(end_at_three, range(9), 2))


def test_no_worker_is_refused():
    with pytest.raises(UserError, match="--workers 0"):
        list(ordered_map(work, [1], 0))


def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\n"
        "from fairseq_hebrew.stage.parallel import ordered_map\n"
        "def pid(_):\n"
        "    time.sleep(0.1)\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    for number in ordered_map(pid, range(10000), 2):\n"
        "        print(number, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        pids = {int(process.stdout.readline()) for _ in range(6)}
        os.kill(process.pid, signal.SIGKILL)
    for _ in range(100):
        if not any(os.path.exists(f"/proc/{pid}") and _state(pid) != "Z" for pid in pids):
            return
        time.sleep(0.1)
    pytest.fail("workers outlive their parent")


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize("whom", ["all", "a worker before its parent"])
def test_an_interruption_is_told_by_the_parent_alone(tmp_path, whom):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "from fairseq_hebrew.stage.errors import run_command\n"
        "from fairseq_hebrew.stage.parallel import ordered_map\n"
        "def work(number):\n"
        f"    open(os.path.join({str(tmp_path)!r}, f'{{number}}.{{os.getpid()}}'), 'w').close()\n"
        "    time.sleep(60 if number < 1 else 0)\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(run_command(lambda: list(ordered_map(work, range(2), 2)), False))\n"
    )
    command = [sys.executable, str(script)]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed_interrupts
    )
    while len(list(tmp_path.glob("[01].*"))) < 2:
        time.sleep(0.01)
    if whom == "all":  # as a terminal does: to every process of the command
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(int(next(tmp_path.glob("0.*")).suffix[1:]), signal.SIGINT)
    assert process.communicate()[1] == "interrupted: run the same command again to go on\n"
    assert process.returncode == 130
