"""Fixtures that several rooms use: real commands, and a small tokenizer trained on the demo's hand-written text."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# A thread a process, before torch is imported: two workers that each take both of two cores wait for one another, and
# take seven times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
HANDWRITTEN = ROOT / "demo" / "corpus" / "handwritten"


def run(name: str, *arguments: object, cwd: Path = ROOT, timeout: int = 180) -> subprocess.CompletedProcess:
    """Run an installed command as a user would; nothing is raised for a failure."""
    return subprocess.run(
        [Path(sys.executable).parent / name, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def heed_interrupts() -> None:
    """preexec_fn of a process that is to be interrupted: tests that run in the background ignore SIGINT, and so would
    it; and a test that has trained in this process has its children shielded from what a scheduler sends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGUSR1))


def the_error(done: subprocess.CompletedProcess) -> str:
    """The one line a failed command tells, after checking that it failed as bad input should."""
    assert done.returncode == 1, (done.returncode, done.stderr[-2000:])
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr[-2000:]
    return lines[0]


@pytest.fixture(scope="session")
def tokenizer_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE of 800 entries."""
    from fairseq_hebrew.preprocess.train_bpe import Settings, train_bpe

    folder = tmp_path_factory.mktemp("tokenizer")
    files = sorted(HANDWRITTEN.glob("a0*.txt"))
    train_bpe(Settings(input=files, output=folder, vocab_size=800))
    return folder
