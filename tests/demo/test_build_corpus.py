"""The command that builds the demo corpus."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from demo.generator import foreign
from demo.generator.lexicon import (
    word_lists,
)

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / "demo" / "build_corpus.py"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(COMMAND), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": ""},
    )


@pytest.fixture
def hand(tmp_path) -> Path:
    folder = tmp_path / "hand"
    folder.mkdir()
    (folder / "b.txt").write_text("מסמך שני.\n", encoding="utf-8")
    (folder / "a.txt").write_text("מסמך ראשון.\nפסקה שנייה.\n\nועוד מסמך.\n", encoding="utf-8")
    return folder


def test_the_command_builds_a_corpus(tmp_path, hand):
    done = run(tmp_path, "--output", "out", "--words", "3000", "--clean", "--handwritten", str(hand))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert "hand-written words: 8," in done.stdout and "duplicates planted: 0" in done.stdout
    text = (tmp_path / "out" / "raw.txt").read_text(encoding="utf-8")
    assert len(text.split()) >= 3000 and text.endswith("\n\n")
    assert "מסמך ראשון.\nפסקה שנייה.\n\n" in text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["raw.txt"]


def test_the_command_is_deterministic_and_soils(tmp_path, hand):
    digests = set()
    for name in ("one", "two"):
        done = run(tmp_path, "--output", name, "--words", "9000", "--handwritten", str(hand))
        assert done.returncode == 0, done.stderr
        digests.add(hashlib.sha256((tmp_path / name / "raw.txt").read_bytes()).hexdigest())
    assert len(digests) == 1
    text = (tmp_path / "one" / "raw.txt").read_text(encoding="utf-8")
    assert foreign.YIDDISH[0] in text


def test_the_command_names_a_bad_file(tmp_path, hand):
    (hand / "c.txt").write_bytes(b"\xff\xfe\x00")
    done = run(tmp_path, "--output", "out", "--words", "500", "--handwritten", str(hand))
    assert done.returncode == 1
    assert "c.txt" in done.stderr and done.stderr.count("\n") == 1


def test_the_command_names_an_output_it_cannot_write(tmp_path, hand):
    (tmp_path / "file").write_text("")
    done = run(tmp_path, "--output", "file", "--words", "500", "--handwritten", str(hand))
    assert done.returncode == 1
    assert "raw.txt" in done.stderr and done.stderr.count("\n") == 1


def test_word_lists_are_there():
    for name in ("name_m", "name_f", "family", "city", "month", "town", "adverb", "weekday"):
        assert len(word_lists()[name]) >= 6
