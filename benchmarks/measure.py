"""Running a command and measuring it: seconds, and the peak memory of the process with all its children."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
# How often memory is read: a peak shorter than this can be missed.
EVERY = 0.01


@dataclass(frozen=True)
class Measured:
    """`peak` is the sum over the process tree of the memory that is its own (bytes): mapped files do not count."""

    seconds: float
    peak: int


@dataclass(frozen=True)
class Comparison:
    """One question's answer: ours and a peer's on the same work. `goal` is how many times faster ours should be."""

    work: str
    peer: str
    megabytes: float
    ours: Measured
    theirs: Measured
    goal: float

    @property
    def ratio(self) -> float:
        return self.theirs.seconds / self.ours.seconds

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal


def run(command: Sequence[object], cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end. Raises RuntimeError with the end of its output when it fails."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)), cwd=cwd, env={**os.environ, **(environment or {})}, stdout=output, stderr=output
        )
        peak = 0

        def watch() -> None:
            nonlocal peak
            while process.poll() is None:
                peak = max(peak, sum(_memory(number) for number in _tree(process.pid)))
                time.sleep(EVERY)

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        seconds = time.perf_counter() - started
        watcher.join()
        if status:
            output.seek(0)
            raise RuntimeError(f"{' '.join(map(str, command))}: exit status {status}\n{output.read()[-2000:]}")
    return Measured(seconds, peak)


def best(work: Callable[[], Measured], times: int) -> Measured:
    """The quickest of several runs, with the largest peak: other work on the machine only ever slows a run down."""
    runs = [work() for _ in range(times)]
    return Measured(min(run.seconds for run in runs), max(run.peak for run in runs))


def python(module: str, *arguments: object) -> list[object]:
    """The command that runs a module of this project with this Python."""
    return [sys.executable, "-m", module, *arguments]


def stage(name: str, *arguments: object) -> list[object]:
    """The command of a corpus stage; it runs although its output may be up to date."""
    return python("fairseq_hebrew.cli", name, *arguments, "--force")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ("---",) * len(head), *rows])


def _tree(number: int) -> list[int]:
    found, waiting = [], [number]
    while waiting:
        number = waiting.pop()
        found.append(number)
        try:
            for task in Path(f"/proc/{number}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue
    return found


def _memory(number: int) -> int:
    """RssAnon of a process in bytes; 0 when it has ended."""
    try:
        for line in Path(f"/proc/{number}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
