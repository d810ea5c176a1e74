"""Bounds of keys, against a plain sort."""

import random

import numpy as np
import pytest

from fairseq_hebrew.preprocess.ordering import selection
from fairseq_hebrew.preprocess.ordering.order import random_key
from fairseq_hebrew.preprocess.ordering.selection import END, bound, keyed_sizes, sizes_part, write_sizes


def plainly(sizes, seed, low, wanted, nearest):
    """(the numbers of the documents chosen, their sum)"""
    chosen, held = [], 0
    for index in sorted(range(len(sizes)), key=lambda index: random_key(seed, index)):
        if random_key(seed, index) < low:
            continue
        if held >= wanted:
            break
        if nearest and held + sizes[index] >= wanted and wanted - held < held + sizes[index] - wanted:
            break
        chosen.append(index)
        held += sizes[index]
    return sorted(chosen), held


@pytest.mark.parametrize("block, bins", [(1, 2), (3, 5), (1 << 20, 1 << 12)])
def test_against_a_plain_sort(tmp_path, monkeypatch, block, bins):
    monkeypatch.setattr(selection, "BLOCK", block)
    monkeypatch.setattr(selection, "BINS", bins)
    choice = random.Random(1)
    for seed in range(60):
        sizes = [choice.choice([1, 2, 10, 1000]) for _ in range(choice.randint(1, 60))]
        paths = [tmp_path / "a", tmp_path / "b"]
        cut = choice.randrange(len(sizes))
        for path, part in zip(paths, (sizes[:cut], sizes[cut:])):
            assert write_sizes(iter([np.array(part, np.int64)]), path) == (len(part), sum(part))
        keys = [random_key(seed, index) for index in range(len(sizes))]
        for low in (0, sorted(keys)[len(keys) // 3]):
            wanted, nearest = choice.choice([1, 7, 300, 2000, 1 << 40]), choice.random() < 0.5
            end, documents, held = bound(lambda: keyed_sizes(paths, seed), low, wanted, nearest)  # noqa: B023
            chosen = [index for index, key in enumerate(keys) if low <= key < end]
            assert (chosen, held) == plainly(sizes, seed, low, wanted, nearest)
            assert documents == len(chosen)


def test_less_than_is_wanted_is_all(tmp_path):
    np.array([3, 4], np.int64).tofile(tmp_path / "a")
    assert bound(lambda: keyed_sizes([tmp_path / "a"], 1), 0, 8) == (END, 2, 7)
    assert bound(lambda: keyed_sizes([tmp_path / "a"], 1), 0, 7)[1:] == (2, 7)


def test_sizes_are_those_of_the_text_the_stages_write(tmp_path, documents, written):
    text = written(tmp_path / "a.txt", documents(50, seed=1))
    assert sizes_part(text, "blank", tmp_path / "sizes") == (50, text.stat().st_size)
    assert np.fromfile(tmp_path / "sizes", np.int64).sum() == text.stat().st_size
