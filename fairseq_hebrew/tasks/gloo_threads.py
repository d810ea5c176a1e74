"""A process of a group leaves when gloo's threads have let go of its tensors.

fairseq's commands end without leaving their process groups. A collective is over when the thread that carried it out
has said so; only after that does the thread give up its hold on the tensors, and for one that Python holds too it needs
the interpreter's lock. If the interpreter is being finalized by then, the thread is unwound and the whole process
aborted ("terminate called without an active exception", SIGABRT), with the training done and all written: seen where
processes outnumber the cores. Destroying the groups does not help: what torch's DistributedDataParallel leaves behind
keeps the threads alive.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fairseq_hebrew.tasks.command_end import before_commands_end

NAME = "pt_gloo_runloop"
LOOKS = 3  # in a row
PAUSE = 0.002  # seconds; in it a thread that wants the interpreter's lock gets it
PATIENCE = 10.0  # seconds


def states(threads: Path = Path("/proc/self/task")) -> Iterator[str]:
    """Of this process's threads that carry out collectives: one letter each, R where it has work and waits for a core,
    S where it sleeps (proc(5)). None where the system has no such folder.
    """
    for stat in threads.glob("*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:  # the thread has ended
            continue
        if name == NAME:
            yield rest.split()[0]


def wait_until_they_rest(look: Callable[[], Iterator[str]] = states) -> None:
    """Return when they all sleep: with every collective waited for, what they sleep for is the next.

    Returns after PATIENCE in any case.
    """
    until = time.monotonic() + PATIENCE
    resting = 0
    while resting < LOOKS and time.monotonic() < until:
        time.sleep(PAUSE)
        resting = resting + 1 if all(state == "S" for state in look()) else 0


def _leave() -> None:
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        wait_until_they_rest()


def rest_before_the_end() -> None:
    """Have fairseq's commands wait for them; made when the plugin is imported, harmless when repeated."""
    before_commands_end("gloo's threads", _leave)
