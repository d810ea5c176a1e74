"""Lines that repeat across documents, found through files, against a Counter."""

import random
from collections import Counter

import numpy as np
import pytest

from fairseq_hebrew.preprocess.cleaning import boilerplate
from fairseq_hebrew.preprocess.cleaning.boilerplate import count_lines_part, drop_lines, repeated_lines_part
from fairseq_hebrew.preprocess.cleaning.removed import Removed
from fairseq_hebrew.preprocess.cleaning.settings import Settings
from fairseq_hebrew.preprocess.documents import Document, read_documents


@pytest.mark.parametrize("more_than", [1, 2, 6])
def test_repeated_hashes_against_a_counter(tmp_path, monkeypatch, more_than):
    monkeypatch.setattr(boilerplate, "BLOCK", 1000)
    numbers = np.random.default_rng(1).integers(0, 1 << 64, 60_000, dtype=np.uint64)
    numbers[:20_000] = numbers[20_000:40_000]
    numbers[:300] = numbers[50_000]
    numbers[40_000:40_007] = [0, 1, 0, (1 << 64) - 1, (1 << 64) - 1, 0, 5]
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "none"]
    numbers[:17_000].tofile(paths[0])
    numbers[17_000:].tofile(paths[1])
    paths[2].touch()
    wanted = sorted(key for key, number in Counter(numbers.tolist()).items() if number > more_than)
    for memory in (1, 1000):
        repeated_lines_part(paths, tmp_path / "repeated", more_than, memory)
        assert np.fromfile(tmp_path / "repeated", dtype=np.uint64).tolist() == wanted and len(wanted)


def test_no_lines_no_hashes(tmp_path):
    (tmp_path / "a").touch()
    repeated_lines_part([tmp_path / "a"], tmp_path / "repeated", 1, 1)
    assert (tmp_path / "repeated").read_bytes() == b""


def test_lines_are_dropped_as_a_counter_says(tmp_path, written):
    choice = random.Random(2)
    pool = [f"שורה {number} " + "א" * choice.choice([1, 5, 189, 190, 191, 192, 193]) for number in range(30)]
    made = [[choice.choice(pool) for _ in range(choice.randint(1, 6))] for _ in range(60)]
    text = written(tmp_path / "a.txt", made)
    count_lines_part(text, tmp_path / "keys")
    repeated_lines_part([tmp_path / "keys"], tmp_path / "repeated", 5, 1)
    repeated = np.fromfile(tmp_path / "repeated", dtype=np.uint64)
    documents_with = Counter(line for lines in made for line in set(lines) if len(line) <= 200)
    gone = {line for line, number in documents_with.items() if number > 5}
    left = [[line for line in lines if line not in gone] for lines in made]
    settings = Settings(input=[], output=None, min_characters=12)
    done = drop_lines(list(read_documents(text)), repeated, "a.txt", settings, Removed(1000))
    kept = [lines for lines in left if len("\n".join(lines)) >= 12]
    assert done.text.tobytes().decode() == "".join("\n".join(lines) + "\n\n" for lines in kept)
    dropped = [(at, line) for at, lines in enumerate(made) for line in lines if line in gone]
    assert done.counts == {
        "documents_out": len(kept),
        "lines_out": sum(map(len, kept)),
        "lines_dropped_boilerplate": len(dropped),
        "dropped_boilerplate": len(made) - len(kept),
    }
    assert gone and len(kept) < len(made)
    starts = [document.line for document in read_documents(text)]
    rows = {(example.line, example.paragraph, example.before) for example in done.examples}
    assert rows == {
        (starts[at], position, line)
        for at, lines in enumerate(made)
        for position, line in enumerate(lines, start=1)
        if line in gone
    }


def test_nothing_repeats():
    batch = [Document(1, "שורה ראשונה\n".encode())]
    settings = Settings(input=[], output=None, min_characters=0)
    done = drop_lines(batch, np.empty(0, dtype=np.uint64), "a.txt", settings, Removed(1))
    assert done.text.tobytes() == batch[0].text + b"\n" and done.examples == []
