"""What the tests of the engine share: sources, plans over them, and what a run left."""

import random
from pathlib import Path

import pytest

from fairseq_hebrew.preprocess.engine.backends import LocalBackend, LocalSettings
from fairseq_hebrew.preprocess.engine.records import open_sources
from fairseq_hebrew.preprocess.engine.run import run_plan
from tests.preprocess.engine.small_parts import phases_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def sources(tmp_path):
    """Four text files of a few hundred words each."""
    choice = random.Random(3)
    folder = tmp_path / "sources"
    folder.mkdir()
    for number in range(4):
        words = ["".join(choice.choices("אבגדה", k=choice.randint(1, 8))) for _ in range(300)]
        (folder / f"s{number}.txt").write_text(" ".join(words), encoding="utf-8")
    return sorted(folder.iterdir())


@pytest.fixture
def run(sources, tmp_path):
    """A function that runs the small plan: run(folder, backend, **changes of the plan); the folder."""

    def run(folder="made", backend=None, files=sources, force=False, **changes):
        root = folder if "://" in str(folder) else str(tmp_path / folder)
        opened = open_sources(root, [str(file) for file in files])
        phases = phases_of(list(opened.values()), **changes)
        run_plan(phases, root, backend or LocalBackend(LocalSettings()), force=force)
        return Path(root)

    return run


@pytest.fixture
def made():
    """A function that gives the lasting outputs of a run by name."""

    def contents(folder):
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in Path(folder).rglob("*")
            if path.is_file() and path.relative_to(folder).parts[0] in ("text", "total", "tokenizer", "data", "work")
        }

    return contents
