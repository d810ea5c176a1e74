"""The row of several corpora, against a plain sort; its prefixes; its parts."""

import numpy as np
import pytest

from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.ordering import blocks, selection
from fairseq_hebrew.preprocess.ordering.interleave import Run, interleaved
from fairseq_hebrew.preprocess.ordering.order import random_key


@pytest.fixture
def runs(tmp_path, documents, written, monkeypatch):
    """Three corpora of several files: all once, some only, and two rounds and a bit."""
    monkeypatch.setattr(blocks, "BLOCK", 1500)
    monkeypatch.setattr(selection, "BLOCK", 11)
    made = []
    for name, files, epochs, bound in (("a", (60, 1, 40), 1, 0), ("b", (90,), 0, 1 << 63), ("c", (7, 20), 2, 1 << 62)):
        run = Run([], [], "blank", len(name), epochs, bound, 0)
        total = first = 0
        for number, count in enumerate(files):
            lines = [[f"{name} {number}", *lines] for lines in documents(count, seed=number + ord(name))]
            run.texts.append(written(tmp_path / f"{name}{number}.txt", lines))
            sizes = [len(document.text) + 1 for document in read_documents(run.texts[-1])]
            np.array(sizes, np.int64).tofile(tmp_path / f"{name}{number}.sizes")
            run.sizes.append(tmp_path / f"{name}{number}.sizes")
            kept = [size for i, size in enumerate(sizes, first) if random_key(run.seed, i) < bound]
            total += epochs * sum(sizes) + sum(kept)
            first += count
        made.append(Run(run.texts, run.sizes, "blank", run.seed, epochs, bound, total))
    return made


def plainly(runs):
    """(place, number of the run, text) of each document of the row."""
    row = []
    for number, run in enumerate(runs):
        texts = [document.text for path in run.texts for document in read_documents(path)]
        rest = [text for index, text in enumerate(texts) if random_key(run.seed, index) < run.bound]
        before = 0
        for text in texts * run.epochs + rest:
            row.append(((before + (len(text) + 1) / 2) / run.total, number, text + b"\n"))
            before += len(text) + 1
        assert before == run.total
    return sorted(row, key=lambda item: item[:2])


def test_the_row_is_sorted_by_place(runs):
    wanted = plainly(runs)
    made = list(interleaved(runs, 0, 1))
    assert b"".join(bytes(text) for _, text in made) == b"".join(text for _, _, text in wanted)
    taken = sum(counts for counts, _ in made)
    assert taken.tolist() == [sum(number == run for _, run, _ in wanted) for number in range(3)]


def test_any_prefix_has_the_shares_of_the_whole(runs):
    total = sum(run.total for run in runs)
    largest = max(len(text) for _, _, text in plainly(runs))
    held = np.zeros(3)
    for counts, text in interleaved(runs, 0, 1):
        assert counts.sum() >= 0 and len(text)
    for _, number, text in plainly(runs):
        held[number] += len(text)
        for run, so_far in zip(runs, held):
            assert abs(so_far - held.sum() * run.total / total) <= 2 * largest


@pytest.mark.parametrize("of", [2, 3, 7, 100])
def test_parts_joined_are_the_row(runs, of):
    whole = b"".join(bytes(text) for _, text in interleaved(runs, 0, 1))
    parts = [b"".join(bytes(text) for _, text in interleaved(runs, number, of)) for number in range(of)]
    assert b"".join(parts) == whole
    assert sum(map(bool, parts)) > 1


def test_files_outside_of_a_part_are_not_read(runs, monkeypatch):
    read = []
    real = blocks.read_blocks

    def reading(path, layout):
        read.append(path.name)
        return real(path, layout)

    monkeypatch.setattr("fairseq_hebrew.preprocess.ordering.interleave.read_blocks", reading)
    list(interleaved(runs, 0, 100))
    assert "a0.txt" in read and "a2.txt" not in read


def test_equal_places_are_taken_in_the_order_of_the_corpora(tmp_path):
    runs = []
    for name in "xyz":
        (tmp_path / f"{name}.txt").write_text("\n\n".join(f"{name}{number}" for number in range(5)) + "\n")
        np.full(5, 4, np.int64).tofile(tmp_path / f"{name}.sizes")
        runs.append(Run([tmp_path / f"{name}.txt"], [tmp_path / f"{name}.sizes"], "blank", 1, 1, 0, 20))
    row = b"".join(bytes(text) for _, text in interleaved(runs, 0, 1)).decode().split()
    assert row == [f"{name}{number}" for number in range(5) for name in "xyz"]
