"""Shuffling: a uniform permutation that depends on the seed alone."""

from collections import Counter

import pytest

from fairseq_hebrew.preprocess import shuffle as module
from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.order import random_key
from fairseq_hebrew.preprocess.shuffle import Settings, shuffle


def texts(path):
    return [document.text for document in read_documents(path)]


def test_the_order_is_that_of_the_keys(tmp_path, documents, written):
    source = written(tmp_path / "a.txt", documents(300, seed=1))
    output = tmp_path / "out.txt"
    manifest = shuffle(Settings(input=[source], output=output, seed=7))
    before = texts(source)
    order = sorted(range(len(before)), key=lambda index: random_key(7, index))
    assert texts(output) == [before[index] for index in order]
    assert manifest["counts"]["documents"] == 300


@pytest.mark.parametrize("memory", [1, 2, 5])
def test_any_memory_gives_the_same_order(tmp_path, documents, written, monkeypatch, memory):
    source = written(tmp_path / "a.txt", documents(500, seed=2))
    shuffle(Settings(input=[source], output=tmp_path / "one.txt", memory=1000))
    monkeypatch.setattr(module, "OVERHEAD", 200)
    manifest = shuffle(Settings(input=[source], output=tmp_path / "many.txt", memory=memory))
    assert manifest["counts"]["buckets"] > 1
    assert (tmp_path / "many.txt").read_bytes() == (tmp_path / "one.txt").read_bytes()


def test_more_buckets_than_documents(tmp_path, written, monkeypatch):
    source = written(tmp_path / "a.txt", [["one"], ["two"], ["three"]])
    monkeypatch.setattr(module, "OVERHEAD", 1 << 40)
    manifest = shuffle(Settings(input=[source], output=tmp_path / "out.txt", memory=1))
    assert manifest["counts"]["buckets"] == module.MOST_BUCKETS
    assert Counter(texts(tmp_path / "out.txt")) == Counter(texts(source))


def test_equal_documents_and_strange_bytes_survive(tmp_path, written, monkeypatch):
    monkeypatch.setattr(module, "OVERHEAD", 1 << 20)
    source = written(tmp_path / "a.txt", [["same", "same"]] * 50 + [["\x00\ufeff 😀"]] + [["א" * 5000]])
    shuffle(Settings(input=[source], output=tmp_path / "out.txt", memory=1))
    assert Counter(texts(tmp_path / "out.txt")) == Counter(texts(source))


def test_the_seed_changes_the_order(tmp_path, documents, written):
    source = written(tmp_path / "a.txt", documents(100, seed=3))
    made = set()
    for seed in range(5):
        shuffle(Settings(input=[source], output=tmp_path / "out.txt", seed=seed))
        made.add((tmp_path / "out.txt").read_bytes())
    assert len(made) == 5


def test_every_order_of_four_documents_is_as_likely():
    # The order of the keys is the order of the stage (first test): 24 permutations over 4,800 seeds.
    seen = Counter(tuple(sorted(range(4), key=lambda index: random_key(seed, index))) for seed in range(4800))
    assert len(seen) == 24
    assert sum((count - 200) ** 2 / 200 for count in seen.values()) < 53, "chi-square of 23 degrees, 1 in 2,500"


def test_every_document_lands_everywhere():
    places = [[0] * 20 for _ in range(20)]
    for seed in range(2000):
        for place, index in enumerate(sorted(range(20), key=lambda index: random_key(seed, index))):
            places[index][place] += 1
    statistic = sum((count - 100) ** 2 / 100 for row in places for count in row)
    assert statistic < 361 + 4 * (2 * 361) ** 0.5, "chi-square of 19 x 19 degrees"


def test_the_command(tmp_path, documents, written, command):
    source = written(tmp_path / "a.txt", documents(50, seed=4))
    done = command("shuffle", "--input", source, "--output", tmp_path / "out.txt", "--seed", "3")
    assert done.returncode == 0
    shuffle(Settings(input=[source], output=tmp_path / "same.txt", seed=3))
    assert (tmp_path / "out.txt").read_bytes() == (tmp_path / "same.txt").read_bytes()
