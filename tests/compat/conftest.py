"""What the tests of the cures share: fairseq's real commands, a corpus of some hundred words, a model of two layers."""

import os
import random
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
TINY_MODEL = shlex.split(
    "--encoder-layers 2 --encoder-embed-dim 32 --encoder-ffn-embed-dim 64 --encoder-attention-heads 2 "
    "--max-positions 64"
)
TINY_RUN = shlex.split(
    "--cpu --criterion masked_lm --tokens-per-sample 32 --optimizer adam --lr 1e-3 --lr-scheduler fixed "
    "--batch-size 8 --log-format simple --log-interval 1 --num-workers 0 --no-epoch-checkpoints"
)
STOCK = ["--task", "masked_lm", "--arch", "roberta_base", *TINY_MODEL, *TINY_RUN]


def settings(**more):
    """The environment of a command: none of the variables that would steer Python or hydra from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HYDRA", "TORCH"))}
    return {**kept, "OMP_NUM_THREADS": "1", **more}


def _run(arguments, cwd, **environment):
    """Run a command to its end."""
    command = [str(argument) for argument in arguments]
    return subprocess.run(command, cwd=cwd, env=settings(**environment), capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="session")
def run_any():
    """A function that runs any command, given as a list: run_any([...], cwd=...)."""
    return _run


@pytest.fixture(scope="session")
def run_ranks():
    """A function that runs the processes of a distributed run side by side, and gives what each said."""

    def run(commands, cwd):
        started = [
            subprocess.Popen(
                [str(argument) for argument in command],
                cwd=cwd,
                env=settings(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for command in commands
        ]
        said = [process.communicate(timeout=180)[0] for process in started]
        return [process.returncode for process in started], said

    return run


@pytest.fixture(scope="session")
def run():
    """A function that runs one of the commands of this environment: run("fairseq-train", ..., cwd=...)."""
    return lambda name, *arguments, cwd, **environment: _run([BIN / name, *arguments], cwd, **environment)


@pytest.fixture(scope="session")
def python():
    """A function that runs a Python script in a process of its own: python(code, cwd=...)."""
    return lambda code, *arguments, cwd, **environment: _run(
        [sys.executable, "-c", code, *arguments], cwd, **environment
    )


@pytest.fixture(scope="session")
def stock_arguments():
    """The arguments of a stock masked_lm run with a tiny roberta_base."""
    return STOCK


@pytest.fixture(scope="session")
def tiny_run():
    """The arguments of any tiny masked_lm run, its task and model left open."""
    return TINY_RUN


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, run):
    """A binarized corpus of documents, made by fairseq-preprocess with two workers."""
    folder = tmp_path_factory.mktemp("corpus")
    chance = random.Random(1)
    words = [f"מילה{number}" for number in range(60)]
    for split, documents in (("train", 40), ("valid", 10)):
        lines = []
        for _ in range(documents):
            lines += [" ".join(chance.choices(words, k=chance.randint(3, 12))) for _ in range(3)] + [""]
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    prefixes = [f"--{split}pref={folder / split}.txt" for split in ("train", "valid")]
    done = run("fairseq-preprocess", "--only-source", *prefixes, "--destdir=bin", "--workers=2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


@pytest.fixture(scope="session")
def trained(tmp_path_factory, run, corpus):
    """The checkpoint a stock run of three updates left: for the tests to copy, never to change."""
    folder = tmp_path_factory.mktemp("trained")
    done = run("fairseq-train", corpus, *STOCK, "--max-update", 3, "--save-dir", folder, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "hydra" not in done.stderr, "the warnings about fairseq's calls of hydra are silenced"
    return folder / "checkpoint_last.pt"


@pytest.fixture(scope="session")
def state(trained):
    """What that checkpoint holds, as it was saved: for the tests to read, never to change."""
    import fairseq.checkpoint_utils  # noqa: F401  (it is then that torch is told its classes)
    import torch

    return torch.load(trained)
