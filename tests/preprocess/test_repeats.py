"""Counting keys through disk, against a dict."""

import random
from collections import Counter

import numpy as np
import pytest

from fairseq_hebrew.preprocess import repeats
from fairseq_hebrew.preprocess.repeats import KeyCounter


def keys_with_repeats(width, seed):
    choice = random.Random(seed)
    # Bytes of zero at either end and in between are where string views of keys go wrong.
    alphabet = [0, 0, 0, 1, 255]
    return [bytes(choice.choices(alphabet, k=width)) for _ in range(choice.randint(1, 600))]


@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize("memory", [400, 5000, 1 << 30])
def test_against_a_dict(tmp_path, monkeypatch, width, memory):
    monkeypatch.setattr(repeats, "BLOCK", 37)
    for seed in range(6):
        keys = keys_with_repeats(width, seed)
        counts = Counter(keys)
        counter = KeyCounter(tmp_path / "keys", width, memory)
        for key in keys:
            counter.add(key)
        seen = set()
        wanted = [not (key in seen or seen.add(key)) for key in keys]
        assert counter.first_occurrences().tolist() == wanted
        for more_than in (1, 2, 7):
            again = KeyCounter(tmp_path / "keys", width, memory)
            for key in keys:
                again.add(key)
            again.find_repeated(more_than)
            for key in counts:
                assert again.contains(key) == (counts[key] > more_than)


def test_no_keys(tmp_path):
    counter = KeyCounter(tmp_path / "keys", 8, 1 << 20)
    assert counter.first_occurrences().tolist() == []
    counter.find_repeated(1)
    assert not counter.contains(b"12345678")


def test_a_small_memory_takes_several_passes(tmp_path):
    counter = KeyCounter(tmp_path / "keys", 8, 1000)
    keys = np.random.default_rng(1).integers(0, 256, (1000, 8), dtype=np.uint8)
    for key in keys:
        counter.add(key.tobytes())
    passes = list(counter._passes())
    assert len(passes) == 64
    assert sorted(np.concatenate([positions for positions, _ in passes]).tolist()) == list(range(1000))
    assert max(len(positions) for positions, _ in passes) < 40
