"""What the tests of the corpus stages share: Hebrew-like text, the real commands, a small tokenizer."""

import random
import subprocess
import sys

import pytest

LETTERS = "אבגדהוזחטיכלמנסעפצקרשת"


def _documents(count, seed, paragraphs=3, words=12):
    choice = random.Random(seed)
    lexicon = ["".join(choice.choices(LETTERS, k=choice.randint(2, 7))) for _ in range(400)]

    def paragraph():
        return " ".join(choice.choices(lexicon, k=choice.randint(3, words))) + choice.choice(".?!")

    return [[paragraph() for _ in range(choice.randint(1, paragraphs))] for _ in range(count)]


@pytest.fixture(scope="session")
def documents():
    """A function that makes documents (lists of paragraphs) of invented words: documents(count, seed)."""
    return _documents


@pytest.fixture(scope="session")
def written():
    """A function that writes documents in the layout between stages and returns the path."""

    def write(path, made):
        path.write_text("".join("\n".join(lines) + "\n\n" for lines in made), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def command():
    """A function that runs `fairseq-hebrew NAME ...` as a process of its own."""

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "fairseq_hebrew.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )

    return run


@pytest.fixture(scope="session")
def refused(command):
    """A function that runs a command and asserts that it ends with one clear line; the line.

    The exit status is 1, or `status`: wrong usage has 2.
    """

    def run(*arguments, status=1, **options):
        done = command(*arguments, **options)
        assert done.returncode == status, (done.returncode, done.stderr)
        assert done.stdout == "" and "Traceback" not in done.stderr
        lines = done.stderr.splitlines()
        assert [line for line in lines if line.startswith("error: ")] == lines[-1:], done.stderr
        return lines[-1]

    return run


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    """A folder with a byte-level tokenizer of 400 entries."""
    from fairseq_hebrew.preprocess.train_bpe import Settings, train_bpe

    folder = tmp_path_factory.mktemp("tokenizer")
    text = folder / "text.txt"
    text.write_text("\n".join(line for made in _documents(600, seed=5) for line in made), encoding="utf-8")
    train_bpe(Settings(input=[text], output=folder, vocab_size=400))
    return folder
