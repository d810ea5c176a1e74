"""`python -m fairseq_hebrew.sweep.guarded PARENT COMMAND...`: become a command that dies with the process PARENT.

A sweep that is killed must not leave trainings behind that nobody waits for: Linux ends them (prctl(2),
PR_SET_PDEATHSIG). What a fork does between fork and exec is unsafe in a process with threads, hence a program.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, *command = arguments
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # A parent that died before this line sends nothing any more.
    if os.getppid() != int(parent):
        raise SystemExit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
